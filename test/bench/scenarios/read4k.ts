// Scenarios: cached 4 KiB reads at depths 1, 8, 64 and 512: what the project is for. Listed in index.ts.
import type { Scenario } from '../model.ts'

const read4k = (depth: number): Scenario => ({
  name: `read4k-depth${depth}`,
  title: `4 KiB reads at random offsets of a 1 GiB file in the page cache, ${depth} in flight`,
  workload: 'read',
  apis: ['promise', 'batch'],
  depth,
  // Two in flight, so that the kernel's thread has work while the client settles the other batch.
  batch: { sizeEntries: depth, inFlightBatches: 2 },
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [],
  limits: [],
})

// A batch of one is a promise.
const one: Scenario = {
  ...read4k(1),
  name: 'read4k-depth1',
  title: '4 KiB reads at random offsets of a 1 GiB file in the page cache, one at a time',
  apis: ['promise'],
}
const sixtyFour: Scenario = {
  ...read4k(64),
  limits: ['kernel', 'kernel-batch'].map((leg) => ({ leg, metric: 'entersPerOperation', atMost: 0.001 })),
}

export const reads4k: readonly Scenario[] = [one, read4k(8), sixtyFour, read4k(512)]
