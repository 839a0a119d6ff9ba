// Scenario: durable appends to one log, one by one (write, then fdatasync) and many for one fdatasync. Copy this file to add one;
// list it in index.ts.
import type { Scenario } from '../model.ts'

export const append: Scenario = {
  name: 'append',
  title: 'appends of 512 bytes to one log, durable one by one, or in groups of 64 with one fdatasync',
  workload: 'append',
  apis: ['promise', 'chain', 'group'],
  blockBytes: 512,
  depth: 1,
  groupSize: 64,
  unit: 'durable appends/s',
  baseline: 'fs-promises-4',
  comparisons: [
    { of: ['fs-sync-group', 'fs-promises-4-group'], to: ['fs-sync', 'fs-promises-4'], metric: 'throughput' },
    {
      of: ['kernel-group', 'worker-group', 'caller-group'],
      to: ['fs-sync-group', 'fs-promises-4-group'],
      metric: 'throughput',
    },
  ],
  limits: [],
}
