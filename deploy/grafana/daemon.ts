// The rows of the dashboard about the process around the rings: HTTP, files and memory, storage, the process itself. Read by dashboards.ts.
import { ofProcess, perSecond as rateOf, type DashboardRows, type Query, type Row } from './build.ts'

const perSecond = (metric: string, level: string): string => rateOf(metric, level, ofProcess)

const gauge = (metric: string, legend: string): Query => ({ expr: `${metric}{${ofProcess}}`, legend })

const requestQuantile = (share: number): string => {
  const of = (suffix: string, labels: string): string =>
    `histogram_quantile(${share}, sum by (${labels}) (rate(ringmaster_http_request_duration_seconds${suffix}{${ofProcess}}[$__rate_interval])))`
  return `${of('', 'instance, method')} or ${of('_bucket', 'instance, method, le')}`
}

const state: Row = {
  title: 'State',
  panels: [
    {
      title: 'Up',
      description: 'Targets that answer Prometheus.',
      kind: 'stat',
      unit: 'short',
      width: 6,
      queries: [{ expr: `sum(up{${ofProcess}})`, legend: 'up' }],
    },
    {
      title: 'Ready',
      description: 'Daemons that take requests, as /readyz says: accepting, not draining.',
      kind: 'stat',
      unit: 'short',
      width: 6,
      queries: [{ expr: `sum(ringmaster_daemon_ready{${ofProcess}})`, legend: 'ready' }],
    },
    {
      title: 'Live',
      description: 'Daemons that are worth keeping, as /livez says.',
      kind: 'stat',
      unit: 'short',
      width: 6,
      queries: [{ expr: `sum(ringmaster_daemon_live{${ofProcess}})`, legend: 'live' }],
    },
    {
      title: 'Version',
      description: 'Versions of Ringmaster, Node.js and the kernel.',
      kind: 'stat',
      unit: 'short',
      width: 6,
      queries: [
        {
          expr: `count by (version, node, kernel) (ringmaster_build_info{${ofProcess}})`,
          legend: '{{version}}, Node.js {{node}}, Linux {{kernel}}',
        },
      ],
    },
  ],
}

const http: Row = {
  title: 'HTTP: rate, errors, duration',
  panels: [
    {
      title: 'Requests',
      description: 'Requests answered per second, by method and status.',
      kind: 'stacked',
      unit: 'reqps',
      width: 8,
      queries: [{ expr: perSecond('ringmaster_http_requests_total', 'method, code'), legend: '{{method}} {{code}}' }],
    },
    {
      title: 'Trouble',
      description:
        'Clients that left before the end, answers cut short because a file shrank, connections that sent no HTTP, connections above the limit.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: perSecond('ringmaster_http_clients_gone_total', 'instance'), legend: 'clients gone {{instance}}' },
        { expr: perSecond('ringmaster_http_cut_short_total', 'instance'), legend: 'cut short {{instance}}' },
        { expr: perSecond('ringmaster_http_bad_requests_total', 'instance'), legend: 'bad {{instance}}' },
        { expr: perSecond('ringmaster_http_connections_refused_total', 'instance'), legend: 'refused {{instance}}' },
      ],
    },
    {
      title: 'Duration',
      description: 'From the request until its answer is sent: half of the requests, and 99 of 100, took at most this.',
      unit: 's',
      width: 8,
      queries: [
        { expr: requestQuantile(0.5), legend: 'p50 {{method}} {{instance}}' },
        { expr: requestQuantile(0.99), legend: 'p99 {{method}} {{instance}}' },
      ],
    },
    {
      title: 'Bytes sent',
      description: 'Bytes of files sent in answers, per second.',
      unit: 'Bps',
      width: 8,
      queries: [{ expr: perSecond('ringmaster_http_body_bytes_total', 'instance'), legend: '{{instance}}' }],
    },
    {
      title: 'Connections and requests',
      description: 'Open connections, and requests not yet answered in full.',
      unit: 'short',
      width: 8,
      queries: [
        gauge('ringmaster_http_connections', 'connections {{instance}}'),
        gauge('ringmaster_http_requests_in_flight', 'requests {{instance}}'),
      ],
    },
    {
      title: 'Body buffers',
      description: 'Buffers leased to answers, and requests that wait for one.',
      unit: 'short',
      width: 8,
      queries: [
        gauge('ringmaster_http_body_buffers_in_use', 'in use {{instance}}'),
        gauge('ringmaster_http_body_buffer_waiters', 'waiting {{instance}}'),
      ],
    },
  ],
}

