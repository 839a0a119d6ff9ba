// What a client's thread and the thread that started the rings say to each other, over the handle's port. Calls go one way, with
// comlink; notices go the other, as plain messages.
import type { Capabilities } from '../../native/capabilities.ts'
import type { RingPlace } from '../../native/layout.ts'
import type { ClientRingOpened } from '../../workers/client-ring.ts'
import type { RingControl } from '../../workers/control.ts'
import type { Poller } from '../../workers/poller-kind.ts'
import type { RingRestrictions } from '../../workers/restrictions.ts'
import type { Placement } from '../placement/types.ts'

/** What the client's thread asks. */
export interface ClientControl extends RingControl {
  /** Has the ring made. `threadId`: the client's, as the kernel numbers it. */
  join(threadId: number): Promise<ClientRing>
  /** The client has taken hold of its ring. */
  held(): void
  /** Has the worker that replaces a dead one take the ring over. */
  adopt(): Promise<ClientRingOpened>
}

/** All that the client's thread needs to use its ring. */
export interface ClientRing {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly opened: ClientRingOpened
  readonly poller: Poller
  readonly reason: string
  readonly inFlightMax: number
  readonly backlogMax: number
  readonly spinNs: number
  readonly restrictions: RingRestrictions | undefined
  /** Of the `threadpool` poller: a Journal's memory. */
  readonly journal: SharedArrayBuffer | null
  /** Direct descriptors that raw operations have. */
  readonly rawDescriptors: number
  readonly closeGraceMs: number
  readonly closeDeadlineMs: number
  readonly placement: Placement
  readonly effectiveCpus: number
  readonly wakeCostNs: number
  readonly capabilities: Capabilities
  /** Limits of the kernel's worker threads, as the thread's that started the rings; null: the kernel's own. */
  readonly ioWorkersMax: number | null
}

/** What is to be traced of the client's ring: a TraceWriter's memory and rate, and a number by which it is ended. */
export interface TraceOrder {
  readonly notice: 'trace'
  readonly number: number
  readonly memory: SharedArrayBuffer
  readonly sampleEvery: number
}

/** No longer. */
export interface TraceEnd {
  readonly notice: 'trace-end'
  readonly number: number
}

/**
 * What the client's thread is told: that it may join, once; to close its rings; that the worker which served them has ended, for good or not;
 * what to trace.
 */
export type Notice =
  | TraceOrder
  | TraceEnd
  | { readonly notice: 'offered' | 'end' }
  | { readonly notice: 'worker-died' | 'worker-lost'; readonly cause: string }

/** Null for what else comes over the port: answers to calls. */
export function asNotice(message: unknown): Notice | null {
  return typeof message === 'object' && message !== null && 'notice' in message ? (message as Notice) : null
}
