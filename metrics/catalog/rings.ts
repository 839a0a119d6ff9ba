// The plane of rings: what they are, how they turn, and the rows of operations.ts and workers.ts. Registered by Ringmaster.register(); to add a
// metric, copy a row.
import { ClientCounter } from '../ring-metrics.ts'
import { atMost, type MetricRow, oneOf, type Plane, poolRule } from '../plane.ts'
import { operationRows } from './operations.ts'
import { ofBoth, ofClient, pollerReasons, type RingReading } from './ring-reading.ts'
import { workerRows } from './workers.ts'

const caller = ['caller'] as const
const pollers = oneOf('kernel', 'worker', 'caller', 'threadpool')

// prettier-ignore
const ringRows: readonly MetricRow<RingReading>[] = [
  // What the ring is.
  { name: 'ringmaster_ring_info', type: 'gauge', unit: 'info', labels: ['poller', 'reason', 'memory'],
    help: 'Always 1; the labels say who consumes the submission queue, why it was chosen, and whose memory the ring is in.',
    read: ({ source }, sample) => sample(1, source.poller, source.reason, source.memory) },
  { name: 'ringmaster_ring_state', type: 'gauge', unit: 'info', labels: ['state'],
    help: 'Always 1; the label is the present state of the ring.',
    read: ({ source }, sample) => sample(1, source.state) },
  { name: 'ringmaster_ring_sq_entries', type: 'gauge', unit: 'count', labels: [],
    help: 'Capacity of the submission queue.',
    read: ({ source }, sample) => sample(source.sqEntries) },
  { name: 'ringmaster_ring_cq_entries', type: 'gauge', unit: 'count', labels: [],
    help: 'Capacity of the completion queue.',
    read: ({ source }, sample) => sample(source.cqEntries) },
  { name: 'ringmaster_ring_in_flight_limit', type: 'gauge', unit: 'count', labels: [],
    help: 'Requests that the ring may have in flight; more wait in the backlog.',
    read: ({ source }, sample) => sample(source.inFlightLimit) },
  { name: 'ringmaster_ring_backlog_limit', type: 'gauge', unit: 'count', labels: [],
    help: 'Requests that may wait for a place in the ring; more are refused with ERR_RING_BACKLOG_FULL.',
    read: ({ source }, sample) => sample(source.backlogLimit) },
  { name: 'ringmaster_ring_degraded', type: 'gauge', unit: 'boolean', labels: [],
    help: 'Whether the ring does with less than was chosen: 1 where its poller is a fallback, since io_uring or SQPOLL is denied, or its worker is gone.',
    read: ({ source }, sample) => sample(source.degraded ? 1 : 0) },

  // How the ring turns.
  { name: 'ringmaster_ring_published_batches_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times entries were published to the submission queue.', read: ofClient('publishedBatches') },
  { name: 'ringmaster_ring_published_entries_total', type: 'counter', unit: 'count', labels: [],
    help: 'Entries published to the submission queue; divided by batches this is the batch size.',
    read: ofClient('publishedEntries') },
  { name: 'ringmaster_ring_reaped_batches_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times completions were taken from the completion queue.', read: ofClient('reapedBatches') },
  { name: 'ringmaster_ring_reaped_completions_total', type: 'counter', unit: 'count', labels: [],
    help: 'Completions taken from the completion queue.', read: ofClient('reapedCompletions') },
  { name: 'ringmaster_ring_enter_calls_total', type: 'counter', unit: 'count', labels: caller,
    help: 'System calls of io_uring_enter, by the end of the ring that made them.', read: ofBoth('enterCalls') },
  { name: 'ringmaster_ring_sq_wakeups_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times the consumer of the submission queue slept and had to be woken.', read: ofClient('sqWakeups') },
  { name: 'ringmaster_ring_sleeps_total', type: 'counter', unit: 'count', labels: caller,
    help: 'Times an end of the ring stopped spinning and slept.', read: ofBoth('sleeps') },
  { name: 'ringmaster_ring_cq_overflows_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times the completion queue was found full; no completion is lost, but each costs a system call.',
    read: ofClient('cqOverflows') },
  { name: 'ringmaster_ring_stale_completions_total', type: 'counter', unit: 'count', labels: [],
    help: 'Completions of a past generation of their slot, dropped.', read: ofClient('staleCompletions') },
  { name: 'ringmaster_ring_in_flight', type: 'gauge', unit: 'count', labels: [],
    help: 'Requests the kernel has and has not completed.', read: ofClient('inFlight') },
  { name: 'ringmaster_ring_in_flight_max', type: 'gauge', unit: 'count', labels: [],
    help: 'Most requests in flight at once since the ring was made.', read: ofClient('inFlightMax') },
  { name: 'ringmaster_ring_backlog', type: 'gauge', unit: 'count', labels: [],
    help: 'Requests waiting because the ring is full.', read: ofClient('backlog') },
  { name: 'ringmaster_ring_backlog_rejections_total', type: 'counter', unit: 'count', labels: [],
    help: 'Requests refused with ERR_RING_BACKLOG_FULL.', read: ofClient('backlogRejections') },
  { name: 'ringmaster_ring_views_waiting', type: 'gauge', unit: 'count', labels: ['priority'],
    help: 'Requests of views waiting for a place in the ring, by class.',
    read: ({ metrics }, sample) => {
      sample(metrics.client[ClientCounter.foregroundWaiting]!, 'foreground')
      sample(metrics.client[ClientCounter.backgroundWaiting]!, 'background')
    } },
  { name: 'ringmaster_ring_background_in_flight', type: 'gauge', unit: 'count', labels: [],
    help: 'Background requests in the ring.', read: ofClient('backgroundInFlight') },
  { name: 'ringmaster_ring_background_in_flight_limit', type: 'gauge', unit: 'count', labels: [],
    help: 'Background requests that may be in the ring; follows the latency of the foreground. 0 before the first view.',
    read: ofClient('backgroundShare') },
  { name: 'ringmaster_ring_view_rejections_total', type: 'counter', unit: 'count', labels: [],
    help: 'Requests of views refused with ERR_RING_BACKLOG_FULL.', read: ofClient('viewRejections') },
  { name: 'ringmaster_ring_timeouts_total', type: 'counter', unit: 'count', labels: [],
    help: 'Requests cancelled because their time limit passed.', read: ofClient('timeouts') },
  { name: 'ringmaster_ring_cancels_total', type: 'counter', unit: 'count', labels: [],
    help: 'Cancellations sent to the kernel.', read: ofClient('cancels') },
]

export const ringsPlane: Plane<RingReading> = {
  name: 'rings',
  subjectLabels: ['pool', 'ring', 'client'],
  labelRules: {
    pool: poolRule,
    // Options rings and clientsMax: 64 each.
    ring: atMost(64),
    client: atMost(64),
    poller: pollers,
    reason: oneOf(...pollerReasons),
    memory: oneOf('user', 'mapped'),
    state: oneOf('open', 'closing', 'closed', 'lost'),
    cause: oneOf('none', 'burning', 'contended'),
    operation: atMost(65),
    code: atMost(134),
    caller: oneOf('client', 'worker'),
    thread: oneOf('client', 'poller'),
    priority: oneOf('foreground', 'background'),
  },
  rows: [...ringRows, ...operationRows, ...workerRows],
}
