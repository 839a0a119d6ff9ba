// Scenario: cached 4 KiB reads, 64 in flight: what the project is for. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const read4kDepth64: Scenario = {
  name: 'read4k-depth64',
  title: '4 KiB reads at random offsets of a 1 GiB file in the page cache, 64 in flight',
  workload: 'read',
  depth: 64,
  // Two in flight, so that the kernel's thread has work while the client settles the other batch.
  batch: { sizeEntries: 64, inFlightBatches: 2 },
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [
    { of: ['kernel', 'worker', 'caller'], to: ['fs-promises-4', 'fs-promises-cpus'], metric: 'throughput', atLeast: 5 },
    { of: ['kernel', 'worker', 'caller'], to: ['fs-promises-uring'], metric: 'throughput', atLeast: 3 },
    { of: ['kernel-batch', 'worker-batch', 'caller-batch'], to: ['fs-*'], metric: 'throughput', atLeast: 1.3 },
    { of: ['caller-batch'], to: ['c-plain'], metric: 'throughput', atLeast: 0.75 },
    { of: ['kernel-batch'], to: ['c-sqpoll'], metric: 'throughput', atLeast: 0.75 },
    { of: ['kernel'], to: ['prototype-kernel'], metric: 'throughput', atLeast: 0.75 },
    { of: ['worker'], to: ['prototype-worker'], metric: 'throughput', atLeast: 0.75 },
    { of: ['caller'], to: ['prototype-caller'], metric: 'throughput', atLeast: 0.75 },
    { of: ['auto'], to: ['kernel', 'worker', 'caller'], metric: 'throughput', atLeast: 0.9 },
    { of: ['auto-batch'], to: ['kernel-batch', 'worker-batch', 'caller-batch'], metric: 'throughput', atLeast: 0.9 },
  ],
  limits: [
    { leg: 'kernel', metric: 'entersPerOperation', atMost: 0.001 },
    { leg: 'kernel-batch', metric: 'entersPerOperation', atMost: 0.001 },
  ],
}
