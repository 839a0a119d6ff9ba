// What a client may not do, and what it is told: each limit with its status, what is left of it afterwards, and what others notice.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { patternBytes, sha256 } from '../http/clients.ts'
import { eventually } from '../services/harness.ts'
import { say, startObjects } from './objects.ts'
import type { Objects } from './objects.ts'
import { RawClient } from './raw-client.ts'

const host = 'Host: x\r\n'
const hurried = { deadlineCheckMs: 10, rateWindowMs: 60 }

/** Status of the only answer to `bytes`, which is the last of its connection. */
async function refusal(service: Objects, bytes: string): Promise<number> {
  const client = new RawClient(service.port)
  client.send(bytes)
  const [answer] = await client.hear(2)
  expect(client.answers).toHaveLength(1)
  expect(answer?.headers).toMatchObject({ connection: 'close' })
  client.close()
  return answer!.status
}

/** Sends a byte every now and then for as long as somebody listens. */
function drip(client: RawClient): void {
  const timer = setInterval(() => {
    if (client.ended) clearInterval(timer)
    else client.send('x')
  }, 3)
}

const levels = ({ server }: Objects): number =>
  server.connectionsOpen + server.requestsInFlight + server.bodyBuffersInUse + server.bodyBufferWaiters

const nothingLeft = (service: Objects): Promise<boolean> =>
  eventually(
    () =>
      levels(service) === 0 &&
      service.openFiles().length === 0 &&
      readdirSync(service.root).every((name) => !name.startsWith('.')),
  )

describe('time', () => {
  it('for a head that never ends is over, however many bytes come: 408', async () => {
    await using service = await startObjects({ limits: { headersMsMax: 60, deadlineCheckMs: 10 } })
    const client = new RawClient(service.port)
    client.send(`GET / HTTP/1.1\r\n${host}X: `)
    drip(client)
    expect((await client.hear(2)).map(({ status }) => status)).toEqual([408])
    client.close()
    expect(await nothingLeft(service)).toBe(true)
  })

  it.each([
    ['Content-Length: 1000000\r\n', ''],
    ['Transfer-Encoding: chunked\r\n', 'fffff;x\r\n'],
  ])('for an upload that crawls is over: 408 (%s)', async (header, start) => {
    await using service = await startObjects({ limits: { ...hurried, uploadBytesPerSecondMin: 1e9 } })
    const client = new RawClient(service.port)
    client.send(`PUT /b/a HTTP/1.1\r\n${host}${header}\r\n${start}`)
    drip(client)
    expect((await client.hear(2)).map(({ status }) => status)).toEqual([408])
    client.close()
    expect(existsSync(join(service.root, 'a'))).toBe(false)
    expect(await nothingLeft(service)).toBe(true)
  })

  it('for a body that nobody wants is over, too', async () => {
    await using service = await startObjects({ limits: { ...hurried, uploadBytesPerSecondMin: 1e9 } })
    const client = new RawClient(service.port)
    client.send(`GET / HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`)
    drip(client)
    expect((await client.hear(2)).map(({ status }) => status)).toEqual([200])
    client.close()
    expect(await nothingLeft(service)).toBe(true)
  })

  it('for who takes an answer byte by byte is over', async () => {
    await using service = await startObjects({ limits: { ...hurried, readBytesPerSecondMin: 1e12 } })
    writeFileSync(join(service.root, 'a'), patternBytes(24 * 1024 * 1024))
    const client = new RawClient(service.port)
    client.socket.pause()
    client.send(`GET /b/a HTTP/1.1\r\n${host}\r\n`)
    expect(await nothingLeft(service)).toBe(true)
    client.close()
  })

  it('to go away is over for who goes on to send', async () => {
    await using service = await startObjects({ limits: { deadlineCheckMs: 10, lingerMsMax: 40, lingerMsTotal: 120 } })
    const client = new RawClient(service.port)
    client.send('nonsense\r\n\r\n')
    drip(client)
    expect((await client.hear(2)).map(({ status }) => status)).toEqual([400])
    expect(await nothingLeft(service)).toBe(true)
    client.close()
  })
})

