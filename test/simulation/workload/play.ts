// What every part of the workload has: the ring under test, the simulated world, chances, and pauses that end when the driver
// says so. Made by run.ts; used by the parts, each a list of things that users do.
import { addressOfView } from '../../../native/addresses.ts'
import type { Operation } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/raw-ring.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { fieldOf } from '../../services/harness.ts'
import type { SimulatedKernel } from '../kernel.ts'
import { Violation } from '../memory.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

export interface Play {
  readonly random: Random
  readonly kernel: SimulatedKernel
  readonly world: World
  readonly handle: RingHandle
  readonly raw: RawRing
  /** Where barriers are announced, by nameOf(): the simulated kernel sees to it that each is alone. */
  readonly barriers: Set<string>
  /** Whether the ring is closing or lost: then requests may end with ERR_RING_CLOSED or ERR_RING_LOST, and nothing is owned. */
  readonly ending: () => boolean
  /** A number that nobody had before. */
  readonly count: () => number
  /** So many messages were sent, and came when their mailbox was closed: stale completions that are excused. */
  readonly lostMessages: (count: number) => void
  /** Resolves at some later step. */
  readonly pause: () => Promise<void>
}

/** One thing that a user does, to its end, checked. */
export type Act = (play: Play) => Promise<void>

/** How a request ended, as a program sees it. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown }

export async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}

const shown = (value: unknown): string =>
  value instanceof Error ? `${value.name} ${String(fieldOf(value, 'code'))}: ${value.message}` : JSON.stringify(value)

export function require(holds: boolean, what: string, found?: unknown): void {
  if (!holds) throw new Violation(found === undefined ? what : `${what}: ${shown(found)}`)
}

/** Whether an error is ours and right at this time: the ring is ending, or had no room. */
export function excused(play: Play, error: unknown): boolean {
  const code = fieldOf(error, 'code')
  if (code === 'ERR_RING_BACKLOG_FULL') return true
  if (code === 'ERR_OUT_OF_RANGE' && String(error).includes('chain.length')) return true // these rings are tiny
  if (play.ending() && code === 'ECANCELED') return true
  return play.ending() && (code === 'ERR_RING_CLOSED' || code === 'ERR_RING_LOST')
}

type Named = Pick<Operation<unknown>['ticket'], 'slot' | 'generation'>

/** The first result that the kernel gave to a request; undefined where it never finished, or never saw it. */
export function kernelResult(play: Play, { slot, generation }: Named): number | undefined {
  return play.kernel.ledger.get(`${slot}:${generation}`)?.[0]
}

/**
 * Compares what a program was told with what the kernel did: its first result by this ticket. `signal`: the request may have
 * been aborted. Returns the result; null where the kernel never saw the request.
 */
export function checkAgainstLedger(
  play: Play,
  ticket: Named,
  outcome: Outcome<unknown>,
  signal?: AbortSignal,
): number | null {
  const result = kernelResult(play, ticket)
  if ('value' in outcome) {
    require(result !== undefined &&
      (result >= 0 || result === -62), 'a request succeeded that the kernel did not carry out', outcome.value)
    return result!
  }
  const { error } = outcome
  if (excused(play, error)) return null
  const aborted = fieldOf(error, 'name') === 'AbortError'
  if (aborted) {
    require(signal?.aborted === true, 'a request was aborted without a signal')
    require(result === undefined || result === -125 || result === -4, 'an aborted request had succeeded', result)
    return null
  }
  const errno = fieldOf(error, 'errno')
  // Cancelled while it waited for a place in the ring: the kernel never saw it.
  if (result === undefined && errno === -125 && (signal?.aborted === true || play.ending())) return null
  require(result !== undefined && errno === result, `the kernel's result was ${result}, the program was told`, error)
  return result!
}

/** The program has its buffer back: the kernel may not own any of it. */
export function requireReturned(play: Play, buffer: ArrayBufferView): void {
  if (play.ending()) return
  const owner = play.kernel.memory.ownerOf(addressOfView(buffer), buffer.byteLength)
  require(owner === null, 'a buffer was given back while the kernel owned it', owner?.who)
}

/** Aborts at some later step, in one case of `outOf`. */
export function perhapsAbort(play: Play, outOf: number): AbortSignal | undefined {
  if (play.random.below(outOf) !== 0) return undefined
  const controller = new AbortController()
  void play.pause().then(() => {
    controller.abort()
  })
  return controller.signal
}

export const withSignal = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal }
