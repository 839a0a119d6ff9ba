// Whether a client submits its entries itself rather than wake the `worker`, which sleeps. Used by the ring client's submission.
import { countsBytes } from '../native/operations/index.ts'
import type { Ring } from '../native/ring.ts'

/** Entries at most: a wake-up costs several system calls, and its time. */
const entriesMax = 8
/** Bytes of these at most: what is in the page cache is copied by whoever submits, and the client's thread has other things to do. */
const bytesMax = 256 * 1024

export function isLittle(ring: Ring): boolean {
  const { sqes, unconsumed } = ring
  if (unconsumed > entriesMax) return false
  let bytes = 0
  for (let index = 0; index < unconsumed; index++) {
    const at = ring.untakenAt(index, unconsumed)
    if (countsBytes[sqes[at]! & 0xff] === 1) bytes += sqes[at + 6]! >>> 0
  }
  return bytes <= bytesMax
}
