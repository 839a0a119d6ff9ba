// Scenario: cached reads of 128 KiB: what copying costs, and the interface hardly. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const read128k: Scenario = {
  name: 'read128k',
  title: '128 KiB reads at random offsets of a 1 GiB file in the page cache, 16 in flight',
  workload: 'read',
  apis: ['promise', 'batch'],
  blockBytes: 131_072,
  depth: 16,
  batch: { sizeEntries: 8, inFlightBatches: 2 },
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [],
  limits: [],
}
