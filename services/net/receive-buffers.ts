// The memory that waiting connections share: one group of provided buffers for each ring, so that an idle connection holds none. Opened by
// the first connection on a ring, closed some time behind the last: connections that come one after the other would each pay for it. Used by
// connection.ts.
import type { RingHandle } from '../../workers/ring-handle.ts'
import { ProvidedBuffers } from '../raw/provided-buffers.ts'
import { missingFeature } from '../raw/support.ts'

/**
 * 4 MiB for each ring. Incremental buffers (6.12) are filled piece by piece, so large ones waste nothing; others give a whole buffer for
 * each message, so they are smaller and more.
 */
const incremental = { count: 64, sizeBytes: 65_536 } as const
const classic = { count: 256, sizeBytes: 16_384 } as const

/** For how long the memory is kept for the next connection. */
const keptMs = 5000

interface Shared {
  readonly buffers: ProvidedBuffers
  users: number
  /** Until it is let go, where nobody uses it. */
  timer: NodeJS.Timeout | null
}

const shared = new WeakMap<RingHandle, Shared>()

/** Null where the kernel has no multishot recv (6.0) or no rings of buffers (5.19): then each connection waits with memory of its own. */
export function leaseReceiveBuffers(handle: RingHandle): ProvidedBuffers | null {
  if (missingFeature('multishotRecv') !== undefined || missingFeature('bufferRing') !== undefined) return null
  let found = shared.get(handle)
  if (found === undefined) {
    const pieces = missingFeature('bufferRingIncremental') === undefined
    const options = pieces ? { ...incremental, incremental: true } : classic
    found = { buffers: new ProvidedBuffers(handle, options), users: 0, timer: null }
    shared.set(handle, found)
  }
  found.users++
  if (found.timer !== null) clearTimeout(found.timer)
  found.timer = null
  return found.buffers
}

export function releaseReceiveBuffers(handle: RingHandle): void {
  const found = shared.get(handle)
  if (found === undefined || --found.users > 0) return
  found.timer = setTimeout(letGo, keptMs, handle, found).unref()
}

function letGo(handle: RingHandle, found: Shared): void {
  shared.delete(handle)
  try {
    found.buffers.close()
  } catch {
    // The ring has gone meanwhile, and its buffers with it.
  }
}