const files: Row = {
  title: 'Files and memory',
  panels: [
    {
      title: 'Files',
      description: 'Files open through the rings, and how many are opened per second.',
      unit: 'short',
      width: 8,
      queries: [
        gauge('ringmaster_files_open', 'open {{instance}}'),
        { expr: perSecond('ringmaster_files_opened_total', 'instance'), legend: 'opened per second {{instance}}' },
        { expr: perSecond('ringmaster_files_closed_total', 'instance'), legend: 'closed per second {{instance}}' },
      ],
    },
    {
      title: 'Registered buffers',
      description: 'Slabs of each arena that are leased, of those there are.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        {
          expr: `ringmaster_arena_slabs_leased{${ofProcess}} / ringmaster_arena_slabs{${ofProcess}}`,
          legend: '{{instance}} arena {{arena}}',
        },
      ],
    },
    {
      title: 'Waiting for registered buffers',
      description: 'Requests that wait for a slab.',
      unit: 'short',
      width: 8,
      queries: [gauge('ringmaster_arena_waiters', '{{instance}} arena {{arena}}')],
    },
    {
      title: 'Space left',
      description: 'Space left below each root, of what there is.',
      unit: 'percentunit',
      width: 12,
      max: 1,
      queries: [
        {
          expr: `ringmaster_storage_available_bytes{${ofProcess}} / ringmaster_storage_size_bytes{${ofProcess}}`,
          legend: '{{instance}} {{root}}',
        },
      ],
    },
    {
      title: 'Inodes left',
      description: 'Inodes left below each root, of what there is; nothing where the file system has no fixed number.',
      unit: 'percentunit',
      width: 12,
      max: 1,
      queries: [
        {
          expr: `ringmaster_storage_inodes_available{${ofProcess}} / (ringmaster_storage_inodes{${ofProcess}} > 0)`,
          legend: '{{instance}} {{root}}',
        },
      ],
    },
  ],
}

const process: Row = {
  title: 'Process',
  panels: [
    {
      title: 'CPU',
      description: 'CPUs that the process takes, its SQ threads not included: they are the kernel’s.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: perSecond('process_cpu_user_seconds_total', 'instance'), legend: 'user {{instance}}' },
        { expr: perSecond('process_cpu_system_seconds_total', 'instance'), legend: 'system {{instance}}' },
      ],
    },
    {
      title: 'Memory',
      description: 'Resident memory, and the heap of the main thread.',
      unit: 'bytes',
      width: 8,
      queries: [
        gauge('process_resident_memory_bytes', 'resident {{instance}}'),
        gauge('nodejs_heap_size_used_bytes', 'heap {{instance}}'),
        gauge('nodejs_external_memory_bytes', 'external {{instance}}'),
      ],
    },
    {
      title: 'Event loop lag',
      description: 'How late the event loop of the main thread is. Completions wait that long to be delivered.',
      unit: 's',
      width: 8,
      queries: [
        gauge('nodejs_eventloop_lag_p50_seconds', 'p50 {{instance}}'),
        gauge('nodejs_eventloop_lag_p99_seconds', 'p99 {{instance}}'),
      ],
    },
    {
      title: 'File descriptors',
      description: 'File descriptors in use, of those that the process may have.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [{ expr: `process_open_fds{${ofProcess}} / process_max_fds{${ofProcess}}`, legend: '{{instance}}' }],
    },
    {
      title: 'Time since the start',
      description: 'How long the process runs. Teeth: it ends and is started again.',
      unit: 's',
      width: 8,
      queries: [{ expr: `time() - process_start_time_seconds{${ofProcess}}`, legend: '{{instance}}' }],
    },
    {
      title: 'Scrapes',
      description:
        'How long it takes to read the rings at a scrape, the whole scrape, and metrics that could not be read.',
      unit: 's',
      width: 8,
      queries: [
        gauge('ringmaster_exporter_scrape_duration_seconds', 'rings {{instance}}'),
        gauge('scrape_duration_seconds', 'scrape {{instance}}'),
        {
          expr: `sum by (instance) (increase(ringmaster_exporter_collector_failures_total{${ofProcess}}[$__rate_interval]))`,
          legend: 'failures {{instance}}',
        },
      ],
    },
  ],
}

export const daemonDashboard: DashboardRows = {
  uid: 'ringmaster-daemon',
  title: 'Ringmaster: daemon',
  description: 'The process around the rings: HTTP, files and memory, storage, the process itself.',
  rows: [state, http, files, process],
}
