// What a request needs of a ring: the ring's own handle, or a view's way into it. Given by a Router; used by everything that makes
// requests.
import type { ArenaSlabs } from '../workers/arena.ts'
import type { RequestClient } from '../workers/lane.ts'
import type { RingHandle } from '../workers/ring-handle.ts'

export type RequestHandle = Pick<
  RingHandle,
  'ring' | 'scratch' | 'leases' | 'geometry' | 'rawDescriptors' | 'chainsWhole' | 'beginTask' | 'endTask'
> & {
  readonly client: RequestClient
  /** Where requests go that may be repeated when this ring is lost; null where there is no other. */
  readonly elsewhere: () => RequestHandle | null
}

/** Files that were opened and closed; whoever does it counts. */
export interface FileCounts {
  opened: number
  closed: number
}

/** Finds a ring for a request. */
export interface Router {
  readonly files: FileCounts
  /** What requests look their buffers up in. */
  readonly arenas: ArenaSlabs[]
  /** @throws ERR_RING_CLOSED */
  pick(): RequestHandle
  /** Another ring for an open whose ring was lost; null where none is, or where the first attempt may have changed something. */
  insteadOf(error: unknown, flags: number): RequestHandle | null
}
