// A ring that may be smaller than was asked for: where the kernel has no memory for it (ENOMEM: what may be locked is used up, or the
// machine's), half the entries are tried, and half of those. Used by ring-worker.ts for every ring it makes.
import type { RingPlace } from '../native/layout.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import { openRing } from '../native/ring-memory.ts'
import type { RingSetup } from '../native/ring-memory.ts'

const ENOMEM = -12
/** Below these no ring is tried: the CQ's reserve for cancellations would be most of it. */
const sqEntriesMin = 8
const cqEntriesMin = 128

const isShortOfMemory = (error: unknown): boolean =>
  error instanceof Error &&
  'errno' in error &&
  error.errno === ENOMEM &&
  'syscall' in error &&
  error.syscall === 'io_uring_setup' // after it there is a ring, whose descriptor nobody would close

/** Calls `onHalved` before each further attempt. @throws as openRing(): what it said of the ring that was asked for */
export function openAffordableRing(
  memory: SharedArrayBuffer,
  place: RingPlace,
  setup: RingSetup,
  onHalved: () => void,
): RingGeometry {
  try {
    return openRing(memory, place, setup)
  } catch (error) {
    const sqEntries = setup.sqEntries >> 1
    const cqEntries = setup.cqEntries >> 1
    if (!isShortOfMemory(error) || sqEntries < sqEntriesMin || cqEntries < cqEntriesMin) throw error
    onHalved()
    try {
      return openAffordableRing(memory, place, { ...setup, sqEntries, cqEntries }, onHalved)
    } catch {
      throw error
    }
  }
}
