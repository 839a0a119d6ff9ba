// Sockets whose rings, threads or descriptors go away at random moments: each connection is over soon on both sides, the server goes on where
// there is a ring left, and nothing is left behind.
import { closeSync } from 'node:fs'
import net from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { rawUsers } from '../../services/raw/raw-users.ts'
import { raceRandom, rounds } from '../races/races.ts'
import { eventually, fieldOf, pollers, seededBytes } from '../services/harness.ts'
import { library } from '../services/programs.ts'
import { watchPools } from '../services/supervision-harness.ts'
import { openDescriptors } from './churn.ts'
import { closed, listening, nodeSide, pairOf, portOf, ringSide } from './sides.ts'
import type { AnyServer, AnySocket, Side } from './sides.ts'

vi.setConfig({ testTimeout: 30_000 * rounds(1) })

const host = '127.0.0.1'
const netLibrary = library.replace(/index[.]js$/, 'net/index.js')
const stopped = (server: AnyServer): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
const codeOf = (error: unknown): unknown => fieldOf(error, 'code') ?? String(error)

/** Answers with what it gets. */
async function echoServer(side: Side, errors: unknown[] = []): Promise<AnyServer> {
  const server = side.createServer({}, (socket) => {
    socket.on('error', (error) => errors.push(codeOf(error)))
    socket.pipe(socket as never)
  })
  await listening(server, { port: 0, host })
  return server
}

/** Sends and gets back, again and again, until the connection ends; wrong bytes are told. */
function chatter(socket: AnySocket, wrong: unknown[]): Promise<void> {
  const content = seededBytes(40_000, 7)
  let at = 0
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    const expected = Buffer.concat([content, content]).subarray(at, at + bytes.length)
    if (!expected.equals(bytes)) wrong.push(at)
    at = (at + bytes.length) % content.length
    if (at === 0) socket.write(content)
  })
  socket.write(content)
  return closed(socket)
}

let pools: ReturnType<typeof watchPools>
beforeEach(() => {
  pools = watchPools()
})
afterEach(() => {
  pools.stop()
})

