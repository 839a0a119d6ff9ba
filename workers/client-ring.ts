// What is said about a client's ring: between the ring worker that makes it, the thread that started the rings, and the thread
// that uses it. Plain data, sent over ports. Used by control.ts, worker-rings.ts and services/clients/.
import type { RingPlace } from '../native/layout.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import type { RingSetup } from '../native/ring-memory.ts'
import type { Poller } from './poller-kind.ts'
import type { RingRestrictions } from './restrictions.ts'

/** What a ring worker is told to open a further ring. */
export interface ClientRingTask {
  /** The client's number, never used twice by one Ringmaster. */
  readonly client: number
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly setup: RingSetup
  readonly poller: Poller
  readonly directDescriptors: number
  readonly spinNs: number
  readonly restrictions?: RingRestrictions | undefined
}

/** What it answers. */
export interface ClientRingOpened {
  readonly geometry: RingGeometry
  readonly threadId: number
  readonly directDescriptors: number
  readonly registeredBuffers: number
}
