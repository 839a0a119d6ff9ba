// Scenario: one cached 4 KiB read at a time: the latency of a round trip. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const read4kDepth1: Scenario = {
  name: 'read4k-depth1',
  title: '4 KiB reads at random offsets of a 1 GiB file in the page cache, one at a time',
  workload: 'read',
  depth: 1,
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [
    { of: ['kernel', 'worker', 'caller'], to: ['fs-promises-4', 'fs-promises-cpus'], metric: 'p50', atLeast: 5 },
    { of: ['kernel'], to: ['prototype-kernel'], metric: 'p50', atLeast: 0.75 },
    { of: ['worker'], to: ['prototype-worker'], metric: 'p50', atLeast: 0.75 },
    { of: ['caller'], to: ['prototype-caller'], metric: 'p50', atLeast: 0.75 },
    { of: ['auto'], to: ['kernel', 'worker', 'caller'], metric: 'p50', atLeast: 0.9 },
  ],
  limits: [],
}
