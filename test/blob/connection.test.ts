// Connections of the blob service, as clients see them that do other things than usual: how they end, what they hold, how long they may wait.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exchange, patternBytes, sha256, statusOf } from '../http/clients.ts'
import { eventually, seededRandom, testSeed } from '../services/harness.ts'
import { startObjects } from './objects.ts'

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

/** All that comes until the server ends the connection. */
function received(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  return new Promise((resolve, reject) => {
    socket.on('data', (part) => parts.push(part))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(parts)))
  })
}

it('a client that ends its side behind its request gets the answer', async () => {
  await using service = await startObjects()
  const content = patternBytes(3_000_000)
  writeFileSync(join(service.root, 'a'), content)
  const socket = connect({ port: service.port, host: '127.0.0.1', allowHalfOpen: true })
  const answer = received(socket)
  socket.on('end', () => socket.end())
  socket.end(get('/b/a'))
  const bytes = await answer
  expect(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).equals(content)).toBe(true)
})

it('a client that sends on behind what was refused reads the answer, and no reset', async () => {
  await using service = await startObjects()
  const upload = Buffer.alloc(150_000, 'x')
  for (const request of [
    'garbage\r\n\r\n',
    'PUT /b/../x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n',
    'POST /b/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n',
  ]) {
    const answer = await exchange(service.port, Buffer.concat([Buffer.from(request), upload]))
    expect([400, 405]).toContain(statusOf(answer))
  }
  expect(await eventually(() => service.server.connectionsOpen === 0)).toBe(true)
})

it('requests that come a byte at a time, or many at once, are all answered in order', async () => {
  await using service = await startObjects()
  const random = seededRandom(testSeed('blob-connection'))
  const contents = Array.from({ length: 6 }, (_, index) =>
    patternBytes(1 + Math.floor(random() * 40_000)).fill(index, 0, 1),
  )
  contents.forEach((content, index) => writeFileSync(join(service.root, `${index}`), content))
  const order = Array.from({ length: 60 }, () => Math.floor(random() * contents.length))
  const requests = Buffer.from(
    order.map((index, at) => get(`/b/${index}`, at === 59 ? 'Connection: close\r\n' : '')).join(''),
  )
  for (const sizeMax of [1, 50, 5_000]) {
    const socket = connect(service.port, '127.0.0.1').setNoDelay()
    const answer = received(socket)
    for (let at = 0; at < requests.length;) {
      const to = at + 1 + Math.floor(random() * sizeMax)
      socket.write(requests.subarray(at, to))
      at = to
      if (random() < 0.05) await new Promise((resolve) => setImmediate(resolve))
    }
    let bytes = await answer
    for (const index of order) {
      const head = bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4).toString('latin1')
      const length = Number(/^Content-Length: (\d+)/m.exec(head)?.[1])
      expect(sha256(bytes.subarray(head.length, head.length + length))).toBe(sha256(contents[index]!))
      bytes = bytes.subarray(head.length + length)
    }
    expect(bytes.length).toBe(0)
  }
})

it('an answer to HTTP/1.0 is the last one unless the client asks to go on', async () => {
  await using service = await startObjects()
  const answer = await exchange(service.port, 'GET / HTTP/1.0\r\n\r\n')
  expect(statusOf(answer)).toBe(200)
  expect(answer).toContain('\r\nConnection: close\r\n')
  const kept = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
  const answers = await exchange(service.port, `${kept}${kept}GET / HTTP/1.0\r\n\r\n`)
  expect(answers.match(/^HTTP\/1\.1 200/gm)).toHaveLength(3)
  expect(answers.match(/^Connection: keep-alive/gm)).toHaveLength(2)
})

it('connections are closed that are idle, that stand still in an upload, or have had all their requests', async () => {
  await using service = await startObjects({
    limits: { keepAliveMs: 40, stalledMsMax: 40, deadlineCheckMs: 10, requestsPerConnectionMax: 3 },
  })
  const idle = connect(service.port, '127.0.0.1')
  expect((await received(idle)).length).toBe(0)
  const stalled = connect(service.port, '127.0.0.1')
  stalled.write('PUT /b/stalled HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc')
  await received(stalled)
  expect(existsSync(join(service.root, 'stalled'))).toBe(false)
  const answers = await exchange(service.port, get('/').repeat(5))
  expect(answers.match(/^HTTP\/1\.1 200/gm)).toHaveLength(3)
  expect(answers.match(/^Connection: close/gm)).toHaveLength(1)
})

it('an upload that is faster than the disk waits, and holds no more than its share', async () => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  let taken = 0
  await using service = await startObjects({
    limits: { uploadQueueBytesMax: 100_000 },
    wrap: (store) => ({
      open: (path, flags) => store.open(path, flags),
      openFolder: (path) => store.openFolder(path),
      makeFolder: async (path, syncs) => {
        const folder = await store.makeFolder(path, syncs)
        return {
          fd: folder.fd,
          inode: folder.inode,
          stat: (name) => folder.stat(name),
          unlink: (name) => folder.unlink(name),
          sync: () => folder.sync(),
          close: () => folder.close(),
          create: async () => {
            const file = await folder.create()
            return {
              write: async (bytes, position) => {
                taken += bytes.length
                await held
                return file.write(bytes, position)
              },
              sync: () => file.sync(),
              syncName: () => file.syncName(),
              stat: () => file.stat(),
              commit: (name, exclusive) => file.commit(name, exclusive),
              close: () => file.close(),
            }
          },
        }
      },
    }),
  })
  const content = patternBytes(24 * 1024 * 1024)
  const socket = connect(service.port, '127.0.0.1')
  const answer = received(socket)
  const head = `PUT /b/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${content.length}\r\n\r\n`
  socket.write(head)
  socket.write(content)
  expect(await eventually(() => taken > 0)).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(socket.writableLength).toBeGreaterThan(0) // it waits
  release()
  expect(statusOf((await answer).toString('latin1'))).toBe(201)
  expect(sha256(readFileSync(join(service.root, 'slow')))).toBe(sha256(content))
})
