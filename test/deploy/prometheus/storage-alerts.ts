// When the alerts of deploy/prometheus/storage.rules.yaml fire, in what words, and when they do not. Read by alerts.test.ts.
import type { AlertCase, Series } from './promtool.ts'

/** Errors of the device. Every ring has the counter from its first scrape on, mostly at 0. */
const errors = (operation: string, ring = 'ring="0"'): string =>
  `ringmaster_operation_device_errors_total{${ring},operation="${operation}"}`

const byCode = (operation: string): string =>
  `By code: ringmaster_operation_errors_total{instance="a:9464",operation="${operation}"}.`

/** Since when the process runs, in seconds; each scrape that finds it finds this. */
const started = (values: string): Series => ({
  process_start_time_seconds: values,
  'ringmaster_build_info{version="0.1.0"}': values.replaceAll(/\b\d+(?=x)/g, '1'),
})

/** What a daemon that serves files asks for: 100 reads a second, of which none fails unless a case says so. */
const reads = (values: string): Series => ({
  'ringmaster_operations_total{ring="0",operation="read"}': values,
  [errors('read')]: '0x400',
})

/** Reads of which `total` − `within` take longer than 62.5 ms, in classic buckets. */
const readLatency = (within: string, total: string): Series => ({
  'ringmaster_operation_kernel_seconds_bucket{ring="0",operation="read",le="0.0625"}': within,
  'ringmaster_operation_kernel_seconds_bucket{ring="0",operation="read",le="+Inf"}': total,
  'ringmaster_operation_kernel_seconds_count{ring="0",operation="read"}': total,
})

const space = (available: string, size = '1000x2000'): Series => ({
  'ringmaster_storage_available_bytes{root="/data"}': available,
  'ringmaster_storage_size_bytes{root="/data"}': size,
})

const fsyncFailed = (count: number, operation = 'fsync'): string =>
  `${count} times ${operation} failed on a:9464 within a quarter of an hour. What was written since the fsync before may be gone, and a second fsync that succeeds proves nothing. ${byCode(operation)}`

const deviceFailed = (count: number, operation: string): { labels: { operation: string }; description: string } => ({
  labels: { operation },
  description: `${count} times ${operation} failed with an error of the device on a:9464 within a quarter of an hour. ${byCode(operation)}`,
})

const fsyncFires = [{ labels: { operation: 'fsync' }, description: fsyncFailed(1) }]

