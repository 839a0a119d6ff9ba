// How deep the queues are. One of placement's rules; called by place().
import { ringSizeBytes, sqesSizeBytes } from '../../native/layout.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { setByOption } from './types.ts'
import type { Decision, PlacementFacts, PlacementWishes } from './types.ts'

export interface Depths {
  readonly sqEntries: number
  readonly cqEntries: number
}

const sqEntriesDefault = 1024
/** Below this a batch no longer pays for itself: 88 % of what batches save is reached by 8 entries, 95 % by 32. */
const sqEntriesFloor = 64
const cqPerSq = 4
const cqEntriesMin = 128
const cqEntriesMax = 65_536

const depths = (sqEntries: number): Depths => ({
  sqEntries,
  cqEntries: Math.min(cqEntriesMax, Math.max(cqEntriesMin, sqEntries * cqPerSq)),
})

/** Memory of one ring that the kernel may charge to the memlock limit. */
const lockedBytes = ({ sqEntries, cqEntries }: Depths): number =>
  ringSizeBytes(sqEntries, cqEntries) + sqesSizeBytes(sqEntries)

/** Half of the limit: registered buffers need some, and it is the limit of all processes of a user together. */
const forRingsBytes = ({ memlockBytes }: PlacementFacts): number => memlockBytes / 2

/** How many rings of the smallest depth the memlock limit has room for. */
export function ringsWithinMemlock(facts: PlacementFacts): number {
  return Math.max(1, Math.floor(forRingsBytes(facts) / lockedBytes(depths(sqEntriesFloor))))
}

export function chooseDepths(
  facts: PlacementFacts,
  wishes: PlacementWishes,
  rings: number,
  poller: Poller,
): Decision<Depths> {
  const { sqEntries = 'auto', cqEntries = 'auto' } = wishes
  if (sqEntries !== 'auto' || cqEntries !== 'auto') {
    const own = depths(sqEntries === 'auto' ? sqEntriesDefault : sqEntries)
    return { value: cqEntries === 'auto' ? own : { ...own, cqEntries }, reason: setByOption }
  }
  let entries = sqEntriesDefault
  const locked = poller !== Poller.threadpool // ordinary memory: nobody locks it
  while (locked && entries > sqEntriesFloor && rings * lockedBytes(depths(entries)) > forRingsBytes(facts)) entries /= 2
  const reason =
    entries === sqEntriesDefault
      ? 'the default: room for bursts, and what is not used costs nothing'
      : `half of the ${facts.memlockBytes} bytes that may be locked is not enough for ${sqEntriesDefault}: raise ulimit -l for more`
  return { value: depths(entries), reason }
}
