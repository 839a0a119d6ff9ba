// Whether a ring can drain (IOSQE_IO_DRAIN). Used by RawRing and Chain before they ask the kernel, which says only EOPNOTSUPP.
import type { RingHandle } from '../../workers/ring-handle.ts'

/** Why the kernel will not; null where it will. */
export function drainRefused(handle: RingHandle): string | null {
  if (handle.drains) return null
  return (
    'it has had a request without a completion (a quiet step), after which the kernel drains no more there: ' +
    'use another ring for either'
  )
}
