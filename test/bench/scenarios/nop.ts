// Scenario: operations that do nothing: the cost of the path itself. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const nop: Scenario = {
  name: 'nop',
  title: 'operations that do nothing, 64 in flight',
  workload: 'nop',
  depth: 64,
  batch: { sizeEntries: 64, inFlightBatches: 2 },
  unit: 'operations/s',
  baseline: 'c-plain',
  comparisons: [
    { of: ['caller-batch'], to: ['c-plain'], metric: 'throughput', atLeast: 0.55 },
    { of: ['kernel-batch'], to: ['c-sqpoll'], metric: 'throughput', atLeast: 0.55 },
    { of: ['kernel'], to: ['prototype-kernel'], metric: 'throughput', atLeast: 0.75 },
    { of: ['worker'], to: ['prototype-worker'], metric: 'throughput', atLeast: 0.75 },
    { of: ['caller'], to: ['prototype-caller'], metric: 'throughput', atLeast: 0.75 },
    { of: ['auto'], to: ['kernel', 'worker', 'caller'], metric: 'throughput', atLeast: 0.9 },
    { of: ['auto-batch'], to: ['kernel-batch', 'worker-batch', 'caller-batch'], metric: 'throughput', atLeast: 0.9 },
  ],
  limits: [{ leg: 'kernel', metric: 'entersPerOperation', atMost: 0.001 }],
}
