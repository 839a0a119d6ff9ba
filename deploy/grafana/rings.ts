// The dashboard about rings: what goes through them (operations.ts), how they turn, and who serves them. Read by dashboards.ts.
import { ofProcess, ofRing, perSecond, type DashboardRows, type Row } from './build.ts'
import { operationRows } from './operations.ts'

const rings: Row = {
  title: 'Rings: utilisation, saturation, errors',
  panels: [
    {
      title: 'Utilisation: places in use',
      description: 'Requests in flight, of those that the ring may have.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        {
          expr: `ringmaster_ring_in_flight{${ofRing}} / ringmaster_ring_in_flight_limit{${ofRing}}`,
          legend: '{{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'Saturation: requests waiting',
      description: 'Requests that wait for a place in the ring, views included. It should come back to 0.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_backlog{${ofRing}}`, legend: 'backlog {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_views_waiting{${ofRing}}`, legend: '{{priority}} {{instance}} ring {{ring}}' },
      ],
    },
    {
      title: 'Errors: refused, overflows, timeouts',
      description:
        'Requests refused with ERR_RING_BACKLOG_FULL, times the completion queue ran over, requests whose time ran out, completions that came too late.',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: perSecond('ringmaster_ring_backlog_rejections_total', 'instance, ring'),
          legend: 'refused {{instance}} ring {{ring}}',
        },
        {
          expr: perSecond('ringmaster_ring_view_rejections_total', 'instance, ring'),
          legend: 'refused (view) {{instance}} ring {{ring}}',
        },
        {
          expr: perSecond('ringmaster_ring_cq_overflows_total', 'instance, ring'),
          legend: 'overflow {{instance}} ring {{ring}}',
        },
        {
          expr: perSecond('ringmaster_ring_timeouts_total', 'instance, ring'),
          legend: 'timeout {{instance}} ring {{ring}}',
        },
        {
          expr: perSecond('ringmaster_ring_stale_completions_total', 'instance, ring'),
          legend: 'stale {{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'Completions by ring',
      description: 'Completions per second: are the rings used alike?',
      kind: 'stacked',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: perSecond('ringmaster_ring_reaped_completions_total', 'instance, ring'),
          legend: '{{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'Batches',
      description: 'Entries published at once, and completions taken at once: the more, the less each of them costs.',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: `${perSecond('ringmaster_ring_published_entries_total', 'instance')} / ${perSecond('ringmaster_ring_published_batches_total', 'instance')}`,
          legend: 'published {{instance}}',
        },
        {
          expr: `${perSecond('ringmaster_ring_reaped_completions_total', 'instance')} / ${perSecond('ringmaster_ring_reaped_batches_total', 'instance')}`,
          legend: 'reaped {{instance}}',
        },
      ],
    },
    {
      title: 'Background share',
      description: 'Background requests in the ring, and how many may be: it shrinks when the foreground gets slow.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_background_in_flight{${ofRing}}`, legend: 'in flight {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_background_in_flight_limit{${ofRing}}`, legend: 'allowed {{instance}} ring {{ring}}' },
      ],
    },
  ],
}

