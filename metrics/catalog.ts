// Every metric Ringmaster exports, one row each: name, type, unit, help, labels, and where the number is read.
// Called by exporter.ts at scrape time. To add a metric, copy a row; nothing else has to change.
//
// Names follow Prometheus' rules: base units, `_total` on counters, no label called `type`. Every row is about a ring,
// so the label `ring` comes first and is filled in by the exporter.

import { errorName } from './error-name.ts'
import {
  ClientCounter,
  operationCount,
  otherOperation,
  type RingMetrics,
  Stage,
  WorkerCounter,
} from './ring-metrics.ts'

/**
 * What the exporter asks of a ring. `sqThread` reads fdinfo; it is called once per scrape, null where there is none. `runQueueWait`
 * reads schedstat, once per scrape too.
 */
export interface RingMetricsSource {
  ring: number
  /** Of a ring of another thread, served by `ring`'s poller: its number. */
  client?: number
  poller: string
  reason: string
  memory: 'user' | 'mapped'
  sqEntries: number
  cqEntries: number
  state: string
  metrics: RingMetrics
  operationName(op: number): string
  /** Which poller would suit its load, and what speaks for it. */
  advice: { readonly poller: string; readonly cause: string }
  sqThread(): SqThreadTimes | null
  runQueueWait(): RunQueueWait
}

/** Time that threads had to wait for a CPU since they began; null for a thread that is not there. */
export interface RunQueueWait {
  clientNs: number | null
  pollerNs: number | null
}

export interface SqThreadTimes {
  busyNs: number
  totalNs: number
}

/** A ring at the moment of a scrape. */
export interface RingReading {
  readonly source: RingMetricsSource
  readonly metrics: RingMetrics
  readonly sqThread: SqThreadTimes | null
}

/** Takes one sample: its value, then the values of the labels after `ring`, in the row's order. */
export type SampleSink = (value: number, ...labelValues: string[]) => void

export type MetricUnit = 'seconds' | 'bytes' | 'count' | 'info'

interface MetricRowBase {
  readonly name: string
  readonly unit: MetricUnit
  readonly help: string
  readonly labels: readonly string[]
}

export interface ScalarRow extends MetricRowBase {
  readonly type: 'counter' | 'gauge'
  readonly read: (ring: RingReading, sample: SampleSink) => void
}

export interface HistogramRow extends MetricRowBase {
  readonly type: 'histogram'
  readonly stage: Stage
}

export type MetricRow = ScalarRow | HistogramRow

/** Opcodes that were ever requested on this ring: a series for each of the others would be noise. */
export function operationsInUse(metrics: RingMetrics): number[] {
  const used: number[] = []
  for (let op = 0; op <= otherOperation; op++) if (metrics.requests(op) > 0) used.push(op)
  return used
}

/** The `operation` label; opcodes too new for a row of their own share one. */
export function operationLabel(source: RingMetricsSource, op: number): string {
  return op < operationCount ? source.operationName(op) : 'other'
}

const nsPerSecond = 1e9
const msPerSecond = 1e3

const perOperation =
  (value: (metrics: RingMetrics, op: number) => number): ScalarRow['read'] =>
  ({ source, metrics }, sample) => {
    for (const op of operationsInUse(metrics)) sample(value(metrics, op), operationLabel(source, op))
  }

const ofClient =
  (counter: keyof typeof ClientCounter): ScalarRow['read'] =>
  ({ metrics }, sample) =>
    sample(metrics.client[ClientCounter[counter]]!)

const ofWorker =
  (counter: keyof typeof WorkerCounter): ScalarRow['read'] =>
  ({ metrics }, sample) =>
    sample(metrics.ofWorker(WorkerCounter[counter]))

/** Both ends of a ring do this; the label says which. */
const ofBoth =
  (counter: keyof typeof ClientCounter & keyof typeof WorkerCounter): ScalarRow['read'] =>
  ({ metrics }, sample) => {
    sample(metrics.client[ClientCounter[counter]]!, 'client')
    sample(metrics.ofWorker(WorkerCounter[counter]), 'worker')
  }

const sqThreadSeconds =
  (time: keyof SqThreadTimes): ScalarRow['read'] =>
  ({ sqThread }, sample) => {
    if (sqThread !== null) sample(sqThread[time] / nsPerSecond)
  }

const ring = ['ring'] as const
const ringCaller = ['ring', 'caller'] as const
const ringOperation = ['ring', 'operation'] as const

