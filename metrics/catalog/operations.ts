// The metrics of operations: what was asked of a ring, by opcode. Part of the plane in rings.ts; to add one, copy a row.
import { deviceErrorCount, storageOperationRows } from '../device-errors.ts'
import { errorName } from '../error-name.ts'
import type { MetricRow, SampleSink } from '../plane.ts'
import { type RingMetrics, Stage } from '../ring-metrics.ts'
import type { RingReading } from './ring-reading.ts'

const perOperation =
  (value: (metrics: RingMetrics, op: number) => number) =>
  ({ operations, metrics }: RingReading, sample: SampleSink): void => {
    for (const { op, label } of operations) sample(value(metrics, op), label)
  }

const ofStage =
  (stage: Stage): Extract<MetricRow<RingReading>, { type: 'histogram' }>['readHistograms'] =>
  ({ operations, metrics }, sample) => {
    for (const { op, label } of operations)
      sample(metrics.stageCounts(stage, op), metrics.stageSumNs(stage, op), null, label)
  }

const operation = ['operation'] as const

// prettier-ignore
export const operationRows: readonly MetricRow<RingReading>[] = [
  { name: 'ringmaster_operations_total', type: 'counter', unit: 'count', labels: operation,
    help: 'Operations requested.',
    read: perOperation((metrics, op) => metrics.requests(op)) },
  { name: 'ringmaster_operation_completions_total', type: 'counter', unit: 'count', labels: operation,
    help: 'Operations that are over, with an error or without; an operation with many completions counts once.',
    read: perOperation((metrics, op) => metrics.completions(op)) },
  { name: 'ringmaster_operation_errors_total', type: 'counter', unit: 'count', labels: ['operation', 'code'],
    help: 'Operations that completed with an error, by error code.',
    read: ({ operations, metrics }, sample) => {
      for (const { op, label } of operations) {
        if (metrics.errors(op) === 0) continue
        for (const { errno, count } of metrics.errorsByErrno(op)) sample(count, label, errorName(errno))
      }
    } },
  // Of all operations of storage, used or not: a counter that appears with its first error has no increase to alert on.
  { name: 'ringmaster_operation_device_errors_total', type: 'counter', unit: 'count', labels: operation,
    help: 'Storage operations that failed with an error of the device or of its file system, such as EIO or ENOSPC, not of the request.',
    read: ({ metrics }, sample) => {
      for (const row of storageOperationRows) sample(deviceErrorCount(metrics, row), row.label)
    } },
  { name: 'ringmaster_operation_bytes_total', type: 'counter', unit: 'bytes', labels: operation,
    help: 'Bytes read, written, sent or received.',
    read: perOperation((metrics, op) => metrics.bytes(op)) },
  { name: 'ringmaster_operations_in_flight', type: 'gauge', unit: 'count', labels: operation,
    help: 'Operations requested and not completed, waiting ones included.',
    read: perOperation((metrics, op) => metrics.inFlight(op)) },
  { name: 'ringmaster_operation_queued_seconds', type: 'histogram', unit: 'seconds', labels: operation,
    help: 'Time from the call until the entry was published to the submission queue.', readHistograms: ofStage(Stage.queued) },
  { name: 'ringmaster_operation_kernel_seconds', type: 'histogram', unit: 'seconds', labels: operation,
    help: 'Time from publishing the entry until its completion was seen.', readHistograms: ofStage(Stage.kernel) },
  { name: 'ringmaster_operation_delivered_seconds', type: 'histogram', unit: 'seconds', labels: operation,
    help: 'Time from seeing the completion until the caller was told.', readHistograms: ofStage(Stage.delivered) },
]
