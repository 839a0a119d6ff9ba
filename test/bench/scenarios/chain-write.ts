// Scenario: a write and its fdatasync, as a chain and as two awaits. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const chainWrite: Scenario = {
  name: 'chain-write',
  title: 'write of 4 KiB → fdatasync, 4 files at once: a chain against two awaits',
  workload: 'chain-write',
  apis: ['promise', 'chain'],
  depth: 4,
  unit: 'writes/s',
  baseline: 'kernel',
  comparisons: ['kernel', 'worker', 'caller'].map((poller) => ({
    of: [`${poller}-chain`],
    to: [poller],
    metric: 'throughput',
  })),
  limits: [],
}
