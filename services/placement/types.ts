// What goes into placement and what comes out. Used by the rules in this folder and by those who read their outcome.
import type { Verdict } from '../../native/capabilities.ts'
import type { MemoryKind } from '../../native/ring-geometry.ts'
import type { Poller } from '../../workers/poller-kind.ts'
import type { MachineFacts } from '../machine/facts.ts'

/** All that placement goes by. */
export interface PlacementFacts extends MachineFacts {
  /** Whether rings are allowed, and rings with an SQ thread; if not, why. */
  readonly rings: Verdict
  readonly sqpoll: Verdict
  /** Whose memory rings can be in; absent: not asked. */
  readonly memory?: readonly MemoryKind[]
}

/** What the user asked for; `auto` is left to the rules. */
export interface PlacementWishes {
  readonly rings: number | 'auto'
  readonly poller: Poller | 'auto'
  /** Whether each ring has an SQ thread of its own or all share one (ATTACH_WQ). Absent: its own. */
  readonly sqThreads?: 'own' | 'shared' | 'auto' | undefined
  /** One CPU for all SQ threads. */
  readonly sqThreadCpu?: number | undefined
  /** CPUs for the threads that poll: ring i's is the i-th, and from the start again. Empty: none is pinned. */
  readonly pinCpus?: readonly number[] | 'auto' | undefined
  readonly sqEntries?: number | 'auto' | undefined
  readonly cqEntries?: number | 'auto' | undefined
  readonly sqThreadIdleMs?: number | 'auto' | undefined
  readonly spinNs?: number | 'auto' | undefined
  readonly memory?: MemoryKind | 'auto' | undefined
  /** Whether system calls may take the place of io_uring where nothing is asked for. Absent: yes. */
  readonly fallback?: boolean | undefined
  /** What rings are to accept; only the kernel's can be restricted. */
  readonly restrictions?: object | undefined
}

/** One thing that was chosen, and why. `name` is the option by which it can be set by hand. */
export interface Choice {
  readonly name: string
  readonly value: number | string
  /** A phrase for people. */
  readonly reason: string
}

/** A value on its way into a Choice. */
export interface Decision<Value> {
  readonly value: Value
  readonly reason: string
}

/** What opening the rings needs to know of a placement. */
export interface RingLayout {
  readonly rings: number
  readonly poller: Poller
  /** Why this poller. */
  readonly reason: string
  /** The CPU of each ring's polling thread, -1 for any; absent: any for all. */
  readonly pins?: readonly number[]
  /** Whether SQ threads are shared; absent: no. `none`: the poller is another one. */
  readonly sqThreads?: 'own' | 'shared' | 'none'
}

export interface Placement extends Required<RingLayout> {
  /** Whether another poller would have been chosen, were io_uring and SQPOLL allowed. */
  readonly fallback: boolean
  readonly sqEntries: number
  readonly cqEntries: number
  readonly sqThreadIdleMs: number
  /** What the client may spin at most; what it does is settled when the wake-up cost is known. */
  readonly spinNsMax: number
  readonly choices: readonly Choice[]
}

export const setByOption = 'set by option'

/** A number of things, in words: "1 CPU", "2.5 CPUs". */
export function count(value: number, noun: string): string {
  const rounded = Math.round(value * 100) / 100
  return `${rounded} ${noun}${rounded === 1 ? '' : 's'}`
}
