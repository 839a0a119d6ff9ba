// Scenario: open, read and close of small files, one after the other, with direct descriptors and with the process's. Copy this file to
// add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const directOpen: Scenario = {
  name: 'direct-open',
  title: 'open, read, close of 20,000 files of 1 to 4 KiB, 64 at once, by direct descriptor and by descriptor',
  workload: 'readfile',
  raw: true,
  depth: 64,
  unit: 'files/s',
  baseline: 'fd-kernel',
  comparisons: [
    { of: ['direct-kernel'], to: ['fd-kernel'], metric: 'throughput' },
    { of: ['direct-worker'], to: ['fd-worker'], metric: 'throughput' },
    { of: ['direct-caller'], to: ['fd-caller'], metric: 'throughput' },
  ],
  limits: [],
}