// prettier-ignore
export const catalog: readonly MetricRow[] = [
  // What the ring is.
  { name: 'ringmaster_ring_info', type: 'gauge', unit: 'info', labels: ['ring', 'poller', 'reason', 'memory'],
    help: 'Always 1; the labels say who consumes the submission queue, why it was chosen, and whose memory the ring is in.',
    read: ({ source }, sample) => sample(1, source.poller, source.reason, source.memory) },
  { name: 'ringmaster_ring_state', type: 'gauge', unit: 'info', labels: ['ring', 'state'],
    help: 'Always 1; the label is the present state of the ring.',
    read: ({ source }, sample) => sample(1, source.state) },
  { name: 'ringmaster_ring_sq_entries', type: 'gauge', unit: 'count', labels: ring,
    help: 'Capacity of the submission queue.',
    read: ({ source }, sample) => sample(source.sqEntries) },
  { name: 'ringmaster_ring_cq_entries', type: 'gauge', unit: 'count', labels: ring,
    help: 'Capacity of the completion queue.',
    read: ({ source }, sample) => sample(source.cqEntries) },

  // What was asked of it, per operation.
  { name: 'ringmaster_operations_total', type: 'counter', unit: 'count', labels: ringOperation,
    help: 'Operations requested.',
    read: perOperation((metrics, op) => metrics.requests(op)) },
  { name: 'ringmaster_operation_errors_total', type: 'counter', unit: 'count', labels: ['ring', 'operation', 'code'],
    help: 'Operations that completed with an error, by error code.',
    read: ({ source, metrics }, sample) => {
      for (const op of operationsInUse(metrics)) {
        const operation = operationLabel(source, op)
        for (const { errno, count } of metrics.errorsByErrno(op)) sample(count, operation, errorName(errno))
      }
    } },
  { name: 'ringmaster_operation_bytes_total', type: 'counter', unit: 'bytes', labels: ringOperation,
    help: 'Bytes read, written, sent or received.',
    read: perOperation((metrics, op) => metrics.bytes(op)) },
  { name: 'ringmaster_operations_in_flight', type: 'gauge', unit: 'count', labels: ringOperation,
    help: 'Operations requested and not completed, waiting ones included.',
    read: perOperation((metrics, op) => metrics.inFlight(op)) },
  { name: 'ringmaster_operation_queued_seconds', type: 'histogram', unit: 'seconds', labels: ringOperation,
    help: 'Time from the call until the entry was published to the submission queue.', stage: Stage.queued },
  { name: 'ringmaster_operation_kernel_seconds', type: 'histogram', unit: 'seconds', labels: ringOperation,
    help: 'Time from publishing the entry until its completion was seen.', stage: Stage.kernel },
  { name: 'ringmaster_operation_delivered_seconds', type: 'histogram', unit: 'seconds', labels: ringOperation,
    help: 'Time from seeing the completion until the caller was told.', stage: Stage.delivered },

  // How the ring turns.
  { name: 'ringmaster_ring_published_batches_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times entries were published to the submission queue.', read: ofClient('publishedBatches') },
  { name: 'ringmaster_ring_published_entries_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Entries published to the submission queue; divided by batches this is the batch size.',
    read: ofClient('publishedEntries') },
  { name: 'ringmaster_ring_reaped_batches_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times completions were taken from the completion queue.', read: ofClient('reapedBatches') },
  { name: 'ringmaster_ring_reaped_completions_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Completions taken from the completion queue.', read: ofClient('reapedCompletions') },
  { name: 'ringmaster_ring_enter_calls_total', type: 'counter', unit: 'count', labels: ringCaller,
    help: 'System calls of io_uring_enter, by the end of the ring that made them.', read: ofBoth('enterCalls') },
  { name: 'ringmaster_ring_sq_wakeups_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times the consumer of the submission queue slept and had to be woken.', read: ofClient('sqWakeups') },
  { name: 'ringmaster_ring_sleeps_total', type: 'counter', unit: 'count', labels: ringCaller,
    help: 'Times an end of the ring stopped spinning and slept.', read: ofBoth('sleeps') },
  { name: 'ringmaster_ring_cq_overflows_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times the completion queue was found full; no completion is lost, but each costs a system call.',
    read: ofClient('cqOverflows') },
  { name: 'ringmaster_ring_stale_completions_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Completions of a past generation of their slot, dropped.', read: ofClient('staleCompletions') },
  { name: 'ringmaster_ring_in_flight', type: 'gauge', unit: 'count', labels: ring,
    help: 'Requests the kernel has and has not completed.', read: ofClient('inFlight') },
  { name: 'ringmaster_ring_in_flight_max', type: 'gauge', unit: 'count', labels: ring,
    help: 'Most requests in flight at once since the ring was made.', read: ofClient('inFlightMax') },
  { name: 'ringmaster_ring_backlog', type: 'gauge', unit: 'count', labels: ring,
    help: 'Requests waiting because the ring is full.', read: ofClient('backlog') },
  { name: 'ringmaster_ring_backlog_rejections_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Requests refused with ERR_RING_BACKLOG_FULL.', read: ofClient('backlogRejections') },
  { name: 'ringmaster_ring_views_waiting', type: 'gauge', unit: 'count', labels: ['ring', 'priority'],
    help: 'Requests of views waiting for a place in the ring, by class.',
    read: ({ metrics }, sample) => {
      sample(metrics.client[ClientCounter.foregroundWaiting]!, 'foreground')
      sample(metrics.client[ClientCounter.backgroundWaiting]!, 'background')
    } },
  { name: 'ringmaster_ring_background_in_flight', type: 'gauge', unit: 'count', labels: ring,
    help: 'Background requests in the ring.', read: ofClient('backgroundInFlight') },
  { name: 'ringmaster_ring_background_share', type: 'gauge', unit: 'count', labels: ring,
    help: 'Background requests that may be in the ring; follows the latency of the foreground. 0 before the first view.',
    read: ofClient('backgroundShare') },
  { name: 'ringmaster_ring_view_rejections_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Requests of views refused with ERR_RING_BACKLOG_FULL.', read: ofClient('viewRejections') },
  { name: 'ringmaster_ring_timeouts_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Requests cancelled because their time limit passed.', read: ofClient('timeouts') },
  { name: 'ringmaster_ring_cancels_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Cancellations sent to the kernel.', read: ofClient('cancels') },

  // Who serves it.
  { name: 'ringmaster_ring_sq_thread_busy_seconds_total', type: 'counter', unit: 'seconds', labels: ring,
    help: 'CPU time of the SQ thread spent on entries; rings that share a thread report the same time.',
    read: sqThreadSeconds('busyNs') },
  { name: 'ringmaster_ring_sq_thread_seconds_total', type: 'counter', unit: 'seconds', labels: ring,
    help: 'CPU time of the SQ thread, polling included; rings that share a thread report the same time.',
    read: sqThreadSeconds('totalNs') },
  { name: 'ringmaster_ring_run_queue_wait_seconds_total', type: 'counter', unit: 'seconds', labels: ['ring', 'thread'],
    help: 'Time that the client and the thread that polls for it could have run and waited for a CPU.',
    read: ({ source }, sample) => {
      const { clientNs, pollerNs } = source.runQueueWait()
      if (clientNs !== null) sample(clientNs / nsPerSecond, 'client')
      if (pollerNs !== null) sample(pollerNs / nsPerSecond, 'poller')
    } },
  { name: 'ringmaster_ring_advice', type: 'gauge', unit: 'info', labels: ['ring', 'poller', 'cause'],
    help: 'Always 1; the labels say which poller would suit the load of late, and what speaks for it (none: the present one is right).',
    read: ({ source }, sample) => sample(1, source.advice.poller, source.advice.cause) },
  { name: 'ringmaster_ring_worker_wakeups_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times the ring worker was woken.', read: ofWorker('wakeups') },
  { name: 'ringmaster_ring_worker_errors_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Errors the ring worker met and survived.', read: ofWorker('errors') },
  { name: 'ringmaster_ring_entry_halvings_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times that the entries of the ring were halved, because the kernel had no memory for more.', read: ofWorker('entryHalvings') },
  { name: 'ringmaster_ring_renewals_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times that the ring was lost and another was opened in its place.', read: ofClient('renewals') },
  { name: 'ringmaster_ring_moves_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times that the ring was moved to a poller that suits its load better.', read: ofClient('moves') },
  { name: 'ringmaster_ring_worker_restarts_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Times that another ring worker adopted the ring, because the one before had ended or was silent.',
    read: ofClient('workerRestarts') },
  { name: 'ringmaster_ring_worker_up', type: 'gauge', unit: 'count', labels: ring,
    help: 'Whether the ring has a worker: 1, or 0 while another one is being started, or none can be.',
    read: ({ metrics }, sample) => sample(1 - metrics.client[ClientCounter.workerMissing]!) },
  { name: 'ringmaster_ring_revived_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Requests that a ring worker left behind when it died, and that were submitted again.', read: ofClient('revived') },
  { name: 'ringmaster_ring_worker_heartbeats_total', type: 'counter', unit: 'count', labels: ring,
    help: 'Heartbeats of the ring worker.', read: ofWorker('heartbeats') },
  { name: 'ringmaster_ring_worker_heartbeat_timestamp_seconds', type: 'gauge', unit: 'seconds', labels: ring,
    help: 'Unix time of the last heartbeat of the ring worker; absent before the first.',
    read: ({ metrics }, sample) => {
      const timestampMs = metrics.worker[WorkerCounter.heartbeatTimestampMs]!
      if (timestampMs > 0) sample(timestampMs / msPerSecond)
    } },
]

/** About the exporter itself, not about a ring: it fills these in on its own. */
export const scrapeDuration = {
  name: 'ringmaster_exporter_scrape_duration_seconds',
  help: 'Time the latest scrape took to read all rings.',
} as const

export const collectorFailures = {
  name: 'ringmaster_exporter_collector_failures_total',
  help: 'Failures to read a metric from a ring; that metric lacks samples of that ring in that scrape.',
  labels: ['collector'],
} as const
