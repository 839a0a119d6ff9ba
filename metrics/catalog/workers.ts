// The metrics of who serves a ring: its SQ thread, its worker, its poller. Part of the plane in rings.ts; to add one, copy a row.
import { msPerSecond, nsPerSecond, type MetricRow, type SampleSink } from '../plane.ts'
import { ClientCounter, WorkerCounter } from '../ring-metrics.ts'
import { ofClient, ofWorker, type RingReading, type SqThreadTimes } from './ring-reading.ts'

const sqThreadSeconds =
  (time: keyof SqThreadTimes) =>
  ({ sqThread }: RingReading, sample: SampleSink): void => {
    if (sqThread !== null) sample(sqThread[time] / nsPerSecond)
  }

// prettier-ignore
export const workerRows: readonly MetricRow<RingReading>[] = [
  { name: 'ringmaster_ring_sq_thread_busy_seconds_total', type: 'counter', unit: 'seconds', labels: [],
    help: 'CPU time of the SQ thread spent on entries; rings that share a thread report the same time.',
    read: sqThreadSeconds('busyNs') },
  { name: 'ringmaster_ring_sq_thread_seconds_total', type: 'counter', unit: 'seconds', labels: [],
    help: 'CPU time of the SQ thread, polling included; rings that share a thread report the same time.',
    read: sqThreadSeconds('totalNs') },
  { name: 'ringmaster_ring_run_queue_wait_seconds_total', type: 'counter', unit: 'seconds', labels: ['thread'],
    help: 'Time that the client and the thread that polls for it could have run and waited for a CPU.',
    read: ({ source }, sample) => {
      const { clientNs, pollerNs } = source.runQueueWait()
      if (clientNs !== null) sample(clientNs / nsPerSecond, 'client')
      if (pollerNs !== null) sample(pollerNs / nsPerSecond, 'poller')
    } },
  { name: 'ringmaster_ring_advice', type: 'gauge', unit: 'info', labels: ['poller', 'cause'],
    help: 'Always 1; the labels say which poller would suit the load of late, and what speaks for it (none: the present one is right).',
    read: ({ source }, sample) => sample(1, source.advice.poller, source.advice.cause) },
  { name: 'ringmaster_ring_worker_wakeups_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times the ring worker was woken.', read: ofWorker('wakeups') },
  { name: 'ringmaster_ring_worker_errors_total', type: 'counter', unit: 'count', labels: [],
    help: 'Errors the ring worker met and survived.', read: ofWorker('errors') },
  { name: 'ringmaster_ring_entry_halvings_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times that the entries of the ring were halved, because the kernel had no memory for more.', read: ofWorker('entryHalvings') },
  { name: 'ringmaster_ring_renewals_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times that the ring was lost and another was opened in its place.', read: ofClient('renewals') },
  { name: 'ringmaster_ring_moves_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times that the ring was moved to a poller that suits its load better.', read: ofClient('moves') },
  { name: 'ringmaster_ring_worker_restarts_total', type: 'counter', unit: 'count', labels: [],
    help: 'Times that another ring worker adopted the ring, because the one before had ended or was silent.',
    read: ofClient('workerRestarts') },
  { name: 'ringmaster_ring_worker_up', type: 'gauge', unit: 'boolean', labels: [],
    help: 'Whether the ring has a worker: 1, or 0 while another one is being started, or none can be.',
    read: ({ metrics }, sample) => sample(1 - metrics.client[ClientCounter.workerMissing]!) },
  { name: 'ringmaster_ring_revived_total', type: 'counter', unit: 'count', labels: [],
    help: 'Requests that a ring worker left behind when it died, and that were submitted again.', read: ofClient('revived') },
  { name: 'ringmaster_ring_worker_heartbeats_total', type: 'counter', unit: 'count', labels: [],
    help: 'Heartbeats of the ring worker.', read: ofWorker('heartbeats') },
  { name: 'ringmaster_ring_worker_heartbeat_timestamp_seconds', type: 'gauge', unit: 'timestamp', labels: [],
    help: 'Unix time of the last heartbeat of the ring worker; absent before the first.',
    read: ({ metrics }, sample) => {
      const timestampMs = metrics.worker[WorkerCounter.heartbeatTimestampMs]!
      if (timestampMs > 0) sample(timestampMs / msPerSecond)
    } },
]