describe('size', () => {
  it('of an upload: 413, without being asked for it, and nothing is stored', async () => {
    await using service = await startObjects({ limits: { uploadBytesMax: 1000 } })
    const put = `PUT /b/new/a HTTP/1.1\r\n${host}`
    expect(await refusal(service, `${put}Content-Length: 1001\r\n\r\n`)).toBe(413)
    expect(await refusal(service, `${put}Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n`)).toBe(413)
    expect(existsSync(join(service.root, 'new'))).toBe(false)
    const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`
    expect(await refusal(service, `${put}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}1\r\nx\r\n`)).toBe(413)
    expect(existsSync(join(service.root, 'new', 'a'))).toBe(false)
    expect((await say(service.port, 'PUT', '/b/a', Buffer.alloc(1000))).status).toBe(201)
    expect((await say(service.port, 'PUT', '/b/b', [Buffer.alloc(600), Buffer.alloc(400)])).status).toBe(201)
    expect(await nothingLeft(service)).toBe(true)
  })

  it('of a target: 414; of headers, or of their number: 431', async () => {
    await using service = await startObjects({ limits: { headersMax: 20 } })
    expect(await refusal(service, `GET /b/${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`)).toBe(414)
    expect(await refusal(service, `GET /b/${'a'.repeat(20_000)}`)).toBe(414)
    expect(await refusal(service, `GET / HTTP/1.1\r\n${host}A: ${'a'.repeat(20_000)}`)).toBe(431)
    expect(await refusal(service, `GET / HTTP/1.1\r\n${host}${'A: b\r\n'.repeat(4000)}`)).toBe(431)
    expect(await refusal(service, `GET / HTTP/1.1\r\n${host}${'A: b\r\n'.repeat(20)}\r\n`)).toBe(431)
    expect((await say(service.port, 'GET', `/b/${'a'.repeat(5000)}`)).status).toBe(414)
  })
})

describe('number', () => {
  it('of uploads at a time: 503, and when to come again', async () => {
    await using service = await startObjects({ limits: { uploadsMax: 1 } })
    const first = new RawClient(service.port)
    first.send(`PUT /b/a HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nab`)
    expect(await eventually(() => service.server.requestsInFlight === 1)).toBe(true)
    const second = await say(service.port, 'PUT', '/b/b', 'x')
    expect([second.status, second.headers['retry-after']]).toEqual([503, '1'])
    first.send('cde')
    expect((await first.hear(1))[0]?.status).toBe(201)
    expect((await say(service.port, 'PUT', '/b/b', 'x')).status).toBe(201)
    first.close()
  })

  it('of who waits for a buffer: 503, and who waits no more leaves it to others', async () => {
    await using service = await startObjects({ limits: { chunkBuffersMax: 1, bufferWaitersMax: 0 } })
    writeFileSync(join(service.root, 'a'), patternBytes(24 * 1024 * 1024))
    const first = new RawClient(service.port)
    first.socket.pause()
    first.send(`GET /b/a HTTP/1.1\r\n${host}\r\n`)
    expect(await eventually(() => service.server.bodyBuffersInUse === 1)).toBe(true)
    const second = await say(service.port, 'GET', '/b/a')
    expect([second.status, second.headers['retry-after']]).toEqual([503, '1'])
    first.close()
    expect(await nothingLeft(service)).toBe(true)
    expect((await say(service.port, 'HEAD', '/b/a')).status).toBe(200)
    expect((await say(service.port, 'GET', '/b/a')).body.length).toBe(24 * 1024 * 1024)
  })

  it('of connections: the next one is closed at once, and the others go on', async () => {
    await using service = await startObjects({ limits: { connectionsMax: 2 } })
    const clients = [new RawClient(service.port), new RawClient(service.port)]
    for (const client of clients) {
      client.send(`GET / HTTP/1.1\r\n${host}\r\n`)
      await client.hear(1)
    }
    const third = new RawClient(service.port)
    await third.hear(1)
    expect([third.ended, third.answers.length]).toEqual([true, 0])
    clients[0]!.send(`GET / HTTP/1.1\r\n${host}\r\n`)
    expect((await clients[0]!.hear(2)).map(({ status }) => status)).toEqual([200, 200])
    for (const client of [...clients, third]) client.close()
    expect(await nothingLeft(service)).toBe(true)
  })
})

it('an upload in chunks of a byte each is written in larger parts, and is what was sent', async () => {
  let writes = 0
  await using service = await startObjects({
    durability: 'none',
    wrap: (store) => ({
      open: (path, flags) => store.open(path, flags),
      openFolder: (path) => store.openFolder(path),
      makeFolder: async (path, syncs) => {
        const folder = await store.makeFolder(path, syncs)
        const create = async (): ReturnType<typeof folder.create> => {
          const file = await folder.create()
          const write = (bytes: Uint8Array, position: number): Promise<number> => {
            writes++
            return file.write(bytes, position)
          }
          return {
            ...{
              write,
              sync: () => file.sync(),
              syncName: () => file.syncName(),
              stat: () => file.stat(),
              close: () => file.close(),
            },
            commit: (name, exclusive) => file.commit(name, exclusive),
          }
        }
        return {
          ...{
            fd: folder.fd,
            inode: folder.inode,
            create,
            stat: (name) => folder.stat(name),
            unlink: (name) => folder.unlink(name),
          },
          ...{ sync: () => folder.sync(), close: () => folder.close() },
        }
      },
    }),
  })
  const content = patternBytes(50_000)
  const chunks = [...content.toString('latin1')].map((byte) => `1\r\n${byte}\r\n`).join('')
  const client = new RawClient(service.port)
  client.send(`PUT /b/a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`)
  expect((await client.hear(1))[0]?.status).toBe(201)
  expect(sha256(readFileSync(join(service.root, 'a')))).toBe(sha256(content))
  expect(writes).toBeLessThan(content.length / 20)
  client.close()
})
