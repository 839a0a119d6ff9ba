// The system calls that rings made, and those they saved: a call for each operation is what a program without io_uring makes. Pure; used
// by panels.ts, charts.ts and verdict.ts.

import type { LiveRing } from '../live-protocol.ts'
import { counterOf, keyOf, type Span } from './history.ts'
import { isBookkeeping } from './operations.ts'

export interface Calls {
  readonly made: number
  readonly avoided: number
}

export const callSources = {
  made: 'client and worker counters enterCalls, wake-ups of a ring worker, and with poller threadpool a call for each operation; /metrics: ringmaster_ring_enter_calls_total, ringmaster_ring_sq_wakeups_total',
  avoided:
    'completions of operations (not of nop, timeouts, cancellations and other bookkeeping, which nobody would call) less the calls made; none with poller threadpool, where each operation is a call; /metrics: ringmaster_operation_completions_total',
} as const

const totals = new WeakMap<LiveRing, number>()

/** What would have been a call each. Of rings that are counters only, every entry. */
function workOf(ring: LiveRing): number {
  let total = totals.get(ring)
  if (total !== undefined) return total
  total = 0
  for (const [op, , , completions, , , given] of ring.operations) if (!isBookkeeping(op)) total += completions + given
  if (ring.operations.length === 0) total = counterOf(ring, 'publishedEntries')
  totals.set(ring, total)
  return total
}

/** Of one ring; the frames' order is `then`, `now`. */
export function callsOfRing(then: LiveRing, now: LiveRing): Calls {
  const grown = (name: Parameters<typeof counterOf>[1]): number =>
    Math.max(0, counterOf(now, name) - counterOf(then, name))
  const work = Math.max(0, workOf(now) - workOf(then))
  // An SQ thread is woken by io_uring_enter, which is counted there; a thread of this process by a write.
  const wakeups = now.poller === 'worker' || now.poller === 'threadpool' ? grown('sqWakeups') : 0
  const made = grown('enterCalls') + grown('workerEnterCalls') + wakeups
  if (now.poller === 'threadpool') return { made: made + work, avoided: 0 }
  return { made, avoided: Math.max(0, work - made) }
}

/** Of all rings. */
export function callsOf({ first, last }: Pick<Span, 'first' | 'last'>): Calls {
  let made = 0
  let avoided = 0
  for (const ring of last.rings) {
    const then = first.rings.find((one) => keyOf(one) === keyOf(ring))
    if (then === undefined) continue
    const calls = callsOfRing(then, ring)
    made += calls.made
    avoided += calls.avoided
  }
  return { made, avoided }
}
