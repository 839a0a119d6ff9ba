// Snapshots for tests of what is drawn: any number of rings, any names.
import type { OperationRow, RingRow, Snapshot, Stages } from '../../services/top/snapshot.ts'

const times = { p50Ns: 12_345, p99Ns: 4_560_000 }
export const stages: Stages = { queued: times, kernel: times, delivered: { p50Ns: NaN, p99Ns: NaN } }

export const ringRow = (ring: number, changed: Partial<RingRow> = {}): RingRow => ({
  ring,
  client: 0,
  poller: 'kernel',
  state: 'open',
  sq: { entries: 1024, filled: 3, filledMax: 512 },
  cq: { entries: 4096, filled: 0, filledMax: 0 },
  overflowed: false,
  inFlight: 12,
  inFlightMax: 4032,
  backlog: 0,
  operationsPerSecond: 12_345,
  errorsPerSecond: 0,
  enterCallsPerSecond: 1.25,
  wakeupsPerSecond: 3,
  thread: 'busy',
  usefulShare: 0.42,
  cpuShare: 0.99,
  bytesPerSecond: 123e6,
  stages,
  totals: { operations: 1e6, errors: 0, enterCalls: 10, wakeups: 7 },
  advice: '',
  ...changed,
})

export const operationRow = (operation: string, perSecond: number): OperationRow => ({
  operation,
  perSecond,
  share: 0.5,
  bytesPerSecond: 1e6,
  errorsPerSecond: 0,
  inFlight: 1,
  stages,
  total: 1e6,
  errorsTotal: 0,
})

export function snapshotOf(ringCount: number, names: readonly string[] = ['a/file.bin', 'b']): Snapshot {
  const rates = { operationsPerSecond: 24_690, errorsPerSecond: 0, enterCallsPerSecond: 2.5, wakeupsPerSecond: 6 }
  return {
    atMs: 1_700_000_000_000,
    seconds: 1,
    daemon: {
      host: names[0]!,
      pid: 4242,
      startedMs: 1_699_999_000_000,
      version: '0.1.0',
      node: 'v20',
      kernel: '6.12',
      effectiveCpus: 2,
    },
    ready: { ok: true, reason: '' },
    rates: { ...rates, bytesPerSecond: 1e8 },
    totals: { operations: 2e6, errors: 0, enterCalls: 20, wakeups: 14 },
    inFlight: 24,
    stages,
    rings: Array.from({ length: ringCount }, (_, ring) => ringRow(ring)),
    ringsLeftOut: 0,
    ringsCountersOnly: 0,
    operations: ['read', 'openat2', 'statx', 'close'].map((name, index) => operationRow(name, 1000 - index)),
    files: names.map((file, index) => ({
      file,
      open: 1,
      requestsPerSecond: 100 - index,
      bytesPerSecond: 1e6,
      requests: 1000,
      bytes: 1e9,
    })),
    jobs: [],
    clients: names.map((client) => ({
      kind: 'http',
      client,
      perSecond: 100,
      bytesPerSecond: 1e6,
      inFlight: 1,
      total: 1000,
      cpuShare: NaN,
      waitShare: NaN,
    })),
  }
}
