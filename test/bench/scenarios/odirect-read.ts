// Scenarios: random reads with O_DIRECT, past the page cache, into memory that is registered or not. They measure the device
// as much as us: read the CPU per read. Listed in index.ts.
import type { Scenario } from '../model.ts'

const odirect = (size: string, blockBytes: number, depth: number): Scenario => ({
  name: `odirect-read-${size}`,
  title: `${size} reads at random offsets of a 1 GiB file with O_DIRECT, ${depth} in flight`,
  workload: 'read',
  apis: ['plain', 'arena'],
  uncached: true,
  blockBytes,
  depth,
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: ['kernel', 'worker', 'caller'].map((poller) => ({
    of: [`${poller}-arena`],
    to: [`${poller}-plain`],
    metric: 'cpu',
  })),
  limits: [],
})

export const odirectReads: readonly Scenario[] = [odirect('4k', 4096, 64), odirect('128k', 131_072, 16)]
