// Many, slow, broken and impatient clients; files that change under them. What must hold: every byte is right, or the
// connection is closed; and afterwards no descriptor and no buffer is still held.
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exchange, getResponse, patternBytes, readAll, sha256 } from './clients.ts'
import { startService, type Service } from './service.ts'

const large = patternBytes(24 * 1024 * 1024) // more than socket buffers hold, so that slow clients do hold it up
let service: Service

beforeEach(async () => {
  service = await startService()
})
afterEach(async () => {
  await nothingIsHeld(service)
  await service[Symbol.asyncDispose]()
})

async function nothingIsHeld(of: Service): Promise<void> {
  await expect.poll(() => of.server.requestsInFlight, { timeout: 10_000 }).toBe(0)
  expect(of.openFiles()).toEqual([])
  expect(await of.metric('ringmaster_http_body_buffers_in_use')).toBe(0)
  expect(await of.metric('ringmaster_http_body_buffer_waiters')).toBe(0)
}

const put = (name: string, content: string | Buffer): string => {
  const path = join(service.root, name)
  writeFileSync(path, content)
  return path
}

describe('many clients', () => {
  it('200 downloads at once are equal to their files', async () => {
    const agent = new Agent({ maxSockets: 200 })
    const files = Array.from({ length: 200 }, (_, index) => {
      const content = patternBytes(1 + ((index * 7919 * 131) % 1_500_000))
      content.writeUInt8(index, 0)
      put(`file-${index}`, content)
      return { name: `file-${index}`, hash: sha256(content) }
    })
    const hashes = await Promise.all(
      files.map(async ({ name }) => sha256(await readAll(await getResponse(service.url(`/b/${name}`), { agent })))),
    )
    expect(hashes).toEqual(files.map(({ hash }) => hash))
    agent.destroy()
  })

  it('wait for a buffer when there are few, and all are served', async () => {
    await using tight = await startService({ limits: { chunkBuffersMax: 2, smallBuffersMax: 1 } })
    const content = patternBytes(2_000_000)
    writeFileSync(join(tight.root, 'large'), content)
    writeFileSync(join(tight.root, 'small'), content.subarray(0, 5_000))
    const hashes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const response = await fetch(tight.url(index % 2 ? '/b/large' : '/b/small'))
        return sha256(Buffer.from(await response.arrayBuffer()))
      }),
    )
    expect(new Set(hashes)).toEqual(new Set([sha256(content), sha256(content.subarray(0, 5_000))]))
    await nothingIsHeld(tight)
  })

  it('are told to come back when slow ones have all buffers', async () => {
    await using tight = await startService({ limits: { chunkBuffersMax: 1, bufferWaitMsMax: 1 } })
    writeFileSync(join(tight.root, 'large'), large)
    const slow = await getResponse(tight.url('/b/large')) // holds the only buffer until it reads
    const refused = await fetch(tight.url('/b/large'))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(sha256(await readAll(slow))).toBe(sha256(large))
    await nothingIsHeld(tight)
  })
})

describe('a slow client', () => {
  it('holds two buffers and one descriptor at most, and gets every byte', async () => {
    put('large', large)
    const response = await getResponse(service.url('/b/large'))
    await expect
      .poll(() => service.metric('ringmaster_http_body_buffers_in_use'), { timeout: 10_000 })
      .toBeLessThanOrEqual(2)
    expect(service.openFiles()).toHaveLength(1)
    expect(sha256(await readAll(response))).toBe(sha256(large))
  })

  it('on whose connection nothing moves is closed', async () => {
    await using strict = await startService({ limits: { stalledMsMax: 50 } })
    writeFileSync(join(strict.root, 'large'), large)
    const response = await getResponse(strict.url('/b/large'))
    await expect.poll(() => strict.server.requestsInFlight, { timeout: 10_000 }).toBe(0)
    await expect(readAll(response)).rejects.toThrow()
    await nothingIsHeld(strict)
  })
})

