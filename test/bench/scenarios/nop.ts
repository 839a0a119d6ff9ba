// Scenario: operations that do nothing: the cost of the path itself. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const nop: Scenario = {
  name: 'nop',
  title: 'operations that do nothing, 64 in flight',
  workload: 'nop',
  apis: ['promise', 'batch'],
  depth: 64,
  batch: { sizeEntries: 64, inFlightBatches: 2 },
  unit: 'operations/s',
  baseline: 'c-plain',
  comparisons: [],
  limits: [{ leg: 'kernel', metric: 'entersPerOperation', atMost: 0.001 }],
}
