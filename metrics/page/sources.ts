// What the counters are called for people, and where each comes from: the shared counter and the name under /metrics. Pure.

import type { LiveCounter } from '../live-protocol.ts'

export interface CounterSource {
  readonly label: string
  readonly source: string
}

const client = (counter: string, metric: string): string =>
  `client counter ${counter} in shared memory; /metrics: ${metric}`

export const counterSources: Readonly<Record<LiveCounter, CounterSource>> = {
  requests: {
    label: 'operations requested',
    source: 'operation rows in shared memory; /metrics: ringmaster_operations_total',
  },
  completions: {
    label: 'operations completed',
    source: 'operation rows in shared memory; /metrics: ringmaster_operation_completions_total',
  },
  errors: {
    label: 'errors',
    source: 'operation rows in shared memory; /metrics: ringmaster_operation_errors_total',
  },
  publishedBatches: {
    label: 'batches published',
    source: client('publishedBatches', 'ringmaster_ring_published_batches_total'),
  },
  publishedEntries: {
    label: 'entries published',
    source: client('publishedEntries', 'ringmaster_ring_published_entries_total'),
  },
  reapedBatches: {
    label: 'batches of completions',
    source: client('reapedBatches', 'ringmaster_ring_reaped_batches_total'),
  },
  reapedCompletions: {
    label: 'completions taken',
    source: client('reapedCompletions', 'ringmaster_ring_reaped_completions_total'),
  },
  enterCalls: {
    label: 'io_uring_enter, by the client',
    source: client('enterCalls', 'ringmaster_ring_enter_calls_total{caller="client"}'),
  },
  workerEnterCalls: {
    label: 'io_uring_enter, by the worker',
    source: 'worker counter enterCalls in shared memory; /metrics: ringmaster_ring_enter_calls_total{caller="worker"}',
  },
  sqWakeups: { label: 'wake-ups of the poller', source: client('sqWakeups', 'ringmaster_ring_sq_wakeups_total') },
  sleeps: { label: 'sleeps of the client', source: client('sleeps', 'ringmaster_ring_sleeps_total{caller="client"}') },
  cqOverflows: {
    label: 'completion queue overflows',
    source: client('cqOverflows', 'ringmaster_ring_cq_overflows_total'),
  },
  staleCompletions: {
    label: 'stale completions',
    source: client('staleCompletions', 'ringmaster_ring_stale_completions_total'),
  },
  backlogRejections: {
    label: 'refused, backlog full',
    source: client('backlogRejections', 'ringmaster_ring_backlog_rejections_total'),
  },
  viewRejections: {
    label: 'refused, view full',
    source: client('viewRejections', 'ringmaster_ring_view_rejections_total'),
  },
  timeouts: { label: 'time limits passed', source: client('timeouts', 'ringmaster_ring_timeouts_total') },
  cancels: { label: 'cancellations', source: client('cancels', 'ringmaster_ring_cancels_total') },
  revived: { label: 'submitted again', source: client('revived', 'ringmaster_ring_revived_total') },
  workerRestarts: {
    label: 'workers replaced',
    source: client('workerRestarts', 'ringmaster_ring_worker_restarts_total'),
  },
  renewals: { label: 'rings lost and made anew', source: client('renewals', 'ringmaster_ring_renewals_total') },
  moves: { label: 'moves to another poller', source: client('moves', 'ringmaster_ring_moves_total') },
  heartbeats: {
    label: 'heartbeats of the worker',
    source: 'worker counter heartbeats in shared memory; /metrics: ringmaster_ring_worker_heartbeats_total',
  },
}

export const stageSources: readonly string[] = ['queued', 'kernel', 'delivered'].map(
  (stage) => `histogram of the stage in shared memory, last 10 s; /metrics: ringmaster_operation_${stage}_seconds`,
)
