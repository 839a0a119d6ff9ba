// What is said about a ring: between the ring worker that makes it, the thread that started the rings, and the thread that uses it.
// Plain data, sent over ports. Used by ring-worker.ts, control.ts, worker-rings.ts and services/clients/.
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
  /** Slots in the ring's table of direct descriptors for readFile. */
  readonly directDescriptors: number
  /** And before them for raw operations. */
  readonly rawDescriptors: number
  /** How long the `worker` poller spins before it sleeps. */
  readonly spinNs: number
  /** What the ring accepts, laid on it before it is enabled; undefined: everything. */
  readonly restrictions?: RingRestrictions | undefined
  /** The ring is there already: another worker made it, and is dead. */
  readonly adopt?: ClientRingOpened | undefined
  /** For the `threadpool` poller: a Journal's memory. */
  readonly journal: SharedArrayBuffer | null
  readonly heartbeatMs: number
}

/** What it answers. */
export interface ClientRingOpened {
  readonly geometry: RingGeometry
  /** The ring worker's, as the kernel numbers it. */
  readonly threadId: number
  /** Direct descriptors registered; 0 where the kernel has none. */
  readonly directDescriptors: number
  /** Entries in the table of registered buffers; 0 where the kernel has no sparse ones. */
  readonly registeredBuffers: number
}
