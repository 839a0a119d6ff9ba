// Thousands of connections that end in every way there is, on either side, at random moments: between sockets of ringmaster/net and of
// node:net. Used by churn.test.ts.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../simulation/random.ts'
import { eventsOf, listening, nodeSide, portOf } from './sides.ts'
import type { AnyServer, AnySocket, Side } from './sides.ts'

/** A connection that is not over by then never will be. */
const limitMs = 30_000
const atOnce = 100

type Ending = readonly [name: string, end: (socket: AnySocket, random: Random) => void]

const some = (random: Random, bytes: number): Buffer => Buffer.alloc(random.below(bytes))
const later = (random: Random, ms: number, act: () => unknown): void => {
  setTimeout(act, random.below(ms))
}

/** Each of them ends the connection, whatever the other side does. */
const endings: readonly Ending[] = [
  ['destroy', (socket) => socket.destroy()],
  ['destroy soon', (socket) => setImmediate(() => socket.destroy())],
  [
    'write, destroy',
    (socket, random) => {
      socket.write(some(random, 500_000))
      socket.destroy()
    },
  ],
  [
    'write, reset later',
    (socket, random) => {
      socket.write(some(random, 500_000))
      later(random, 4, () => socket.resetAndDestroy())
    },
  ],
  [
    'end, destroy',
    (socket) => {
      socket.end('end')
      socket.destroy()
    },
  ],
  [
    'end, destroy soon',
    (socket) => {
      socket.end('end')
      setImmediate(() => socket.destroy())
    },
  ],
  [
    'pause, destroy later',
    (socket, random) => {
      socket.pause()
      later(random, 6, () => socket.destroy())
    },
  ],
  [
    'end, destroySoon',
    (socket, random) => {
      socket.resume()
      socket.write(some(random, 100_000))
      socket.destroySoon()
      setTimeout(() => socket.destroy(), 100) // the other side may never read
    },
  ],
  ['timeout', (socket) => socket.setTimeout(20, () => socket.destroy())],
]

function endAtRandom(socket: AnySocket, random: Random): string {
  socket.on('error', () => undefined)
  const [name, end] = random.pick(endings)
  end(socket, random)
  if (name !== 'pause, destroy later' && random.chance(0.7)) socket.resume()
  if (random.chance(0.1)) socket.destroy().destroy()
  return name
}

/** Opens so many connections and resolves when each has ended on the side that opened it. @throws of one that has not */
export async function churn(ours: Side, random: Random, connections: number): Promise<void> {
  const onConnection = (socket: AnySocket): void => {
    endAtRandom(socket, random)
  }
  const servers: AnyServer[] = [ours.createServer({}, onConnection), nodeSide.createServer({}, onConnection)]
  for (const server of servers) await listening(server, { port: 0, host: '127.0.0.1' })
  const [port, nodePort] = servers.map(portOf) as [number, number]
  const one = async (): Promise<void> => {
    const side = random.chance(0.7) ? ours : nodeSide
    const toOurs = side === nodeSide || random.chance(0.7)
    const socket = side.connect({ port: toOurs ? port : nodePort, host: '127.0.0.1' })
    const events = eventsOf(socket)
    let ending = 'none yet'
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    if (random.chance(0.2)) ending = endAtRandom(socket, random)
    else socket.on('error', () => undefined).once('connect', () => (ending = endAtRandom(socket, random)))
    const timer = new AbortController()
    const over = await Promise.race([
      ended.then(() => true),
      sleep(limitMs, false, { signal: timer.signal }).catch(() => true),
    ])
    timer.abort()
    if (over) return
    const who = `${side === ours ? 'ours' : 'node'} → ${toOurs ? 'ours' : 'node'}`
    throw Object.assign(new Error(`${who}, ${ending}: not over; ${events.join(', ')}`), { socket })
  }
  let left = connections
  const lane = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, connections) }, lane))
  for (const server of servers) await new Promise<void>((resolve) => server.close(() => resolve()))
}

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length
