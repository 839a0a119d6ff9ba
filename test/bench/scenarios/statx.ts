// Scenario: asking about 100,000 paths. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const statx: Scenario = {
  name: 'statx',
  title: 'stat of 100,000 paths whose entries are cached, 64 at once',
  workload: 'statx',
  apis: ['promise'],
  depth: 64,
  unit: 'stats/s',
  baseline: 'fs-promises-4',
  comparisons: [],
  limits: [],
}
