// When the alerts of deploy/prometheus/rings.rules.yaml fire, in what words, and when they do not. Read by alerts.test.ts.
import type { AlertCase } from './promtool.ts'

const ring = { ring: '0' } as const

export const ringAlerts: readonly AlertCase[] = [
  {
    alert: 'RingmasterRingDown',
    fires: [
      {
        when: 'a ring is lost',
        series: {
          'ringmaster_ring_state{ring="0",state="open"}': '1 1 1 stale',
          'ringmaster_ring_state{ring="0",state="lost"}': '_x3 1x6 stale',
          'ringmaster_ring_state{ring="1",state="open"}': '1x20',
        },
        notYetAt: '3m',
        at: '4m',
        firing: [
          {
            labels: { ...ring, state: 'lost' },
            description: 'Ring 0 of a:9464 is lost, not open, for more than a minute.',
          },
        ],
        overAt: '11m',
      },
    ],
    quiet: [
      { when: 'all are open', series: { 'ringmaster_ring_state{ring="0",state="open"}': '1x20' }, at: ['1m', '20m'] },
      {
        when: 'one closes and is gone within the minute',
        series: { 'ringmaster_ring_state{ring="0",state="closing"}': '_x3 1 stale' },
        at: ['3m', '4m', '5m'],
      },
      { when: 'nothing is exported', series: {}, at: ['5m'] },
    ],
  },
  {
    alert: 'RingmasterWorkerMissing',
    fires: [
      {
        when: 'no worker can be started',
        series: { 'ringmaster_ring_worker_up{ring="0"}': '1 1 0 0 0 0 1x20' },
        notYetAt: '2m',
        at: '4m',
        firing: [
          {
            labels: ring,
            description:
              'Ring 0 of a:9464 is without a worker thread for more than a minute, and no other could be started.',
          },
        ],
        overAt: '7m',
      },
    ],
    quiet: [
      {
        when: 'a worker is replaced at once',
        series: { 'ringmaster_ring_worker_up{ring="0"}': '1 1 0 1x20' },
        at: ['2m', '3m', '10m'],
      },
    ],
  },
  {
    alert: 'RingmasterWorkerSilent',
    fires: [
      {
        when: 'a worker hangs',
        series: {
          'ringmaster_ring_worker_up{ring="0"}': '1x30',
          'ringmaster_ring_worker_heartbeats_total{ring="0"}': '0+60x5 300x8 300+60x10',
          'ringmaster_ring_worker_heartbeat_timestamp_seconds{ring="0"}': '1000+60x5 1300x8 1300+60x10',
        },
        notYetAt: '7m',
        at: '9m',
        firing: [
          {
            labels: ring,
            description: 'The worker of ring 0 of a:9464 has had no heartbeat for two minutes, and was not replaced.',
          },
        ],
        overAt: '18m',
      },
    ],
    quiet: [
      {
        when: 'it was restarted, and its counter with it',
        series: {
          'ringmaster_ring_worker_up{ring="0"}': '1x30',
          'ringmaster_ring_worker_heartbeats_total{ring="0"}': '0+60x5 0+60x20',
          'ringmaster_ring_worker_heartbeat_timestamp_seconds{ring="0"}': '1000+60x26',
        },
        at: ['5m', '6m', '8m', '10m'],
      },
      {
        when: 'the worker is missing: that has an alert of its own',
        series: {
          'ringmaster_ring_worker_up{ring="0"}': '0x30',
          'ringmaster_ring_worker_heartbeats_total{ring="0"}': '300x30',
          'ringmaster_ring_worker_heartbeat_timestamp_seconds{ring="0"}': '1300x30',
        },
        at: ['10m', '30m'],
      },
      {
        when: 'the ring of another thread counts no heartbeats at all',
        series: {
          'ringmaster_ring_worker_up{ring="0",client="3"}': '1x30',
          'ringmaster_ring_worker_heartbeats_total{ring="0",client="3"}': '0x30',
        },
        at: ['10m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterWorkerRestarts',
    fires: [
      {
        when: 'three within an hour',
        series: { 'ringmaster_ring_worker_restarts_total{ring="0"}': '0x10 1x10 2x10 3x120' },
        notYetAt: '25m',
        at: '50m',
        firing: [{ labels: ring, description: 'Ring 0 of a:9464 got a new worker 3 times within an hour.' }],
        overAt: '110m',
      },
    ],
    quiet: [
      {
        when: 'one in an hour, and the counter starts anew with the process',
        series: { 'ringmaster_ring_worker_restarts_total{ring="0"}': '5x30 0x10 1x60' },
        at: ['29m', '31m', '45m', '80m'],
      },
    ],
  },
  {
    alert: 'RingmasterRingRenewed',
    fires: [
      {
        when: 'a ring is opened in place of a lost one',
        series: { 'ringmaster_ring_renewals_total{ring="1"}': '0x65 1x100' },
        notYetAt: '65m',
        at: '70m',
        firing: [
          {
            labels: { ring: '1' },
            description:
              'Ring 1 of a:9464 was lost 1 times within an hour: requests in flight failed with ERR_RING_LOST.',
          },
        ],
        overAt: '130m',
      },
    ],
    quiet: [
      { when: 'none ever was', series: { 'ringmaster_ring_renewals_total{ring="0"}': '0x60' }, at: ['30m', '60m'] },
      {
        when: 'the process starts anew',
        series: { 'ringmaster_ring_renewals_total{ring="0"}': '2x5 0x60' },
        at: ['5m', '7m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterPollerDegraded',
    fires: [
      {
        when: 'io_uring is denied',
        series: { 'ringmaster_ring_degraded{ring="0"}': '1x20 0x10' },
        notYetAt: '14m',
        at: '16m',
        firing: [
          {
            labels: ring,
            description:
              'Ring 0 of a:9464 has not the poller it should have: io_uring or SQPOLL is denied, or a worker is gone. The label `reason` of ringmaster_ring_info says which.',
          },
        ],
        overAt: '22m',
      },
    ],
    quiet: [
      { when: 'it has what it should', series: { 'ringmaster_ring_degraded{ring="0"}': '0x30' }, at: ['20m'] },
      {
        when: 'a worker is replaced in between',
        series: { 'ringmaster_ring_degraded{ring="0"}': '1x10 0 1x12' },
        at: ['15m', '20m'],
      },
    ],
  },
  {
    alert: 'RingmasterQueueSaturated',
    fires: [
      {
        when: 'the ring is full for ten minutes',
        series: {
          'ringmaster_ring_in_flight{ring="0"}': '950x15 10x10',
          'ringmaster_ring_in_flight_limit{ring="0"}': '1000x30',
        },
        notYetAt: '9m',
        at: '11m',
        firing: [
          {
            labels: ring,
            description: 'Ring 0 of a:9464 has 95% of the requests it may have, in flight or waiting, for ten minutes.',
          },
        ],
        overAt: '17m',
      },
      {
        when: 'its backlog is half full',
        series: {
          'ringmaster_ring_backlog{ring="1"}': '9000x15 0x10',
          'ringmaster_ring_backlog_limit{ring="1"}': '16384x30',
        },
        at: '11m',
        firing: [
          {
            labels: { ring: '1' },
            description:
              'Ring 1 of a:9464 has 54.93% of the requests it may have, in flight or waiting, for ten minutes.',
          },
        ],
      },
    ],
    quiet: [
      {
        when: 'a ring that is gone still says what it had in flight, and may have none',
        series: {
          'ringmaster_ring_in_flight{ring="0"}': '100x30',
          'ringmaster_ring_in_flight_limit{ring="0"}': '0x30',
          'ringmaster_ring_backlog{ring="0"}': '1x30',
          'ringmaster_ring_backlog_limit{ring="0"}': '0x30',
        },
        at: ['15m', '30m'],
      },
      {
        when: 'it is at nine tenths',
        series: {
          'ringmaster_ring_in_flight{ring="0"}': '900x30',
          'ringmaster_ring_in_flight_limit{ring="0"}': '1000x30',
          'ringmaster_ring_backlog{ring="0"}': '8192x30',
          'ringmaster_ring_backlog_limit{ring="0"}': '16384x30',
        },
        at: ['15m', '30m'],
      },
      {
        when: 'no backlog is allowed, so that the limit is 0',
        series: {
          'ringmaster_ring_backlog{ring="0"}': '0x30',
          'ringmaster_ring_backlog_limit{ring="0"}': '0x30',
        },
        at: ['15m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterBacklogRejections',
    fires: [
      {
        when: 'a ring refuses requests, minute after minute',
        series: {
          'ringmaster_ring_backlog_rejections_total{ring="0"}': '0x5 0+60x10 600x20',
          'ringmaster_ring_view_rejections_total{ring="0"}': '0x40',
        },
        notYetAt: '8m',
        at: '12m',
        firing: [
          {
            labels: ring,
            description: 'Ring 0 of a:9464 refused 300 requests with ERR_RING_BACKLOG_FULL within five minutes.',
          },
        ],
        overAt: '25m',
      },
      {
        when: 'only a view is refused',
        series: {
          'ringmaster_ring_backlog_rejections_total{ring="0"}': '0x40',
          'ringmaster_ring_view_rejections_total{ring="0"}': '0+6x40',
        },
        at: '12m',
        firing: [
          {
            labels: ring,
            description: 'Ring 0 of a:9464 refused 30 requests with ERR_RING_BACKLOG_FULL within five minutes.',
          },
        ],
      },
    ],
    quiet: [
      {
        when: 'none is refused, and the counter of the process before is gone',
        series: { 'ringmaster_ring_backlog_rejections_total{ring="0"}': '700x5 0x30' },
        at: ['5m', '8m', '20m'],
      },
    ],
  },
  {
    alert: 'RingmasterCqOverflow',
    fires: [
      {
        when: 'the queue was full once',
        series: { 'ringmaster_ring_cq_overflows_total{ring="0"}': '0x20 1x40' },
        notYetAt: '20m',
        at: '25m',
        firing: [
          {
            labels: ring,
            description:
              'The completion queue of ring 0 of a:9464 was full 1 times within a quarter of an hour. Nothing is lost, but each time costs a system call and latency.',
          },
        ],
        overAt: '40m',
      },
    ],
    quiet: [
      {
        when: 'it never was since the process was started anew',
        series: { 'ringmaster_ring_cq_overflows_total{ring="0"}': '7x10 0x30' },
        at: ['10m', '12m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterSqpollWasted',
    fires: [
      {
        when: 'the SQ thread spins and finds little',
        series: {
          'ringmaster_ring_sq_thread_seconds_total{ring="0"}': '0+54x30 1620x20',
          'ringmaster_ring_sq_thread_busy_seconds_total{ring="0"}': '0+2.7x30 81x20',
        },
        notYetAt: '14m',
        at: '20m',
        firing: [
          {
            labels: ring,
            description:
              'The SQ thread of ring 0 of a:9464 runs more than half of the time, and only 5% of that on entries, for a quarter of an hour.',
          },
        ],
        overAt: '40m',
      },
    ],
    quiet: [
      {
        when: 'it is busy',
        series: {
          'ringmaster_ring_sq_thread_seconds_total{ring="0"}': '0+54x40',
          'ringmaster_ring_sq_thread_busy_seconds_total{ring="0"}': '0+27x40',
        },
        at: ['20m', '40m'],
      },
      {
        when: 'it sleeps most of the time',
        series: {
          'ringmaster_ring_sq_thread_seconds_total{ring="0"}': '0+18x40',
          'ringmaster_ring_sq_thread_busy_seconds_total{ring="0"}': '0x40',
        },
        at: ['20m', '40m'],
      },
      {
        when: 'it sleeps all the time',
        series: {
          'ringmaster_ring_sq_thread_seconds_total{ring="0"}': '100x40',
          'ringmaster_ring_sq_thread_busy_seconds_total{ring="0"}': '1x40',
        },
        at: ['20m', '40m'],
      },
      {
        when: 'the ring has no SQ thread, and so no such series',
        series: { 'ringmaster_ring_state{ring="0",state="open"}': '1x40' },
        at: ['20m', '40m'],
      },
    ],
  },
  {
    alert: 'RingmasterPollerAdvice',
    fires: [
      {
        when: 'another poller would suit the load for an hour',
        series: {
          'ringmaster_ring_advice{ring="0",poller="caller",cause="burning"}': '1x70 stale',
          'ringmaster_ring_advice{ring="0",poller="kernel",cause="none"}': '_x71 1x30',
        },
        notYetAt: '59m',
        at: '61m',
        firing: [
          {
            labels: { ...ring, poller: 'caller', cause: 'burning' },
            description: 'Ring 0 of a:9464 would do better with poller caller for an hour: burning.',
          },
        ],
        overAt: '72m',
      },
    ],
    quiet: [
      {
        when: 'the present one is right',
        series: { 'ringmaster_ring_advice{ring="0",poller="kernel",cause="none"}': '1x90' },
        at: ['61m', '90m'],
      },
    ],
  },
  {
    alert: 'RingmasterArenaExhausted',
    fires: [
      {
        when: 'requests wait for slabs for ten minutes',
        series: { 'ringmaster_arena_waiters{arena="0"}': '4x12 0x10' },
        notYetAt: '9m',
        at: '11m',
        firing: [
          {
            labels: { arena: '0' },
            description: '4 requests of a:9464 wait for a slab of arena 0, without a pause for ten minutes.',
          },
        ],
        overAt: '14m',
      },
    ],
    quiet: [
      {
        when: 'nobody waits now and then',
        series: { 'ringmaster_arena_waiters{arena="0"}': '4x5 0 4x8' },
        at: ['5m', '11m', '14m'],
      },
    ],
  },
]
