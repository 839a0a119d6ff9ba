// Clients that read slowly, or not at all: they hold no buffers while others wait for one, others are served meanwhile, and what a slow one
// gets in the end is whole.
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BlobRoot } from '../../services/blob/blob-root.ts'
import { BlobServer } from '../../services/blob/blob-server.ts'
import type { BlobLimits } from '../../services/blob/limits.ts'
import { openListener } from '../../services/net/listen.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { setSocketOption } from '../../native/sockets.ts'
import { patternBytes, sha256 } from '../http/clients.ts'
import { eventually, pollers, seededRandom, temporaryFolder, testSeed } from '../services/harness.ts'
import { say } from './objects.ts'

/** SO_SNDBUF of SOL_SOCKET, which accepted sockets have from the one that listens: a kernel that takes little shows soon who is slow. */
const sendBuffer = [1, 7] as const
const sendBufferBytes = 64 * 1024

const content = patternBytes(4 * 1024 * 1024)

interface Serving extends AsyncDisposable {
  readonly port: number
  readonly server: BlobServer
}

async function serve(limits: Partial<BlobLimits>, poller?: (typeof pollers)[number]): Promise<Serving> {
  const folder = temporaryFolder()
  writeFileSync(join(folder.path, 'large'), content)
  for (const kib of [1, 12, 40]) writeFileSync(join(folder.path, `${kib}`), content.subarray(0, kib * 1024))
  const rings = await Ringmaster.start({ rings: 1, ...(poller && { poller }) })
  const root = await BlobRoot.open(rings, folder.path)
  const listener = await openListener({ host: '127.0.0.1', port: 0 })
  if (listener instanceof Error) throw listener
  setSocketOption(listener.fd, sendBuffer, sendBufferBytes)
  const none = (): void => undefined
  const log = { debug: none, info: none, warn: none, error: none }
  const server = await BlobServer.start({
    ...{ handles: rings.rings.handles, folder: root, log, limits, host: '', port: 0, fd: listener.fd },
  })
  return {
    server,
    port: server.address.port,
    [Symbol.asyncDispose]: async () => {
      await server.drain(0)
      await root.close()
      await rings.close()
      folder.remove()
    },
  }
}

/** A client that has asked, and takes nothing before it is told to. */
class Reader {
  readonly socket: Socket
  readonly whole: Promise<Buffer>

