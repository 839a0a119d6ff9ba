// Scenario: seven reads to three writes. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const mixed: Scenario = {
  name: 'mixed-70-30',
  title: '4 KiB at random offsets of a 256 MiB file in the page cache, 70 % reads and 30 % writes, 64 in flight',
  workload: 'mixed',
  apis: ['promise'],
  depth: 64,
  unit: 'operations/s',
  baseline: 'fs-promises-4',
  comparisons: [],
  limits: [],
}
