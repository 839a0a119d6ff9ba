// What the race loops share: how often to go round, moments of random length between two things that race, and a connection
// whose far end is Node's own. In the manner of liburing's cancel-race and friends: many rounds, every outcome allowed that is
// one of the right ones. RINGMASTER_RACES multiplies the rounds; RINGMASTER_TEST_SEED repeats a run's choices.
import { once } from 'node:events'
import * as net from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { op } from '../../services/raw/index.ts'
import type { RawRing } from '../../services/raw/index.ts'
import { testSeed } from '../services/harness.ts'
import { Random } from '../simulation/random.ts'

/** Rounds of a loop: `usual`, and many more in the long suite. */
export function rounds(usual: number): number {
  return usual * Number(process.env['RINGMASTER_RACES'] ?? 1)
}

/** Quantiles and the maximum, for people to read: `p50 1.20 ms, p99 …`. What takes how long is told and never judged. */
export function latencyLine(latenciesMs: readonly number[]): string {
  const sorted = Float64Array.from(latenciesMs).sort()
  const at = (fraction: number): string => (sorted[Math.floor(sorted.length * fraction)] ?? 0).toFixed(2)
  const max = (sorted.at(-1) ?? 0).toFixed(2)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, max ${max} ms`
}

/** The random choices of a loop; the seed is printed. */
export function raceRandom(what: string): Random {
  return new Random(testSeed(what))
}

/** Nothing, some microtasks, some turns of the event loop, or some microseconds in which nothing of ours runs. */
export async function moment(random: Random): Promise<void> {
  const kind = random.below(4)
  if (kind === 1) for (let left = random.below(20); left > 0; left--) await Promise.resolve()
  if (kind === 2) for (let left = random.below(4); left > 0; left--) await nextTurn()
  if (kind === 3) for (const endMs = performance.now() + random.below(100) / 1000; performance.now() < endMs;);
}

export interface Connection extends Disposable {
  /** The near end, for the ring. */
  readonly fd: number
  /** The far end. */
  readonly peer: net.Socket
}

/** A TCP connection over loopback: a descriptor here, a socket of node:net there. */
export async function connection(raw: RawRing, own: (fd: number) => number): Promise<Connection> {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const accepted = once(server, 'connection')
  const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
  await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
  const [peer] = (await accepted) as [net.Socket]
  peer.on('error', () => undefined) // the near end may go away first
  server.close()
  return {
    fd,
    peer,
    [Symbol.dispose]: () => {
      peer.destroy()
    },
  }
}
