// Cancelling requests that wait in the backlog: the kernel has not seen them and would not find them. For ring-client.ts.
import type { Backlog } from './backlog.ts'
import { cancelMatches } from './cancel-match.ts'

/** Whose backlog it is: it settles what is taken out. */
export interface Waiting {
  readonly backlog: Backlog
  fail(slot: number, result: number): void
}

const ECANCELED = -125

/**
 * Settles a waiting request with -ECANCELED, at once: what is before it may never end. Its chain goes with it. The
 * entries stay behind as settled ones until they come to the head.
 */
export function cancelQueued(waiting: Waiting, slot: number): void {
  const start = waiting.backlog.groupOf(slot)
  if (start >= 0) cancelGroup(waiting, start)
}

/**
 * Cancels waiting requests that the ASYNC_CANCEL entry in `cancel` matches: the first, or all; a chain as a whole.
 * Returns how many matched.
 */
export function cancelQueuedWhere(waiting: Waiting, cancel: Int32Array, all: boolean): number {
  const { backlog } = waiting
  let found = 0
  for (let start = 0; start < backlog.length && (all || found === 0);) {
    const group = backlog.groupAt(start)
    let matches = 0
    if (!backlog.isDead(start)) {
      for (let index = 0; index < group; index++)
        if (cancelMatches(cancel, backlog.words, backlog.wordsAt(start + index))) matches++
    }
    found += all ? matches : Math.min(matches, 1)
    if (matches > 0) cancelGroup(waiting, start)
    start += group
  }
  return found
}

function cancelGroup(waiting: Waiting, start: number): void {
  const { backlog } = waiting
  const group = backlog.groupAt(start)
  backlog.bury(start)
  for (let index = 0; index < group; index++) waiting.fail(backlog.slotAt(start + index), ECANCELED)
}