describe.each(pollers)('with poller %s', (poller) => {
  it('a ring that is lost ends its connections, and the server goes on', async () => {
    const before = openDescriptors()
    const rings = await Ringmaster.start({ poller, rings: 1, heartbeatTimeoutMs: 500, closeGraceMs: 50 })
    const ours = ringSide(rings)
    const errors: unknown[] = []
    const server = await echoServer(ours, errors)
    const wrong: unknown[] = []
    const clients = Array.from({ length: 20 }, () => net.connect(portOf(server), host))
    const idle = Array.from({ length: 10 }, () =>
      net
        .connect(portOf(server), host)
        .on('error', () => undefined)
        .resume(),
    )
    const ends = clients.map(async (client) => chatter(client, wrong))
    await sleep(20)
    closeSync(rings.raw(0)['handle'].geometry.ringFd)
    expect(await eventually(() => rings.stats().rings[0]!.renewals === 1)).toBe(true)
    // Nobody waits for a connection whose ring is gone.
    expect(await eventually(() => [...clients, ...idle].every(({ destroyed }) => destroyed))).toBe(true)
    expect(errors.length).toBeGreaterThan(0)
    for (const code of errors) expect(['ERR_RING_LOST', 'ECANCELED', 'ECONNRESET', 'EPIPE']).toContain(code)
    const again = net.connect(portOf(server), host)
    again.write('still there')
    expect(String(await once(again, 'data'))).toBe('still there')
    for (const client of [...clients, ...idle, again]) client.destroy()
    await Promise.all(ends)
    await stopped(server)
    expect(wrong).toEqual([])
    await rings.close()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  it('rings that are closed at any moment end all there is, and nothing is left', async () => {
    const random = raceRandom(`net, rings closed, ${poller}`)
    await (await Ringmaster.start({ poller, rings: 1 })).close()
    const before = openDescriptors()
    for (let round = rounds(4); round > 0; round--) {
      const rings = await Ringmaster.start({ poller, rings: 1, closeGraceMs: 50 })
      const ours = ringSide(rings)
      const server = await echoServer(ours)
      const over = closed(server)
      const port = portOf(server)
      const ends: Promise<void>[] = []
      const opening = setInterval(() => {
        const side = random.chance(0.5) ? ours : nodeSide
        ends.push(chatter(side.connect({ port, host }), []))
      }, 1)
      await sleep(random.below(30))
      clearInterval(opening)
      await rings.close()
      await Promise.all(ends)
      await over
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  it('a thread that is terminated leaves no descriptor, and its peers are told', async () => {
    const random = raceRandom(`net, thread terminated, ${poller}`)
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      void (async () => {
        const { Ringmaster } = await import(workerData.library)
        const { connect, createServer } = await import(workerData.netLibrary)
        const rings = await Ringmaster.start({ rings: 1, poller: workerData.poller })
        const server = createServer(rings, (socket) => socket.on('error', () => undefined).pipe(socket))
        server.listen(0, '127.0.0.1')
        const { port } = server.address()
        for (let left = 10; left > 0; left--)
          connect(rings, { port, host: '127.0.0.1' }).on('error', () => undefined).write('x'.repeat(100_000))
        parentPort.postMessage(port)
      })()`
    const workerData = { library, netLibrary, poller }
    const before = openDescriptors()
    for (let round = rounds(2); round > 0; round--) {
      const worker = new Worker(script, { eval: true, workerData })
      const [port] = (await once(worker, 'message')) as [number]
      const peers = Array.from({ length: 10 }, () => net.connect(port, host))
      const ends = peers.map((peer) => chatter(peer, []))
      await sleep(random.below(20))
      await worker.terminate()
      await Promise.all(ends)
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  it('a thread that is terminated while connections storm in leaves none of them open, heard of or not', async () => {
    const random = raceRandom(`net, thread terminated in a storm, ${poller}`)
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      void (async () => {
        const { Ringmaster } = await import(workerData.library)
        const { createServer } = await import(workerData.netLibrary)
        const rings = await Ringmaster.start({ rings: 2, poller: workerData.poller })
        let count = 0
        const server = createServer(rings, (socket) => {
          socket.on('error', () => undefined)
          if (++count % 2) socket.end('bye')
          else socket.pipe(socket)
        })
        server.listen(0, '127.0.0.1')
        parentPort.postMessage(server.address().port)
      })()`
    const workerData = { library, netLibrary, poller }
    const before = openDescriptors()
    for (let round = rounds(3); round > 0; round--) {
      const worker = new Worker(script, { eval: true, workerData })
      const [port] = (await once(worker, 'message')) as [number]
      const peers = new Set<net.Socket>()
      const storm = setInterval(() => {
        for (let left = 20; left > 0; left--) {
          const peer = net.connect(port, host).resume()
          peers.add(peer.on('error', () => undefined).on('close', () => peers.delete(peer)))
          if (random.chance(0.7)) peer.end('hello')
        }
      })
      await sleep(5 + random.below(30))
      await worker.terminate()
      clearInterval(storm)
      // Nobody holds the other ends any more: each is told by itself.
      expect(await eventually(() => peers.size === 0)).toBe(true)
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  it('who does not read holds nobody else up, and leaves nothing behind', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1, closeGraceMs: 50 })
    const ours = ringSide(rings)
    const unread: AnySocket[] = []
    const silent = ours.createServer({ pauseOnConnect: true }, (socket) => {
      unread.push(socket.on('error', () => undefined))
    })
    await listening(silent, { port: 0, host })
    const server = await echoServer(ours)
    const before = openDescriptors()
    const writers = Array.from({ length: 150 }, (_, index) => {
      const socket = (index % 2 === 0 ? ours : nodeSide).connect({ port: portOf(silent), host })
      socket.on('error', () => undefined).write(Buffer.alloc(3 << 20))
      return socket
    })
    const wrong: unknown[] = []
    const talkers = Array.from({ length: 20 }, () => nodeSide.connect({ port: portOf(server), host }))
    const ends = talkers.map((talker) => chatter(talker, wrong))
    expect(await eventually(() => talkers.every(({ bytesRead }) => bytesRead > 400_000))).toBe(true)
    for (const socket of [...writers, ...talkers, ...unread]) socket.destroy()
    await Promise.all(ends)
    await Promise.all([stopped(silent), stopped(server)])
    expect(wrong).toEqual([])
    const requests = (): number => rings.stats().rings.reduce((sum, { inFlight }) => sum + inFlight, 0)
    expect(await eventually(() => requests() === 0 && openDescriptors() <= before)).toBe(true)
  })
})

it('a ring worker that ends while it polls takes no byte with it', async () => {
  await using rings = await Ringmaster.start({ poller: 'worker', rings: 1, closeGraceMs: 50 })
  const ours = ringSide(rings)
  const errors: unknown[] = []
  const server = await echoServer(ours, errors)
  const wrong: unknown[] = []
  const clients = Array.from({ length: 10 }, (_, index) =>
    (index % 2 ? ours : nodeSide).connect({ port: portOf(server), host }),
  )
  const ends = clients.map((client) => chatter(client, wrong))
  for (let restart = 1; restart <= 3; restart++) {
    expect(await eventually(() => clients.every(({ bytesRead }) => bytesRead > restart * 100_000))).toBe(true)
    await pools.thread(0)!.terminate()
    expect(await eventually(() => rings.stats().rings[0]!.workerRestarts >= restart)).toBe(true)
  }
  const reached = clients.map(({ bytesRead }) => bytesRead)
  expect(await eventually(() => clients.every(({ bytesRead }, index) => bytesRead > reached[index]! + 100_000))).toBe(
    true,
  )
  expect([wrong, errors]).toEqual([[], []])
  for (const client of clients) client.destroy()
  await Promise.all(ends)
  await stopped(server)
})

it('a ring is not moved to another poller from the moment on that somebody connects on it', async () => {
  await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
  const server = await echoServer(nodeSide)
  const socket = ringSide(rings).connect({ port: portOf(server), host })
  const handle = (fieldOf(rings, 'rings') as { handles: object[] }).handles[0]!
  for (let turn = 0; turn < 100 && !rawUsers.has(handle as never); turn++) await Promise.resolve()
  expect([rawUsers.has(handle as never), socket.connecting]).toEqual([true, true])
  await once(socket, 'connect')
  socket.destroy()
  await stopped(server)
})

it('nobody is accepted on a ring that is not there: connections go to one that is', async () => {
  await using rings = await Ringmaster.start({ poller: 'caller', rings: 2, heartbeatTimeoutMs: 0, closeGraceMs: 50 })
  const { server, accepted, connected } = await pairOf(nodeSide, ringSide(rings))
  const { handles } = fieldOf(rings, 'rings') as { handles: { client: { state: string } }[] }
  const { client } = handles[0]!
  const { state } = client
  client.state = 'lost' // what it is between its loss and the ring that takes its place
  const second = ringSide(rings).connect({ port: portOf(server), host })
  await once(second, 'connect')
  client.state = state
  for (const socket of [second, connected, accepted]) socket.destroy()
  await stopped(server)
})
