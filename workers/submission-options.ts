// What a ring client is made of. Given by RingHandle to Submission, by way of RingClient.
import type { Ring } from '../native/ring.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'
import type { Poller } from './poller-kind.ts'

export interface SubmissionOptions {
  readonly ring: Ring
  readonly poller: Poller
  readonly control: Int32Array
  readonly metrics: RingMetrics
  /** Entries in the ring at most: the CQ must have room for the last CQE of each. */
  readonly inFlightMax: number
  readonly backlogMax: number
}
