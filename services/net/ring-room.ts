// How many connections a ring has and may have. Each may hold two of its requests for as long as the other side likes: one that waits for
// data, one that waits for somebody to take some. Were there more connections than that allows, silent ones would keep all others, and files,
// from every request. Used by connection.ts, which counts, and by acceptor.ts and server.ts, which let no more in.
import type { RingHandle } from '../../workers/ring-handle.ts'

const counts = new WeakMap<RingHandle, number>()
/** For what else there is: accepting, closing, files. */
const keptMax = 64

/** A connection more (1) or less (-1) on a ring. */
export function countConnection(handle: RingHandle, change: 1 | -1): void {
  counts.set(handle, (counts.get(handle) ?? 0) + change)
}

/** How many more connections a ring may have. */
export function roomOn(handle: RingHandle): number {
  const { inFlightMax } = handle.client
  const kept = Math.min(keptMax, inFlightMax >> 2)
  return ((inFlightMax - kept) >> 1) - (counts.get(handle) ?? 0)
}