export const storageAlerts: readonly AlertCase[] = [
  {
    alert: 'RingmasterFsyncFailed',
    fires: [
      {
        when: 'the first fsync ever fails',
        series: { [errors('fsync')]: '0x59 1x60', ...started('0x119') },
        notYetAt: '58m',
        at: '60m',
        firing: fsyncFires,
        overAt: '76m',
      },
      {
        when: 'the first fsync of a process that has just begun fails',
        series: { [errors('fsync')]: '_x9 0x4 1x60', ...started('_x9 530x64') },
        notYetAt: '13m',
        at: '16m',
        firing: fsyncFires,
        overAt: '32m',
      },
      {
        when: 'it fails before the process is first scraped',
        series: { [errors('fsync')]: '_x9 1x60', ...started('_x9 530x60') },
        notYetAt: '8m',
        at: '10m',
        firing: fsyncFires,
        overAt: '26m',
      },
      {
        when: 'a process that runs for long opens a ring for another thread, and there it fails before that is first scraped',
        series: {
          [errors('fsync')]: '0x120',
          [errors('fsync', 'ring="0",client="2"')]: '_x59 1x60',
          ...started('0x120'),
        },
        notYetAt: '58m',
        at: '60m',
        firing: fsyncFires,
        overAt: '76m',
      },
      {
        when: 'nobody says since when the process runs',
        series: { [errors('fsync')]: '_x9 1x29 2x60' },
        notYetAt: '8m',
        at: '10m',
        firing: fsyncFires,
        overAt: '26m',
      },
      {
        when: 'one more fails',
        series: { [errors('fsync')]: '1x30 2x60', ...started('0x90') },
        notYetAt: '30m',
        at: '32m',
        firing: fsyncFires,
        overAt: '50m',
      },
      {
        when: 'the process was started anew, so that the counter is smaller, and one fails',
        series: { [errors('sync_file_range')]: '5x30 stale _x5 0x1 1x30', ...started('0x30 stale _x5 2190x31') },
        at: '39m',
        firing: [{ labels: { operation: 'sync_file_range' }, description: fsyncFailed(1, 'sync_file_range') }],
        overAt: '60m',
      },
      {
        when: 'it is started anew, runs for a while, and as many fail as before',
        series: { [errors('fsync')]: '1x59 stale 0x30 1x60', ...started('0x59 stale 3600x91') },
        notYetAt: '85m',
        at: '93m',
        firing: fsyncFires,
        overAt: '110m',
      },
      {
        when: 'it is started anew, and as many have failed as before when it is next scraped',
        series: { [errors('fsync')]: '1x59 stale 1x60', ...started('0x59 stale 3620x60') },
        notYetAt: '59m',
        at: '63m',
        firing: fsyncFires,
        overAt: '77m',
      },
      {
        when: 'it fails, and the process is started anew right after that',
        series: { [errors('fsync')]: '0x58 1 0x60', ...started('0x59 3590x60') },
        at: '65m',
        firing: fsyncFires,
        overAt: '76m',
      },
      {
        when: 'the process ends right after the first',
        series: { [errors('fsync')]: '0x20 1x1 stale', ...started('0x22 stale') },
        at: '28m',
        firing: fsyncFires,
        overAt: '40m',
      },
      {
        when: 'the process ends right after its first scrape, which has the first',
        series: { [errors('fsync')]: '_x20 1 stale', ...started('_x20 1190 stale') },
        at: '28m',
        firing: fsyncFires,
        overAt: '40m',
      },
      {
        when: 'it fails while nothing can be scraped for an hour',
        series: { [errors('fsync')]: '0x59 stale _x59 1x60', ...started('0x59 stale _x59 0x60') },
        notYetAt: '119m',
        at: '121m',
        firing: fsyncFires,
        overAt: '136m',
      },
      {
        when: 'it fails while nothing can be scraped for five hours, as it did before',
        series: { [errors('fsync')]: '3x59 stale _x300 4x60', ...started('0x59 stale _x300 0x60') },
        notYetAt: '360m',
        at: '362m',
        firing: fsyncFires,
        overAt: '377m',
      },
      {
        when: 'it fails while nothing can be scraped and nobody says since when the process runs',
        series: { [errors('fsync')]: '0x59 stale _x59 1x60' },
        notYetAt: '119m',
        at: '121m',
        firing: fsyncFires,
        overAt: '136m',
      },
      {
        when: 'nothing can be scraped for an hour, in which the process is started anew and as many fail as before',
        series: { [errors('fsync')]: '1x59 stale _x59 1x60', ...started('0x59 stale _x59 4200x60') },
        notYetAt: '119m',
        at: '121m',
        firing: fsyncFires,
        overAt: '136m',
      },
      {
        when: 'nothing can be scraped for a day, and the process was started anew not long ago',
        series: { [errors('fsync')]: '0x59 stale _x1440 1x60', ...started('0x59 stale _x1440 86400x60') },
        notYetAt: '1500m',
        at: '1502m',
        firing: fsyncFires,
        overAt: '1517m',
      },
    ],
    quiet: [
      {
        when: 'one failed a day ago',
        series: { [errors('fsync')]: '1x500', ...started('0x500') },
        at: ['380m', '400m', '420m', '500m'],
      },
      {
        when: 'one failed long ago, and one scrape failed a quarter of an hour ago',
        series: { [errors('fsync')]: '1x119 stale 1x60', ...started('0x119 stale 0x60') },
        at: ['119m', '121m', '122m', '135m', '136m', '150m'],
      },
      {
        when: 'one failed long ago, and for an hour nothing could be scraped',
        series: { [errors('fsync')]: '1x119 stale _x60 1x60', ...started('0x119 stale _x60 0x60') },
        at: ['181m', '185m', '196m', '220m'],
      },
      {
        when: 'one failed long ago, and for seven hours nothing could be scraped',
        series: { [errors('fsync')]: '1x59 stale _x430 1x60', ...started('0x59 stale _x430 0x60') },
        at: ['491m', '492m', '500m', '506m', '520m'],
      },
      {
        when: 'one failed long ago, and for a little more than six hours nothing could be scraped',
        series: { [errors('fsync')]: '1x59 stale _x365 1x60', ...started('0x59 stale _x365 0x60') },
        at: ['426m', '430m', '434m', '436m', '441m', '450m'],
      },
      {
        when: 'it failed long ago, and Prometheus is new',
        series: { [errors('fsync')]: '1x60', ...started('-100000x60') },
        at: ['1m', '10m', '15m', '30m'],
      },
      {
        when: 'one failed, and none since it was started anew',
        series: { [errors('fsync')]: '1x59 stale 0x500', ...started('0x59 stale 3600x500') },
        at: ['61m', '75m', '100m', '420m', '430m', '440m'],
      },
      {
        when: 'one failed long ago on a ring that there is no more since it was started anew',
        series: {
          [errors('fsync')]: '0x59 stale 0x100',
          [errors('fsync', 'ring="1"')]: '1x59 stale',
          ...started('0x59 stale 3600x100'),
        },
        at: ['61m', '70m', '75m', '100m'],
      },
      {
        when: 'none failed, and it is started anew with more rings',
        series: {
          [errors('fsync')]: '0x59 stale 0x100',
          [errors('fsync', 'ring="1"')]: '_x60 0x100',
          ...started('0x59 stale 3600x100'),
        },
        at: ['60m', '62m', '75m', '100m'],
      },
      {
        when: 'something else fails, or fails with a code that is an answer',
        series: {
          [errors('fsync')]: '0x30',
          [errors('read')]: '0+10x30',
          'ringmaster_operation_errors_total{ring="0",operation="fsync",code="EBADF"}': '0+1x30',
        },
        at: ['10m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterDeviceErrors',
    fires: [
      {
        when: 'a read fails for the first time',
        series: { [errors('read')]: '_x9 0x20 3x60', ...started('_x9 530x80') },
        notYetAt: '29m',
        at: '31m',
        firing: [deviceFailed(3, 'read')],
        overAt: '47m',
      },
      {
        when: 'the disk is full',
        series: { [errors('write')]: '0+15x40 600x20', ...started('0x61') },
        at: '30m',
        firing: [deviceFailed(225, 'write')],
        overAt: '57m',
      },
      {
        when: 'rings and clients of one process fail: one alert says how often together',
        series: {
          [errors('write')]: '0x20 1x60',
          [errors('write', 'ring="1"')]: '0x20 1x60',
          [errors('write', 'ring="1",client="3"')]: '_x20 2x60',
          ...started('0x81'),
        },
        at: '22m',
        firing: [deviceFailed(4, 'write')],
        overAt: '38m',
      },
      {
        when: 'reads fail while nothing can be scraped for an hour',
        series: { [errors('read')]: '2x59 stale _x59 5x60', ...started('0x59 stale _x59 0x60') },
        notYetAt: '119m',
        at: '121m',
        firing: [deviceFailed(3, 'read')],
        overAt: '136m',
      },
    ],
    quiet: [
      {
        when: 'some failed long ago, and for seven hours nothing could be scraped',
        series: { [errors('read')]: '9x59 stale _x430 9x60', ...started('0x59 stale _x430 0x60') },
        at: ['491m', '492m', '500m', '506m', '520m'],
      },
      {
        when: 'one failed long ago, and one scrape failed a quarter of an hour ago',
        series: { [errors('read')]: '9x119 stale 9x60', ...started('0x119 stale 0x60') },
        at: ['119m', '122m', '135m', '136m', '150m'],
      },
      {
        when: 'files are asked for that are not there, connections time out: no errors of the device',
        series: {
          [errors('openat2')]: '0x30',
          'ringmaster_operation_errors_total{ring="0",operation="openat2",code="ENOENT"}': '0+100x30',
          'ringmaster_operation_errors_total{ring="0",operation="connect",code="ETIMEDOUT"}': '0+100x30',
          ...started('0x30'),
        },
        at: ['10m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterDeviceErrorBudgetBurn',
    interval: '5m',
    fires: [
      {
        when: 'two of a hundred reads fail for an hour',
        series: { ...reads('0+30000x60'), [errors('read')]: '0+600x24 14400x40' },
        notYetAt: '5m',
        at: '90m',
        firing: [
          {
            labels: {},
            description:
              '2% of the storage operations of a:9464 fail with errors of the device; the objective allows 0.1 % over 30 days.',
          },
        ],
        overAt: '160m',
      },
      {
        when: 'three of two hundred fail for an hour, after a day without: too many for an hour, not for six',
        series: { ...reads('0+30000x400'), [errors('read')]: '0x288 0+450x60' },
        notYetAt: '1445m',
        at: '1510m',
        firing: [
          {
            labels: {},
            description:
              '1.5% of the storage operations of a:9464 fail with errors of the device; the objective allows 0.1 % over 30 days.',
          },
        ],
      },
      {
        when: 'eight of a thousand fail for hours: too many for six hours, not for one',
        series: { ...reads('0+30000x100'), [errors('read')]: '0+240x100' },
        at: '400m',
        firing: [
          {
            labels: {},
            description:
              '0.8% of the storage operations of a:9464 fail with errors of the device; the objective allows 0.1 % over 30 days.',
          },
        ],
      },
    ],
    quiet: [
      {
        when: 'one of two hundred fails: the slow alert is for that',
        series: { ...reads('0+30000x60'), [errors('read')]: '0+150x60' },
        at: ['90m', '300m'],
      },
      {
        when: 'a burst is over',
        series: { ...reads('0+30000x60'), [errors('read')]: '0x6 0+3000x3 9000x60' },
        at: ['90m', '120m'],
      },
      {
        when: 'a burst is ten minutes old',
        series: { ...reads('0+30000x400'), [errors('read')]: '0x288 600 1200x60' },
        at: ['1445m', '1450m'],
      },
      {
        when: 'nine of a thousand fail for half an hour',
        series: { ...reads('0+30000x400'), [errors('read')]: '0x288 0+270x6 1620x60' },
        at: ['1460m', '1475m'],
      },
      { when: 'nothing is asked for', series: reads('7x60'), at: ['90m'] },
      {
        when: 'the process starts anew in between',
        series: { ...reads('0+30000x10 0+30000x30'), [errors('read')]: '500x10 0x30' },
        at: ['60m', '90m'],
      },
    ],
  },
  {
    alert: 'RingmasterDeviceErrorBudgetBurnSlow',
    interval: '30m',
    fires: [
      {
        when: 'two of a thousand fail for three days',
        series: { ...reads('0+180000x200'), [errors('write')]: '0+360x150 54000x40' },
        notYetAt: '30m',
        at: '74h',
        firing: [
          {
            labels: {},
            description:
              '0.2% of the storage operations of a:9464 failed with errors of the device in three days; the objective allows 0.1 % over 30 days.',
          },
        ],
        overAt: '84h',
      },
    ],
    quiet: [
      {
        when: 'one of two thousand fails',
        series: { ...reads('0+180000x200'), [errors('write')]: '0+90x200' },
        at: ['74h', '90h'],
      },
      {
        when: 'two of a thousand fail for six hours',
        series: { ...reads('0+180000x200'), [errors('write')]: '0x150 0+360x14' },
        at: ['81h', '82h'],
      },
    ],
  },
  {
    alert: 'RingmasterLatencyBudgetBurn',
    interval: '5m',
    fires: [
      {
        when: 'every fifth read is slow for an hour',
        series: readLatency('0+24000x24 576000+30000x40', '0+30000x64'),
        notYetAt: '5m',
        at: '90m',
        firing: [
          {
            labels: {},
            description:
              '20% of the reads and writes of a:9464 are in the kernel for longer than 62.5 ms; the objective allows 1 % over 30 days.',
          },
        ],
        overAt: '160m',
      },
      {
        when: 'three of twenty are for an hour, after a day without: too many for an hour, not for six',
        series: readLatency('0+30000x288 8640000+25500x60', '0+30000x400'),
        notYetAt: '1445m',
        at: '1510m',
        firing: [
          {
            labels: {},
            description:
              '15% of the reads and writes of a:9464 are in the kernel for longer than 62.5 ms; the objective allows 1 % over 30 days.',
          },
        ],
      },
      {
        when: 'eight of a hundred are for hours: too many for six hours, not for one',
        series: readLatency('0+27600x100', '0+30000x100'),
        at: '400m',
        firing: [
          {
            labels: {},
            description:
              '8% of the reads and writes of a:9464 are in the kernel for longer than 62.5 ms; the objective allows 1 % over 30 days.',
          },
        ],
      },
    ],
    quiet: [
      { when: 'every twentieth is', series: readLatency('0+28500x64', '0+30000x64'), at: ['90m', '300m'] },
      {
        when: 'a burst is ten minutes old',
        series: readLatency('0+30000x288 8664000 8688000+30000x60', '0+30000x400'),
        at: ['1445m', '1450m'],
      },
      {
        when: 'nine of a hundred are for half an hour',
        series: readLatency('0+30000x288 8667300+27300x5 8833800+30000x60', '0+30000x400'),
        at: ['1460m', '1470m'],
      },
      { when: 'nothing is read', series: readLatency('5x64', '10x64'), at: ['90m'] },
      {
        when: 'the process starts anew in between',
        series: readLatency('0+30000x10 0+30000x40', '0+30000x10 0+30000x40'),
        at: ['55m', '90m'],
      },
      {
        when: 'only fsync is slow: it has no objective here',
        series: {
          'ringmaster_operation_kernel_seconds_bucket{ring="0",operation="fsync",le="0.0625"}': '0x64',
          'ringmaster_operation_kernel_seconds_count{ring="0",operation="fsync"}': '0+100x64',
        },
        at: ['90m'],
      },
    ],
  },
  {
    alert: 'RingmasterLatencyBudgetBurnSlow',
    interval: '30m',
    fires: [
      {
        when: 'two of a hundred are slow for three days',
        series: readLatency('0+176400x150 26460000+180000x50', '0+180000x201'),
        notYetAt: '30m',
        at: '74h',
        firing: [
          {
            labels: {},
            description:
              '2% of the reads and writes of a:9464 were in the kernel for longer than 62.5 ms in three days; the objective allows 1 % over 30 days.',
          },
        ],
        overAt: '84h',
      },
    ],
    quiet: [
      { when: 'one of two hundred is', series: readLatency('0+179100x200', '0+180000x200'), at: ['74h', '90h'] },
      {
        when: 'two of a hundred are for six hours',
        series: readLatency('0+180000x150 27176400+176400x14', '0+180000x200'),
        at: ['81h', '82h'],
      },
    ],
  },
  {
    alert: 'RingmasterDiskFallingBehind',
    fires: [
      {
        when: 'half as much again is asked for, and requests wait',
        series: {
          ...reads('0+1500x30 45000+1000x30'),
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+1000x60',
          'ringmaster_ring_backlog{ring="0"}': '_ 100x29 0x30',
        },
        notYetAt: '4m',
        at: '15m',
        firing: [
          {
            labels: {},
            description:
              'More is asked of the storage of a:9464 than it gets done: requests wait for a place in a ring, and become more.',
          },
        ],
        overAt: '50m',
      },
      {
        when: 'the backlogs of two rings grow and are never empty',
        series: { 'ringmaster_ring_backlog{ring="0"}': '1+10x60', 'ringmaster_ring_backlog{ring="1"}': '1+5x60' },
        at: '30m',
        firing: [
          {
            labels: {},
            description:
              'More is asked of the storage of a:9464 than it gets done: requests wait for a place in a ring, and become more.',
          },
        ],
      },
    ],
    quiet: [
      {
        when: 'what is asked for gets done, although requests wait',
        series: {
          ...reads('0+1000x60'),
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+1000x60',
          'ringmaster_ring_backlog{ring="0"}': '100x60',
        },
        at: ['15m', '30m', '60m'],
      },
      {
        when: 'requests that take long become more, and none waits',
        series: {
          ...reads('0+1500x60'),
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+1000x60',
          'ringmaster_ring_backlog{ring="0"}': '0x60',
        },
        at: ['15m', '30m', '60m'],
      },
      {
        when: 'a backlog comes and goes',
        series: { 'ringmaster_ring_backlog{ring="0"}': '10 200 0 10 300 0 50 400 0 20 500 0 10 600 0 10 700 0 20 800' },
        at: ['10m', '19m'],
      },
    ],
  },
  {
    alert: 'RingmasterStorageStalled',
    fires: [
      {
        when: 'nothing completes any more',
        series: {
          'ringmaster_operations_in_flight{ring="0",operation="read"}': '3x5 12x20 3x20',
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+1000x5 5000x20 5000+1000x20',
        },
        notYetAt: '10m',
        at: '14m',
        firing: [
          {
            labels: {},
            description:
              '12 requests to the storage of a:9464 are in flight, and none of their kind has completed for five minutes.',
          },
        ],
        overAt: '29m',
      },
      {
        when: 'no file can be opened: the server is gone',
        series: {
          'ringmaster_operations_in_flight{ring="0",operation="openat2"}': '64x30',
          'ringmaster_operation_completions_total{ring="0",operation="openat2"}': '10x30',
          'ringmaster_operations_in_flight{ring="0",operation="read"}': '0x30',
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '0+10x30',
        },
        at: '14m',
        firing: [
          {
            labels: {},
            description:
              '64 requests to the storage of a:9464 are in flight, and none of their kind has completed for five minutes.',
          },
        ],
      },
      {
        when: 'reads hang, and files that the kernel knows are opened',
        series: {
          'ringmaster_operations_in_flight{ring="0",operation="openat2"}': '1x30',
          'ringmaster_operation_completions_total{ring="0",operation="openat2"}': '0+10x30',
          'ringmaster_operations_in_flight{ring="0",operation="read"}': '8x30',
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '10x30',
        },
        at: '14m',
        firing: [
          {
            labels: {},
            description:
              '8 requests to the storage of a:9464 are in flight, and none of their kind has completed for five minutes.',
          },
        ],
      },
    ],
    quiet: [
      {
        when: 'nothing is asked for',
        series: {
          'ringmaster_operations_in_flight{ring="0",operation="read"}': '0x30',
          'ringmaster_operation_completions_total{ring="0",operation="read"}': '5000x30',
        },
        at: ['15m', '30m'],
      },
      {
        when: 'a receive waits for a peer',
        series: {
          'ringmaster_operations_in_flight{ring="0",operation="recv"}': '1x30',
          'ringmaster_operation_completions_total{ring="0",operation="recv"}': '5x30',
        },
        at: ['15m', '30m'],
      },
    ],
  },
  {
    alert: 'RingmasterDiskFillsInADay',
    interval: '10m',
    fires: [
      {
        when: 'it shrinks by a fiftieth an hour',
        series: space('390-3.333x42 500x60'),
        notYetAt: '50m',
        at: '400m',
        firing: [
          {
            labels: { root: '/data' },
            description:
              '/data of a:9464 has 25.67% of its space left, and at the pace of the last six hours none in a day.',
          },
        ],
        overAt: '450m',
      },
    ],
    quiet: [
      { when: 'more than two fifths are left', series: space('900-10x50'), at: ['400m', '480m'] },
      { when: 'it does not shrink', series: space('100x60'), at: ['400m', '600m'] },
      { when: 'it is not measured', series: {}, at: ['400m'] },
    ],
  },
  {
    alert: 'RingmasterDiskFillsInHours',
    fires: [
      {
        when: 'it shrinks by a tenth an hour',
        series: space('190-1.666x60 500x30'),
        notYetAt: '10m',
        at: '60m',
        firing: [
          {
            labels: { root: '/data' },
            description: '/data of a:9464 has 9.004% of its space left, and at the pace of the last hour none in four.',
          },
        ],
        overAt: '62m',
      },
    ],
    quiet: [
      { when: 'it shrinks slowly', series: space('190-0.1x120'), at: ['60m', '120m'] },
      { when: 'a fifth and more is left', series: space('800-4x120'), at: ['60m', '120m'] },
    ],
  },
  {
    alert: 'RingmasterDiskFull',
    fires: [
      {
        when: 'two hundredths are left',
        series: { ...space('20x10 500x20'), 'ringmaster_storage_read_only{root="/data"}': '0x40' },
        notYetAt: '4m',
        at: '6m',
        firing: [{ labels: { root: '/data' }, description: '/data of a:9464 has 2% of its space left.' }],
        overAt: '12m',
      },
    ],
    quiet: [
      { when: 'three hundredths are left', series: space('30x20'), at: ['10m', '20m'] },
      {
        when: 'it is an image, read-only and full by design',
        series: { ...space('0x20'), 'ringmaster_storage_read_only{root="/data"}': '1x20' },
        at: ['10m', '20m'],
      },
    ],
  },
  {
    alert: 'RingmasterInodesLow',
    fires: [
      {
        when: 'one in a hundred is left',
        series: {
          'ringmaster_storage_inodes{root="/data"}': '10000x40',
          'ringmaster_storage_inodes_available{root="/data"}': '100x20 5000x20',
        },
        notYetAt: '14m',
        at: '16m',
        firing: [
          {
            labels: { root: '/data' },
            description:
              '/data of a:9464 has 1% of its inodes left: new files will fail with ENOSPC while there is space.',
          },
        ],
        overAt: '22m',
      },
    ],
    quiet: [
      {
        when: 'one in ten is left',
        series: {
          'ringmaster_storage_inodes{root="/data"}': '10000x40',
          'ringmaster_storage_inodes_available{root="/data"}': '1000x40',
        },
        at: ['20m', '40m'],
      },
      {
        when: 'it is an image, read-only, with as many as it has files',
        series: {
          'ringmaster_storage_inodes{root="/data"}': '10000x40',
          'ringmaster_storage_inodes_available{root="/data"}': '0x40',
          'ringmaster_storage_read_only{root="/data"}': '1x40',
        },
        at: ['20m', '40m'],
      },
      {
        when: 'the file system has no fixed number of them',
        series: {
          'ringmaster_storage_inodes{root="/data"}': '0x40',
          'ringmaster_storage_inodes_available{root="/data"}': '0x40',
        },
        at: ['20m', '40m'],
      },
    ],
  },
]
