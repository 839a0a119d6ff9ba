// Scenarios: cached reads into buffers of a registered arena against the same into memory that is not registered, 64 in flight:
// from which size on registering is worth it. Listed in index.ts.
import type { Scenario } from '../model.ts'

const scenario = (size: string, blockBytes: number): Scenario => ({
  name: `fixed-buffers-${size}`,
  title: `${blockBytes / 1024} KiB reads at random offsets of a 1 GiB file in the page cache, 64 in flight, registered buffers or not`,
  workload: 'read',
  apis: ['plain', 'arena'],
  legs: ['kernel*', 'worker*', 'caller*', 'auto*'],
  blockBytes,
  depth: 64,
  unit: 'reads/s',
  baseline: 'kernel-plain',
  comparisons: ['kernel', 'worker', 'caller'].map((poller) => ({
    of: [`${poller}-arena`],
    to: [`${poller}-plain`],
    metric: 'throughput',
  })),
  limits: [],
})

export const fixedBuffers: readonly Scenario[] = [scenario('4k', 4096), scenario('128k', 131_072)]
