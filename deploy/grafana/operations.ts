// The first rows of the dashboard about rings: the overview, operations by kind, and the three stages of a request's life. Read by rings.ts.
import { buckets, ofProcess, ofRing, perSecond, quantile, type Row } from './build.ts'

/** A stage of a request's life: what it is called, from when to when, and what it means if it is long. */
function stage(name: string, metric: string, what: string, ifLong: string): Row {
  return {
    title: `Stage: ${name}`,
    panels: [
      {
        title: `${name}: p50 and p99`,
        description: `${what} Half of the operations, and 99 of 100, took at most this. ${ifLong}`,
        unit: 's',
        width: 8,
        queries: [
          { expr: quantile(0.5, metric, 'instance'), legend: 'p50 {{instance}}' },
          { expr: quantile(0.99, metric, 'instance'), legend: 'p99 {{instance}}' },
        ],
      },
      {
        title: `${name}: p99 by operation`,
        description: `${what} By operation: which of them is it?`,
        unit: 's',
        width: 8,
        queries: [{ expr: quantile(0.99, metric, 'instance, operation'), legend: '{{operation}} {{instance}}' }],
      },
      {
        title: `${name}: distribution`,
        description: `${what} Operations per bucket over time: two bands are two kinds of work, cached and not, say.`,
        kind: 'heatmap',
        unit: 's',
        width: 8,
        queries: [{ expr: buckets(metric), legend: '{{le}}' }],
      },
    ],
  }
}

const overview: Row = {
  title: 'Overview',
  panels: [
    {
      title: 'Rings open',
      description: 'Rings that accept requests, of those there are.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      queries: [{ expr: `count(ringmaster_ring_state{${ofRing},state="open"})`, legend: 'open' }],
    },
    {
      title: 'Operations',
      description: 'Operations requested per second.',
      kind: 'stat',
      unit: 'ops',
      width: 4,
      queries: [{ expr: `sum(rate(ringmaster_operations_total{${ofRing}}[$__rate_interval]))`, legend: 'operations' }],
    },
    {
      title: 'Data',
      description: 'Bytes read, written, sent and received per second.',
      kind: 'stat',
      unit: 'Bps',
      width: 4,
      queries: [{ expr: `sum(rate(ringmaster_operation_bytes_total{${ofRing}}[$__rate_interval]))`, legend: 'bytes' }],
    },
    {
      title: 'In flight',
      description: 'Requests that the kernel has and has not completed.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      queries: [{ expr: `sum(ringmaster_ring_in_flight{${ofRing}})`, legend: 'in flight' }],
    },
    {
      title: 'System calls per operation',
      description:
        'Calls of io_uring_enter for each completion: 0 where an SQ thread saves all of them, 1 where each costs one.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      queries: [
        {
          expr:
            `sum(rate(ringmaster_ring_enter_calls_total{${ofRing}}[$__rate_interval])) / ` +
            `sum(rate(ringmaster_ring_reaped_completions_total{${ofRing}}[$__rate_interval]))`,
          legend: 'calls',
        },
      ],
    },
    {
      title: 'Alerts',
      description: 'Alerts of these instances that fire. RUNBOOK.md has a section for each.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      queries: [
        {
          expr: `sum(ALERTS{${ofProcess},alertname=~"Ringmaster.*",alertstate="firing"}) or vector(0)`,
          legend: 'firing',
        },
      ],
    },
  ],
}

const operations: Row = {
  title: 'Operations: rate, errors, duration',
  panels: [
    {
      title: 'Operations by kind',
      description: 'Operations requested per second.',
      kind: 'stacked',
      unit: 'ops',
      width: 8,
      queries: [{ expr: perSecond('ringmaster_operations_total', 'operation'), legend: '{{operation}}' }],
    },
    {
      title: 'Errors by code',
      description:
        'Operations that completed with an error. ENOENT and its like are answers; EIO, ENOSPC, EROFS and EUCLEAN are the device. RingmasterDeviceErrors says how many were; which codes, is here.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: perSecond('ringmaster_operation_errors_total', 'operation, code'), legend: '{{operation}} {{code}}' },
      ],
    },
    {
      title: 'Data by kind of operation',
      description: 'Bytes read, written, sent or received per second.',
      kind: 'stacked',
      unit: 'Bps',
      width: 8,
      queries: [{ expr: perSecond('ringmaster_operation_bytes_total', 'operation'), legend: '{{operation}}' }],
    },
    {
      title: 'Share of slow reads and writes',
      description:
        'Reads and writes that were in the kernel for more than 62.5 ms. The objective allows 1 %; RingmasterLatencyBudgetBurn fires above 14.4 %.',
      unit: 'percentunit',
      width: 8,
      queries: [
        {
          expr: `instance:ringmaster_operation_kernel_seconds_slow:ratio_rate5m{${ofProcess}}`,
          legend: '5 min {{instance}}',
        },
        {
          expr: `instance:ringmaster_operation_kernel_seconds_slow:ratio_rate1h{${ofProcess}}`,
          legend: '1 h {{instance}}',
        },
      ],
    },
    {
      title: 'Share of device errors',
      description: 'Storage operations that failed with an error of the device. The objective allows 0.1 %.',
      unit: 'percentunit',
      width: 8,
      queries: [
        {
          expr: `instance:ringmaster_operation_device_errors:ratio_rate5m{${ofProcess}}`,
          legend: '5 min {{instance}}',
        },
        { expr: `instance:ringmaster_operation_device_errors:ratio_rate1h{${ofProcess}}`, legend: '1 h {{instance}}' },
      ],
    },
    {
      title: 'Requests per completion',
      description: 'Storage operations requested for each one completed. Above 1 for long: the disk falls behind.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `instance:ringmaster_operations_per_completion:ratio_rate10m{${ofProcess}}`, legend: '{{instance}}' },
      ],
    },
  ],
}

export const operationRows: readonly Row[] = [
  overview,
  operations,
  stage(
    'queued',
    'ringmaster_operation_queued_seconds',
    'From the call until the entry is in the submission queue.',
    'Long: the ring is full, or the event loop is busy.',
  ),
  stage(
    'kernel',
    'ringmaster_operation_kernel_seconds',
    'From the submission queue until the completion is seen.',
    'Long: the storage is slow, or the poller had to be woken.',
  ),
  stage(
    'delivered',
    'ringmaster_operation_delivered_seconds',
    'From seeing the completion until the caller is told.',
    'Long: the event loop is busy with something else.',
  ),
]
