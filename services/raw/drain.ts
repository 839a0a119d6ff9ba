// Barriers (IOSQE_IO_DRAIN): whether a ring takes them, and how many it has. Used by RawRing and Chain.
import type { RequestClient } from '../../workers/lane.ts'
import type { RequestHandle } from '../request-handle.ts'

/** Why the kernel will take none, where it only says EOPNOTSUPP; null where it will. */
export function drainRefused(handle: RequestHandle): string | null {
  if (handle.drains) return null
  return (
    'it has had a request without a completion (a quiet step), after which the kernel drains no more there: ' +
    'use another ring for either'
  )
}

/** Counts a barrier until it is over: cancellations must not wait behind it. */
export function countBarrier(client: RequestClient, over: Promise<unknown>): void {
  const countOut = (): void => {
    client.barriers--
  }
  client.barriers++
  over.then(countOut, countOut)
}
