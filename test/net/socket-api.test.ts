// What programs ask of a socket beside its data: options, names, time limits, states, errors. Each scene is played with node:net and with ours,
// and tells the same.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SocketOption, socketOption } from '../../native/sockets.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { eventually, fieldOf, pollers } from '../services/harness.ts'
import { closed, eventsOf, listening, nodeSide, pairOf, portOf, ringSide } from './sides.ts'
import type { AnyServer, AnySocket, Side, Where } from './sides.ts'

const host = '127.0.0.1'
const codeOf = (error: unknown): unknown => fieldOf(error, 'code') ?? String(error)

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call()
    return null
  } catch (error) {
    return codeOf(error)
  }
}

async function serve(side: Side, onConnection: (socket: AnySocket) => void = () => undefined): Promise<AnyServer> {
  const server = side.createServer({}, (socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await listening(server, { port: 0, host })
  return server
}
const stopped = (server: AnyServer): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** How a connection that is not to succeed, or not for long, ends. */
async function fate(socket: AnySocket): Promise<unknown[]> {
  const events = eventsOf(socket)
  let failure: unknown = null
  socket.on('error', (error) => (failure = error)).resume()
  await closed(socket)
  const { code, syscall, address } = (failure ?? {}) as NodeJS.ErrnoException & { address?: string }
  return [events, failure === null ? null : [code, syscall, address]]
}

type Scene = readonly [name: string, play: (side: Side) => Promise<unknown>]

const scenes: readonly Scene[] = [
  [
    'states from before the connection to behind it',
    async (side) => {
      const server = await serve(side, (socket) => socket.resume())
      const socket = side.connect({ port: portOf(server), host })
      const states: unknown[] = []
      const look = (): unknown => states.push([socket.connecting, socket.pending, socket.readyState])
      look()
      await once(socket, 'connect')
      look()
      socket.end()
      look()
      await closed(socket.resume())
      look()
      await stopped(server)
      return states
    },
  ],
  [
    'names of both sides, also when it is over',
    async (side) => {
      const server = await serve(side, (socket) => socket.end())
      const socket = side.connect({ port: portOf(server), host, localAddress: '127.0.0.2' })
      await once(socket, 'connect')
      const { remoteAddress, localAddress, remoteFamily } = socket
      const port = socket.remotePort === portOf(server)
      await closed(socket.resume())
      const found: unknown[] = [remoteAddress, localAddress, remoteFamily, port, socket.remoteAddress]
      const over = stopped(server)
      found.push(server.address(), server.listening)
      await over
      return found
    },
  ],
  [
    'time limits that are none',
    async (side) => {
      const server = await serve(side)
      const socket = side.connect({ port: portOf(server), host, timeout: 12_345.5 })
      const set = (ms: unknown, callback?: unknown): unknown =>
        thrown(() => socket.setTimeout(ms as number, callback as () => void))
      const found = [
        socket.timeout,
        set('100'),
        set(-1),
        set(Number.NaN),
        set(Infinity),
        set(100, 'callback'),
        set(2 ** 40),
      ]
      socket.setTimeout(0)
      found.push(socket.timeout)
      socket.destroy()
      await closed(socket)
      found.push(set('100'))
      await stopped(server)
      return found
    },
  ],
  [
    'a time limit begins anew with traffic, is told again, and is taken back with its callback',
    async (side) => {
      const server = await serve(side, (socket) => socket.resume())
      const socket = side.connect({ port: portOf(server), host })
      const told: string[] = []
      const unwanted = (): unknown => told.push('unwanted')
      socket.setTimeout(1000, unwanted)
      socket.setTimeout(0, unwanted)
      socket.on('timeout', () => told.push('timeout'))
      socket.setTimeout(15, () => told.push('once'))
      await once(socket, 'timeout')
      socket.write('traffic')
      await once(socket, 'timeout')
      socket.destroy()
      await sleep(40)
      await stopped(server)
      return told
    },
  ],
  [
    'a reset while it connects',
    async (side) => {
      const seen: unknown[] = []
      const server = await serve(side, (socket) => void fate(socket).then((end) => seen.push(end)))
      const socket = side.connect({ port: portOf(server), host })
      socket.resetAndDestroy()
      const end = await fate(socket)
      expect(await eventually(() => seen.length === 1)).toBe(true)
      await stopped(server)
      return [end, seen]
    },
  ],
  [
    'a reset when it is over',
    async (side) => {
      const server = await serve(side, (socket) => socket.end())
      const socket = side.connect({ port: portOf(server), host })
      const end = await fate(socket)
      socket.resetAndDestroy()
      await stopped(server)
      return end
    },
  ],
  [
    'the error of a reset by the other side',
    async (side) => {
      const server = await serve(side, (socket) => socket.once('data', () => socket.resetAndDestroy()))
      const socket = side.connect({ port: portOf(server), host })
      socket.write('x')
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
      await stopped(server)
      return [error.message, error.code, error.errno, error.syscall, error.stack?.split('\n')[0]]
    },
  ],
  [
    'writing when the other side has ended the connection',
    async (side) => {
      const server = await serve(side, (socket) => socket.end())
      const socket = side.connect({ port: portOf(server), host })
      const events = eventsOf(socket)
      const end = new Promise((resolve) => {
        const write = (): unknown => socket.write('too late', (error) => resolve([codeOf(error), error?.message]))
        // Behind the stream's own end, before the socket is closed for it.
        socket.on('end', () => {
          process.nextTick(() => process.nextTick(write))
        })
      })
      socket.on('error', () => undefined).resume()
      const found = await end
      await eventually(() => events.some((event) => event.startsWith('close')))
      await stopped(server)
      return [found, events.at(-1)]
    },
  ],
  [
    'writes before the connection, of one that never comes',
    async (side) => {
      const socket = side.connect({ port: 1, host })
      const told: unknown[] = []
      socket.write('one', (error) => told.push(error instanceof Error))
      socket.write('two', (error) => told.push(error instanceof Error))
      return [await fate(socket), told]
    },
  ],
  [
    'destroyed before it is connected, with an error and without',
    async (side) => {
      const server = await serve(side)
      const one = side.connect({ port: portOf(server), host })
      const two = side.connect({ port: portOf(server), host })
      const ends = [fate(one), fate(two)]
      one.destroy()
      two.destroy(Object.assign(new Error('enough'), { code: 'ENOUGH' }))
      const found = await Promise.all(ends)
      await stopped(server)
      return found
    },
  ],
  [
    'signals that fire while it connects, and afterwards',
    async (side) => {
      const server = await serve(side, (socket) => socket.resume())
      const where = { port: portOf(server), host }
      const controller = new AbortController()
      const found: unknown[] = []
      const second = fate(side.connect({ ...where, signal: controller.signal }))
      controller.abort()
      found.push(await second)
      const last = new AbortController()
      const socket = side.connect({ ...where, signal: last.signal })
      await once(socket, 'connect')
      const third = fate(socket)
      last.abort()
      found.push(await third)
      server.unref()
      server.close() // node:net's is not told of one that was given up
      return found
    },
  ],
  [
    'a lookup of its own: what it is asked, what it may answer',
    async (side) => {
      const server = await serve(side, (socket) => socket.end())
      const port = portOf(server)
      const found: unknown[] = []
      const ask = async (where: Where): Promise<void> => {
        const socket = side.connect({ port, ...where })
        const told: unknown[] = []
        socket.on('lookup', (error, address, family, name) => told.push([codeOf(error), address, family, name]))
        found.push(told, await fate(socket))
      }
      const asked: unknown[] = []
      const lookup: Where['lookup'] = (name, { family }, callback) => {
        asked.push([name, family ?? 0])
        setImmediate(callback, null, [{ address: host, family: 4 }])
      }
      await ask({ host: 'some.where', lookup })
      await ask({ host, lookup: () => found.push('asked for an address') })
      const refusal = Object.assign(new Error('no'), { code: 'ENOTFOUND' })
      await ask({ host: 'some.where', lookup: (_name, _options, callback) => setImmediate(callback, refusal, []) })
      const nowhere = [{ address: 'x', family: 4 }]
      await ask({ host: 'some.where', lookup: (_name, _options, callback) => setImmediate(callback, null, nowhere) })
      await ask({
        host: 'one',
        family: 4,
        lookup: (_name, _options, callback) => setImmediate(callback, null, host, 4),
      })
      await stopped(server)
      return [found, asked]
    },
  ],
  [
    'arguments that are none',
    (side) => {
      const connect = (where: object): unknown => thrown(() => side.connect(where).on('error', () => undefined))
      return Promise.resolve([
        connect({ port: 1, host: 'name', lookup: 5 }),
        connect({ port: 1, host, localAddress: 'nowhere' }),
        connect({ port: 1, host, localPort: 'x' }),
        connect({ path: 5 }),
        connect({ port: {}, host }),
      ])
    },
  ],
  [
    'an address to come from that is nobody’s here',
    async (side) => fate(side.connect({ port: 1, host, localAddress: '192.0.2.1' })),
  ],
  [
    'how many connections a server has, and whom it turns away',
    async (side) => {
      const sockets: AnySocket[] = []
      const server = await serve(side, (socket) => sockets.push(socket.resume()))
      server.maxConnections = 2
      const dropped: unknown[] = []
      server.on('drop', (who) => dropped.push([...Object.keys(who as object)].sort()))
      const count = (): Promise<number> =>
        new Promise((resolve) => server.getConnections((_error, found) => resolve(found)))
      const counts = [await count()]
      const clients = [1, 2, 3].map(() => side.connect({ port: portOf(server), host }))
      for (const client of clients) client.on('error', () => undefined).resume()
      expect(await eventually(() => sockets.length === 2 && dropped.length === 1)).toBe(true)
      counts.push(await count())
      const ends = clients.map(async (client) => client.destroyed || closed(client))
      for (const client of clients) client.destroy()
      for (const socket of sockets) socket.destroy()
      await Promise.all(ends)
      await stopped(server)
      return [counts, dropped]
    },
  ],
  [
    'reading that was paused before the connection, and goes on later',
    async (side) => {
      const server = await serve(side, (socket) => socket.end('content'))
      const socket = side.connect({ port: portOf(server), host })
      socket.pause()
      let got = ''
      socket.on('data', (bytes: Buffer) => (got += bytes.toString()))
      await once(socket, 'connect')
      await sleep(20)
      const before = got
      socket.resume()
      await closed(socket)
      await stopped(server)
      return [before, got]
    },
  ],
]

describe.each(pollers)('a socket with poller %s', (poller) => {
  let rings: Ringmaster
  let ours: Side
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, closeGraceMs: 500 })
    ours = ringSide(rings)
  })
  afterAll(async () => {
    await rings.close()
  })

  it.each(scenes.map(([name, play]) => [name, play] as const))('%s', async (_name, play) => {
    expect(await play(ours)).toEqual(await play(nodeSide))
  })

  it('sets what it was asked for on the descriptor, before and after the connection', async () => {
    const { server, accepted, connected } = await pairOf(ours, ours, { noDelay: true })
    const option = (socket: AnySocket, name: keyof typeof SocketOption): number | null =>
      socketOption(fieldOf(fieldOf(socket, 'connection'), 'fd') as number, SocketOption[name])
    expect([option(accepted, 'noDelay'), option(connected, 'noDelay')]).toEqual([1, 1])
    connected.setNoDelay(false)
    connected.setKeepAlive(true, 7_000)
    expect(option(connected, 'noDelay')).toBe(0)
    expect([option(connected, 'keepAlive'), option(connected, 'keepAliveIdleSeconds')]).toEqual([1, 7])
    connected.setKeepAlive(false)
    expect(option(connected, 'keepAlive')).toBe(0)
    connected.destroy()
    accepted.destroy()
    await stopped(server)
  })

  it('does not connect for a signal that has fired', async () => {
    let accepted = 0
    const server = await serve(ours, () => accepted++)
    const end = await fate(ours.connect({ port: portOf(server), host, signal: AbortSignal.abort() }))
    expect(end[0]).toEqual(['error ABORT_ERR', 'close true'])
    await stopped(server)
    expect(accepted).toBe(0)
  })

  it('tells who has written what a destroyed socket did not send', async () => {
    const { server, accepted, connected } = await pairOf(ours, ours)
    accepted.pause()
    const told: unknown[] = []
    connected.write(Buffer.alloc(32 << 20), (error) => told.push(codeOf(error)))
    connected.write('more', (error) => told.push(codeOf(error)))
    await sleep(30)
    connected.destroy()
    await closed(connected)
    expect(told).toEqual(['ERR_STREAM_DESTROYED', 'ERR_STREAM_DESTROYED'])
    accepted.destroy()
    await stopped(server)
  })
})
