// Cancelling requests that wait in a backlog: the kernel has not seen them and would not find them. For ring-client.ts and
// admission.ts, and all of them when the ring ends.
import type { Admitting, WaitingPlace } from './admitting.ts'
import { cancelMatches } from './cancel-match.ts'

const ECANCELED = -125

/**
 * Settles a waiting request with -ECANCELED, at once: what is before it may never end. Its chain goes with it. The
 * entries stay behind as settled ones until they come to the head.
 */
export function cancelQueued(waiting: WaitingPlace, slot: number): void {
  const start = waiting.backlog.groupOf(slot)
  if (start >= 0) cancelGroup(waiting, start)
}

/**
 * Cancels waiting requests that the ASYNC_CANCEL entry in `cancel` matches: the first, or all; a chain as a whole.
 * Returns how many matched.
 */
export function cancelQueuedWhere(waiting: WaitingPlace, cancel: Int32Array, all: boolean): number {
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

/** The same in a ring's own backlog and in those of its views. */
export function cancelQueuedAnywhere(
  waiting: WaitingPlace & { readonly admission: Admitting | null },
  cancel: Int32Array,
  all: boolean,
): number {
  const found = cancelQueuedWhere(waiting, cancel, all)
  return found > 0 && !all ? found : found + (waiting.admission?.cancelWhere(cancel, all) ?? 0)
}

/** Takes every request out that waits there, and fails it with `result`. */
export function failWaiting(waiting: WaitingPlace, result: number): void {
  const { backlog } = waiting
  for (backlog.dropDead(); backlog.length > 0; backlog.dropDead()) {
    const slot = backlog.slotAt(0)
    backlog.drop()
    waiting.fail(slot, result)
  }
}

function cancelGroup(waiting: WaitingPlace, start: number): void {
  const { backlog } = waiting
  const group = backlog.groupAt(start)
  backlog.bury(start)
  for (let index = 0; index < group; index++) waiting.fail(backlog.slotAt(start + index), ECANCELED)
}
