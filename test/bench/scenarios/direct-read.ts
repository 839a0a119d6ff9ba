// Scenario: the same reads by direct descriptors and by descriptors of the process. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const directRead: Scenario = {
  name: 'direct-read',
  title: '4 KiB reads of a file in the page cache, 64 in flight, by direct descriptor and by descriptor',
  workload: 'read',
  apis: ['raw', 'direct'],
  legs: ['kernel*', 'worker*', 'caller*', 'auto*'],
  depth: 64,
  unit: 'reads/s',
  baseline: 'kernel-raw',
  comparisons: [
    { of: ['kernel-direct'], to: ['kernel-raw'], metric: 'throughput' },
    { of: ['worker-direct'], to: ['worker-raw'], metric: 'throughput' },
    { of: ['caller-direct'], to: ['caller-raw'], metric: 'throughput' },
  ],
  limits: [],
}
