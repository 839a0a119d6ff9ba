// When the alerts of deploy/prometheus/process.rules.yaml fire, in what words, and when they do not. Read by alerts.test.ts.
import type { AlertCase, Series } from './promtool.ts'

const build = (values = '1x200'): Series => ({
  'ringmaster_build_info{version="0.1.0",node="v24.0.0",kernel="6.8"}': values,
})

/** When a process was started, one after the other, six minutes apart. */
const starts = Array.from({ length: 10 }, (_, index) => index * 360)

export const processAlerts: readonly AlertCase[] = [
  {
    alert: 'RingmasterTargetDown',
    fires: [
      {
        when: 'a daemon does not answer any more, whatever its job is called',
        series: {
          'up{job="files",instance="b:9464"}': '1x5 0x5 1x10',
          'ringmaster_build_info{job="files",instance="b:9464",version="0.1.0"}': '1x5 stale _x3 1x10',
        },
        notYetAt: '7m',
        at: '9m',
        firing: [
          {
            labels: { job: 'files', instance: 'b:9464' },
            description: 'files at b:9464 has not answered Prometheus for two minutes.',
          },
        ],
        overAt: '12m',
      },
      {
        when: 'it has never been up',
        series: { up: '0x20' },
        notYetAt: '1m',
        at: '3m',
        firing: [{ labels: {}, description: 'ringmaster at a:9464 has not answered Prometheus for two minutes.' }],
      },
      {
        when: 'it is still down, hours after it last said what it is',
        series: {
          'up{job="files",instance="b:9464"}': '1x10 0x300 1x10',
          'ringmaster_build_info{job="files",instance="b:9464",version="0.1.0"}': '1x10 stale _x299 1x10',
        },
        at: '290m',
        firing: [
          {
            labels: { job: 'files', instance: 'b:9464' },
            description: 'files at b:9464 has not answered Prometheus for two minutes.',
          },
        ],
        overAt: '316m',
      },
    ],
    quiet: [
      { when: 'it answers', series: { up: '1x20', ...build() }, at: ['3m', '20m'] },
      {
        when: 'what was Ringmaster has become something else, which is down',
        series: {
          'up{job="files",instance="b:9464"}': '1x100 0x20',
          'ringmaster_build_info{job="files",instance="b:9464",version="0.1.0"}': '1x10 stale',
        },
        at: ['110m', '120m'],
      },
      { when: 'something else is down', series: { 'up{job="node",instance="c:9100"}': '0x20' }, at: ['3m', '20m'] },
    ],
  },
  {
    alert: 'RingmasterAbsent',
    fires: [
      {
        when: 'there is no target at all',
        series: build('_x30 1x10'),
        notYetAt: '14m',
        at: '16m',
        firing: [
          {
            labels: { job: undefined, instance: undefined },
            description:
              'No target has exported ringmaster_build_info for a quarter of an hour, so that no other alert can fire.',
          },
        ],
        overAt: '31m',
      },
    ],
    quiet: [{ when: 'there is one', series: build(), at: ['16m', '60m'] }],
  },
  {
    alert: 'RingmasterNotLive',
    fires: [
      {
        when: '/livez fails and nobody restarts it',
        series: { ringmaster_daemon_live: '0x10 1x10' },
        notYetAt: '4m',
        at: '6m',
        firing: [{ labels: {}, description: '/livez of a:9464 fails for five minutes, and nobody has restarted it.' }],
        overAt: '12m',
      },
    ],
    quiet: [{ when: 'it is live', series: { ringmaster_daemon_live: '1x20' }, at: ['6m', '20m'] }],
  },
  {
    alert: 'RingmasterNotReady',
    fires: [
      {
        when: '/readyz fails for ten minutes',
        series: { ringmaster_daemon_ready: '0x14 1x10' },
        notYetAt: '9m',
        at: '11m',
        firing: [{ labels: {}, description: '/readyz of a:9464 fails for ten minutes; its body says why.' }],
        overAt: '16m',
      },
    ],
    quiet: [
      { when: 'it drains and starts anew', series: { ringmaster_daemon_ready: '1x3 0 0 1x20' }, at: ['5m', '15m'] },
    ],
  },
  {
    alert: 'RingmasterCrashLoop',
    fires: [
      {
        when: 'it is started every three minutes',
        series: {
          process_start_time_seconds: '100x5 400x2 600x2 800x2 1000x60',
          ...build('1x5 stale 1 1 stale 1 1 stale 1x60'),
        },
        notYetAt: '8m',
        at: '14m',
        firing: [{ labels: {}, description: 'ringmaster at a:9464 was started at least 3 times within half an hour.' }],
        overAt: '43m',
      },
      {
        when: 'Kubernetes starts it again after five minutes, and it lives for one',
        series: {
          process_start_time_seconds: starts.map((start) => `${start}x1 stale _x3`).join(' '),
          ...build(starts.map(() => '1x1 stale _x3').join(' ')),
        },
        at: '53m',
        firing: [{ labels: {}, description: 'ringmaster at a:9464 was started at least 4 times within half an hour.' }],
      },
    ],
    quiet: [
      {
        when: 'it is started anew once, for an upgrade',
        series: { process_start_time_seconds: '100x10 700x30', ...build() },
        at: ['11m', '20m'],
      },
      {
        when: 'another program crashes',
        series: { 'process_start_time_seconds{job="other",instance="d:1"}': '100+60x30', ...build() },
        at: ['15m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterHttpErrors',
    fires: [
      {
        when: 'every tenth request fails',
        series: {
          'ringmaster_http_requests_total{method="GET",code="200"}': '0+540x20 10800+600x30',
          'ringmaster_http_requests_total{method="GET",code="500"}': '0+60x20 1200x30',
        },
        notYetAt: '4m',
        at: '10m',
        firing: [{ labels: {}, description: '10% of the HTTP requests to a:9464 are answered with a server error.' }],
        overAt: '30m',
      },
    ],
    quiet: [
      {
        when: 'clients ask for what is not there',
        series: {
          'ringmaster_http_requests_total{method="GET",code="200"}': '0+1x20',
          'ringmaster_http_requests_total{method="GET",code="404"}': '0+600x20',
        },
        at: ['10m', '20m'],
      },
      {
        when: 'nobody asks',
        series: { 'ringmaster_http_requests_total{method="GET",code="500"}': '3x20' },
        at: ['10m', '20m'],
      },
      {
        when: 'hardly anybody asks, and every other request fails',
        series: {
          'ringmaster_http_requests_total{method="GET",code="200"}': '0+1x30',
          'ringmaster_http_requests_total{method="GET",code="500"}': '0+1x30',
        },
        at: ['10m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterDescriptorsLow',
    fires: [
      {
        when: 'nine tenths are used',
        series: { process_open_fds: '921.6x10 10x10', process_max_fds: '1024x20', ...build() },
        notYetAt: '4m',
        at: '6m',
        firing: [{ labels: {}, description: 'ringmaster at a:9464 uses 90% of the file descriptors it may have.' }],
        overAt: '12m',
      },
    ],
    quiet: [
      {
        when: 'half are used',
        series: { process_open_fds: '512x20', process_max_fds: '1024x20', ...build() },
        at: ['6m', '20m'],
      },
      {
        when: 'the process is not Ringmaster',
        series: { process_open_fds: '1000x20', process_max_fds: '1024x20' },
        at: ['6m', '20m'],
      },
    ],
  },
  {
    alert: 'RingmasterEventLoopLag',
    fires: [
      {
        when: 'a turn takes half a second',
        series: { nodejs_eventloop_lag_p99_seconds: '0.5x14 0.01x10', ...build() },
        notYetAt: '9m',
        at: '11m',
        firing: [
          {
            labels: {},
            description:
              'The event loop of ringmaster at a:9464 is late by 500ms (p99): completions wait that long to be delivered.',
          },
        ],
        overAt: '16m',
      },
    ],
    quiet: [
      { when: 'it is late by little', series: { nodejs_eventloop_lag_p99_seconds: '0.2x30', ...build() }, at: ['20m'] },
      { when: 'the process is not Ringmaster', series: { nodejs_eventloop_lag_p99_seconds: '9x30' }, at: ['20m'] },
    ],
  },
  {
    alert: 'RingmasterScrapeSlow',
    fires: [
      {
        when: 'a scrape takes a fifth of a second',
        series: { ringmaster_exporter_scrape_duration_seconds: '0.2x20 0.002x10' },
        notYetAt: '14m',
        at: '16m',
        firing: [
          {
            labels: {},
            description: 'The rings of a:9464 take 200ms to be read, on its main thread, at each scrape.',
          },
        ],
        overAt: '22m',
      },
    ],
    quiet: [
      {
        when: 'one does now and then',
        series: { ringmaster_exporter_scrape_duration_seconds: '0.2x10 0.005 0.2x10' },
        at: ['15m', '20m'],
      },
    ],
  },
  {
    alert: 'RingmasterCollectorFailures',
    fires: [
      {
        when: 'one metric cannot be read',
        series: {
          'ringmaster_exporter_collector_failures_total{collector="sq_thread"}': '0x20 2x40',
          'ringmaster_exporter_collector_failures_total{collector="sources"}': '0x60',
        },
        notYetAt: '20m',
        at: '28m',
        firing: [
          {
            labels: { collector: 'sq_thread' },
            description:
              'sq_thread of a:9464 could not be read 2 times within a quarter of an hour: dashboards and alerts miss what it measures.',
          },
        ],
        overAt: '40m',
      },
    ],
    quiet: [
      {
        when: 'none fails since the process was started anew',
        series: { 'ringmaster_exporter_collector_failures_total{collector="sq_thread"}': '9x5 0x30' },
        at: ['6m', '30m'],
      },
    ],
  },
]
