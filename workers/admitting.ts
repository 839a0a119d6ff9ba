// What a ring client asks of its admission (admission.ts), which exists only once a view made a request. An interface, because
// the client is what admission is built on.
import type { Backlog } from './backlog.ts'

/** Where a request waits: who settles it when it is taken out. */
export interface WaitingPlace {
  readonly backlog: Backlog
  fail(slot: number, result: number): void
}

export interface Admitting {
  /** Requests of views that are accepted and not in the ring. */
  readonly waiting: number
  /** The earliest era of what waits; Infinity where nothing does. */
  readonly headEra: number
  /** Lets in whom the limits allow, in turns. Called before each publication. */
  admit(): void
  /** `ready` completions are about to be settled: gives their places back to their views. */
  completing(ready: number): void
  /** A request in the ring is over without a completion: gives its place back to its view. */
  over(slot: number): void
  /** Whose view the request in a slot is of; null: of none. */
  laneOf(slot: number): WaitingPlace | null
  /** Settles waiting requests that the ASYNC_CANCEL entry in `cancel` matches. Returns how many. */
  cancelWhere(cancel: Int32Array, all: boolean): number
  /** The ring ends: settles what waits with `result`, and forgets what is in flight. */
  failAll(result: number): void
}