const sqpoll: Row = {
  title: 'SQPOLL: is it worth it?',
  panels: [
    {
      title: 'CPU of SQ threads',
      description: 'CPUs that each SQ thread takes, spinning included. Rings that share a thread show the same.',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: `rate(ringmaster_ring_sq_thread_seconds_total{${ofRing}}[$__rate_interval])`,
          legend: 'all {{instance}} ring {{ring}}',
        },
        {
          expr: `rate(ringmaster_ring_sq_thread_busy_seconds_total{${ofRing}}[$__rate_interval])`,
          legend: 'useful {{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'Useful share of SQ threads',
      description:
        'Of the time the SQ thread ran, the share it spent on entries. Below a tenth at half a CPU and more: RingmasterSqpollWasted.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        {
          expr:
            `rate(ringmaster_ring_sq_thread_busy_seconds_total{${ofRing}}[$__rate_interval]) / ` +
            `(rate(ringmaster_ring_sq_thread_seconds_total{${ofRing}}[$__rate_interval]) > 0)`,
          legend: '{{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'System calls made, and avoided',
      description:
        'Calls of io_uring_enter, and completions that came without one: what SQPOLL and batches have saved.',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: perSecond('ringmaster_ring_enter_calls_total', 'instance, caller'),
          legend: 'made by the {{caller}} {{instance}}',
        },
        {
          expr:
            `clamp_min(${perSecond('ringmaster_ring_reaped_completions_total', 'instance')} - ` +
            `${perSecond('ringmaster_ring_enter_calls_total', 'instance')}, 0)`,
          legend: 'avoided {{instance}}',
        },
      ],
    },
    {
      title: 'Wake-ups and sleeps',
      description:
        'Times the consumer of the submission queue had to be woken, which is what SQPOLL costs at low load, and times an end went to sleep.',
      unit: 'ops',
      width: 8,
      queries: [
        { expr: perSecond('ringmaster_ring_sq_wakeups_total', 'instance'), legend: 'wake-ups {{instance}}' },
        {
          expr: perSecond('ringmaster_ring_sleeps_total', 'instance, caller'),
          legend: '{{caller}} sleeps {{instance}}',
        },
      ],
    },
    {
      title: 'Waiting for a CPU',
      description:
        'Time per second that the client and the thread that polls for it could have run and had no CPU. Pollers that crowd CPUs show here first.',
      unit: 'percentunit',
      width: 8,
      queries: [
        {
          expr: `rate(ringmaster_ring_run_queue_wait_seconds_total{${ofRing}}[$__rate_interval])`,
          legend: '{{thread}} {{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'CPUs, and what a wake-up costs',
      description:
        'CPUs that this process may use, the measured cost of a wake-up, and for how long a wait spins before it sleeps.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_effective_cpus{${ofProcess}}`, legend: 'CPUs {{instance}}' },
        { expr: `ringmaster_wake_cost_seconds{${ofProcess}} * 1e6`, legend: 'wake-up, µs {{instance}}' },
        { expr: `ringmaster_spin_limit_seconds{${ofProcess}} * 1e6`, legend: 'spin limit, µs {{instance}}' },
      ],
    },
  ],
}

const advisor: Row = {
  title: 'Advisor',
  panels: [
    {
      title: 'Pollers',
      description: 'Who consumes the submission queue of each ring, and why it was chosen.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_info{${ofRing}}`, legend: '{{instance}} ring {{ring}}: {{poller}}, {{reason}}' },
      ],
    },
    {
      title: 'Advice',
      description: 'Which poller would suit the load of late, and what speaks for it. none: the present one is right.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_advice{${ofRing}}`, legend: '{{instance}} ring {{ring}}: {{poller}}, {{cause}}' },
      ],
    },
    {
      title: 'Moves and fallbacks',
      description:
        'Rings that were moved to another poller, and rings that run on a fallback because io_uring or SQPOLL is denied or a worker is gone.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_moves_total{${ofRing}}`, legend: 'moves {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_degraded{${ofRing}}`, legend: 'degraded {{instance}} ring {{ring}}' },
      ],
    },
    {
      title: 'Placement',
      description: 'What was chosen at the start: rings, pollers, sharing, CPUs.',
      unit: 'short',
      width: 24,
      queries: [{ expr: `ringmaster_placement_info{${ofProcess}}`, legend: '{{instance}} {{option}}: {{value}}' }],
    },
  ],
}

const workers: Row = {
  title: 'Workers and supervision',
  panels: [
    {
      title: 'Workers',
      description: '1 where a ring has its worker thread, 0 while another one is being started, or none can be.',
      unit: 'short',
      width: 8,
      queries: [{ expr: `ringmaster_ring_worker_up{${ofRing}}`, legend: '{{instance}} ring {{ring}}' }],
    },
    {
      title: 'Heartbeats',
      description: 'Heartbeats of ring workers per second. None: RingmasterWorkerSilent.',
      unit: 'ops',
      width: 8,
      queries: [
        {
          expr: perSecond('ringmaster_ring_worker_heartbeats_total', 'instance, ring'),
          legend: '{{instance}} ring {{ring}}',
        },
      ],
    },
    {
      title: 'Restarts, renewals, errors',
      description:
        'Rings adopted by another worker, rings lost and opened anew, requests submitted again for a dead worker, errors survived; since the process began.',
      unit: 'short',
      width: 8,
      queries: [
        { expr: `ringmaster_ring_worker_restarts_total{${ofRing}}`, legend: 'restarts {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_renewals_total{${ofRing}}`, legend: 'renewals {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_revived_total{${ofRing}}`, legend: 'revived {{instance}} ring {{ring}}' },
        { expr: `ringmaster_ring_worker_errors_total{${ofRing}}`, legend: 'errors {{instance}} ring {{ring}}' },
      ],
    },
  ],
}

export const ringsDashboard: DashboardRows = {
  uid: 'ringmaster-rings',
  title: 'Ringmaster: rings',
  description: 'What goes through the rings, stage by stage, how they turn, and who serves them.',
  rows: [...operationRows, rings, sqpoll, workers, advisor],
}
