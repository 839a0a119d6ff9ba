// Scenario: whole small files, 64 at once: open, read, close. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const readfile: Scenario = {
  name: 'readfile',
  title: '20,000 whole files of 1 to 4 KiB in a directory tree, 64 at once',
  workload: 'readfile',
  depth: 64,
  unit: 'files/s',
  baseline: 'fs-promises-4',
  comparisons: [
    { of: ['kernel', 'worker', 'caller'], to: ['fs-promises-4', 'fs-promises-cpus'], metric: 'throughput', atLeast: 8 },
    { of: ['kernel', 'worker', 'caller'], to: ['fs-sync'], metric: 'throughput', atLeast: 1.3 },
    { of: ['kernel'], to: ['prototype-kernel'], metric: 'throughput', atLeast: 0.75 },
    { of: ['worker'], to: ['prototype-worker'], metric: 'throughput', atLeast: 0.75 },
    { of: ['caller'], to: ['prototype-caller'], metric: 'throughput', atLeast: 0.75 },
    { of: ['auto'], to: ['kernel', 'worker', 'caller'], metric: 'throughput', atLeast: 0.9 },
  ],
  limits: [],
}