  constructor(port: number, path: string, headers = '') {
    this.socket = connect(port, '127.0.0.1')
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`)
    const parts: Buffer[] = []
    this.whole = new Promise((resolve) => {
      this.socket.on('data', (part) => parts.push(part))
      this.socket.on('error', () => undefined)
      this.socket.on('close', () => resolve(Buffer.concat(parts)))
    })
    this.socket.pause()
  }

  async body(): Promise<Buffer> {
    this.socket.resume()
    const whole = await this.whole
    return whole.subarray(whole.indexOf('\r\n\r\n') + 4)
  }
}

const nothingLeft = ({ server }: Serving): boolean =>
  server.connectionsOpen + server.bodyBuffersInUse + server.bodyBufferWaiters + server.requestsInFlight === 0

describe.each(pollers)('poller %s', (poller) => {
  it('readers that take nothing hold no buffer that somebody waits for, and get all of it later', async () => {
    await using service = await serve({ chunkBuffersMax: 4, bufferPatienceMs: 20 }, poller)
    const slow = Array.from({ length: 16 }, () => new Reader(service.port, '/b/large'))
    expect(await eventually(() => service.server.requestsInFlight === slow.length)).toBe(true)
    const fast = await say(service.port, 'GET', '/b/large')
    expect(sha256(fast.body)).toBe(sha256(content))
    expect(await eventually(() => service.server.bodyBufferWaiters === 0)).toBe(true)
    expect(service.server.connectionsOpen).toBeGreaterThanOrEqual(slow.length)
    for (const reader of slow) expect(sha256(await reader.body())).toBe(sha256(content))
    expect(await eventually(() => nothingLeft(service))).toBe(true)
  })
})

it('two hundred that take nothing leave the pool to one that reads', async () => {
  await using service = await serve({ chunkBuffersMax: 4, chunkBytes: 128 * 1024, bufferPatienceMs: 20 })
  const { server } = service
  const slow = Array.from({ length: 200 }, () => new Reader(service.port, '/b/large'))
  expect(await eventually(() => server.requestsInFlight === slow.length)).toBe(true)
  // Whoever comes waits for those before it at most: none of them has read anything when the answers are complete.
  for (let round = 0; round < 3; round++) {
    expect(sha256((await say(service.port, 'GET', '/b/large')).body)).toBe(sha256(content))
    expect(server.requestsInFlight).toBeGreaterThanOrEqual(slow.length)
  }
  expect(await eventually(() => server.bodyBufferWaiters === 0)).toBe(true)
  expect(server.bodyBuffersInUse).toBeLessThanOrEqual(4)
  for (const { socket } of slow) socket.destroy()
  expect(await eventually(() => nothingLeft(service))).toBe(true)
})

it('what is asked for over and over and never read does not use up the small buffers', async () => {
  await using service = await serve({ smallBuffersMax: 2, chunkBuffersMax: 2, bufferPatienceMs: 20 })
  const pipelined = Array.from({ length: 30 }, () => {
    const socket = connect(service.port, '127.0.0.1')
    socket.on('error', () => undefined).pause()
    socket.write('GET /b/12 HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(400))
    return socket
  })
  expect(await eventually(() => service.server.requestsInFlight === pipelined.length)).toBe(true)
  for (let round = 0; round < 20; round++)
    expect((await say(service.port, 'GET', '/b/1')).body.equals(content.subarray(0, 1024))).toBe(true)
  for (const socket of pipelined) socket.destroy()
  expect(await eventually(() => nothingLeft(service))).toBe(true)
})

it('whenever they stop and go on, readers of files, ranges and several ranges get just what they asked for', async () => {
  const random = seededRandom(testSeed('slow-readers'))
  await using service = await serve({
    chunkBuffersMax: 2,
    smallBuffersMax: 2,
    chunkBytes: 96 * 1024,
    bufferPatienceMs: 3,
  })
  const upTo = (limit: number): number => Math.floor(random() * limit)
  const readers = Array.from({ length: 40 }, (_, at) => {
    const from = upTo(content.length - 500_000)
    const to = from + upTo(500_000)
    if (at % 4 === 0) return { reader: new Reader(service.port, '/b/large'), expected: content }
    if (at % 4 === 1) return { reader: new Reader(service.port, '/b/40'), expected: content.subarray(0, 40 * 1024) }
    const ranges =
      at % 4 === 2 ? `${from}-${to}` : `${from}-${to},0-${upTo(from || 1)},${to + 5}-${to + 5 + upTo(100_000)}`
    const reader = new Reader(service.port, '/b/large', `Range: bytes=${ranges}\r\n`)
    return { reader, expected: at % 4 === 2 ? content.subarray(from, to + 1) : null }
  })
  const stutter = setInterval(() => {
    for (const { reader } of readers)
      if (random() < 0.5) reader.socket.pause()
      else reader.socket.resume()
  }, 2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  clearInterval(stutter)
  for (const { reader, expected } of readers) {
    const body = await reader.body()
    if (expected !== null) expect(sha256(body)).toBe(sha256(expected))
    else {
      let at = 0
      for (const part of body.toString('latin1').matchAll(/Content-Range: bytes (\d+)-(\d+)\/\d+\r\n\r\n/g)) {
        const [from, to] = [Number(part[1]), Number(part[2])]
        at = part.index + part[0].length
        expect(body.subarray(at, at + to - from + 1).equals(content.subarray(from, to + 1))).toBe(true)
        at += to - from + 1
      }
      expect(body.toString('latin1', at)).toMatch(/^\r\n--\w+--\r\n$/)
    }
  }
  expect(await eventually(() => nothingLeft(service))).toBe(true)
})