describe('a client that goes away', () => {
  it.each([1, 50])('in the middle of a body (%d at once) leaves nothing behind', async (clients) => {
    put('large', large)
    await Promise.all(
      Array.from({ length: clients }, async () => {
        const response = await getResponse(service.url('/b/large'), { agent: false })
        await new Promise((resolve) => response.once('data', resolve))
        response.destroy()
      }),
    )
    await expect.poll(() => service.metric('ringmaster_http_clients_gone_total'), { timeout: 10_000 }).toBe(clients)
  })

  it('has what its socket took counted, and while it takes it', async () => {
    put('large', large)
    const response = await getResponse(service.url('/b/large'), { agent: false })
    await new Promise((resolve) => response.once('data', resolve))
    response.pause()
    const bytes = (): Promise<number> => service.metric('ringmaster_http_body_bytes_total')
    await expect.poll(bytes, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(await bytes()).toBeLessThan(large.length)
    response.destroy()
    await expect.poll(() => service.metric('ringmaster_http_clients_gone_total'), { timeout: 10_000 }).toBe(1)
    expect(await bytes()).toBeLessThan(large.length)
  })

  it('while it waits for a buffer leaves nothing behind', async () => {
    await using tight = await startService({ limits: { chunkBuffersMax: 1 } })
    writeFileSync(join(tight.root, 'large'), large)
    const slow = await getResponse(tight.url('/b/large'))
    const waiting = connect(tight.port, '127.0.0.1')
    waiting.write('GET /b/large HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => tight.metric('ringmaster_http_body_buffer_waiters'), { timeout: 10_000 }).toBe(1)
    waiting.destroy()
    await expect.poll(() => tight.metric('ringmaster_http_body_buffer_waiters'), { timeout: 10_000 }).toBe(0)
    slow.destroy()
    await nothingIsHeld(tight)
  })

  it('with requests still in its pipeline leaves nothing behind', async () => {
    put('large', large)
    const socket = connect(service.port, '127.0.0.1')
    socket.write('GET /b/large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20))
    await new Promise((resolve) => socket.once('data', resolve))
    expect(service.openFiles()).toHaveLength(1)
    socket.destroy()
  })
})

describe('a file', () => {
  it('that shrinks while it is sent ends in a closed connection, never in padding', async () => {
    const path = put('shrinking', large)
    const response = await getResponse(service.url('/b/shrinking'))
    expect(response.headers['content-length']).toBe(String(large.length))
    truncateSync(path, 1_000_000)
    await expect(readAll(response)).rejects.toThrow('aborted')
    expect(await service.metric('ringmaster_http_cut_short_total')).toBe(1)
  })

  it('that grows while it is sent is sent as long as was promised', async () => {
    const path = put('growing', large)
    const response = await getResponse(service.url('/b/growing'))
    appendFileSync(path, 'more')
    expect(sha256(await readAll(response))).toBe(sha256(large))
  })
})

describe('a connection', () => {
  it('is kept, and takes requests one after another', async () => {
    put('a', 'first')
    put('b', 'second')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    for (const name of ['a', 'b', 'missing', 'a']) {
      const response = await getResponse(service.url(`/b/${name}`), { agent })
      ports.add(response.socket.localPort)
      await readAll(response)
    }
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  it('may pipeline: answers come in order, whatever they are', async () => {
    put('small', 'small file')
    put('large', large.subarray(0, 3_000_000))
    const request = (line: string, last = false): string =>
      `${line} HTTP/1.1\r\nHost: x\r\n${last ? 'Connection: close\r\n' : ''}\r\n`
    const answers = await exchange(
      service.port,
      request('GET /b/large') +
        request('GET /b/missing') +
        request('HEAD /b/small') +
        request('POST /b/small') +
        request('GET /b/small', true),
    )
    expect(answers.match(/HTTP\/1\.1 \d{3}/g)).toEqual([200, 404, 200, 405, 200].map((code) => `HTTP/1.1 ${code}`))
    expect(answers.includes(large.subarray(0, 3_000_000).toString('latin1'))).toBe(true)
    expect(answers.endsWith('\r\n\r\nsmall file')).toBe(true)
  })
})
