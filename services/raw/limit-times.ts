// How long the limits of chains (linkTimeout) have left, by this process's clocks. Written by operations/timeouts.ts, which makes
// and changes them; read by limit-guard.ts, which sees to it that they are kept.
import { uptime } from 'node:os'
import type { Ticket } from './operation.ts'

export type ClockName = 'monotonic' | 'boottime' | 'realtime'

/** A limit as it stands. `ticket` names it: copies of an operation share theirs. */
export interface LimitTime {
  timeMs: number
  absolute: boolean
  readonly clock: ClockName
  /** When it was changed last, by performance.now(); 0: never; Infinity: the kernel has not said yet whether it was. */
  changedMs: number
}

const limits = new WeakMap<Ticket, LimitTime>()

export function noteLimit(ticket: Ticket, limit: LimitTime): void {
  limits.set(ticket, limit)
}

export function limitOf(ticket: Ticket): LimitTime | undefined {
  return limits.get(ticket)
}

const clockMs: Readonly<Record<ClockName, () => number>> = {
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  boottime: () => uptime() * 1000, // whole seconds, rounded down: late, never early
  realtime: () => Date.now(),
}

/** Milliseconds that are left of a limit whose step began at `startedMs`, by performance.now(). Infinity: not known just now. */
export function timeLeftMs(limit: LimitTime, startedMs: number): number {
  if (limit.changedMs === Infinity) return Infinity
  if (limit.absolute) return limit.timeMs - clockMs[limit.clock]()
  return limit.timeMs - (performance.now() - Math.max(startedMs, limit.changedMs))
}
