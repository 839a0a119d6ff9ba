// Scenario: open, read and close of small files, one after the other, with direct descriptors and with the process's. Copy this file to
// add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const directOpen: Scenario = {
  name: 'direct-open',
  title: 'open, read, close of 20,000 files of 1 to 4 KiB, 64 at once, by direct descriptor and by descriptor',
  workload: 'readfile',
  apis: ['raw', 'direct'],
  legs: ['kernel*', 'worker*', 'caller*', 'auto*'],
  depth: 64,
  unit: 'files/s',
  baseline: 'kernel-raw',
  comparisons: [
    { of: ['kernel-direct'], to: ['kernel-raw'], metric: 'throughput' },
    { of: ['worker-direct'], to: ['worker-raw'], metric: 'throughput' },
    { of: ['caller-direct'], to: ['caller-raw'], metric: 'throughput' },
  ],
  limits: [],
}
