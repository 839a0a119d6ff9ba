// Scenario: the same reads by direct descriptors and by descriptors of the process. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const directRead: Scenario = {
  name: 'direct-read',
  title: '4 KiB reads of a file in the page cache, 64 in flight, by direct descriptor and by descriptor',
  workload: 'read',
  raw: true,
  depth: 64,
  unit: 'reads/s',
  baseline: 'fd-kernel',
  comparisons: [
    { of: ['direct-kernel'], to: ['fd-kernel'], metric: 'throughput' },
    { of: ['direct-worker'], to: ['fd-worker'], metric: 'throughput' },
    { of: ['direct-caller'], to: ['fd-caller'], metric: 'throughput' },
  ],
  limits: [],
}
