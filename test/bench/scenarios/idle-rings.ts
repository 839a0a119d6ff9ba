// Scenarios: 1 to 64 rings of which one works, or none: what idle rings cost. Listed in index.ts.
import type { Scenario } from '../model.ts'

const sweep = { parameter: 'rings', values: [1, 4, 16, 64] } as const
const pollers = ['kernel', 'worker', 'caller'] as const

export const idleRings: Scenario = {
  name: 'idle-rings',
  title: '4 KiB cached reads, 64 in flight on the first of 1 to 64 rings',
  workload: 'read',
  apis: ['raw'],
  legs: pollers.map((poller) => `${poller}-raw`),
  depth: 64,
  sweep,
  unit: 'reads/s',
  baseline: 'caller-raw@1',
  comparisons: pollers.flatMap((poller) =>
    (['throughput', 'cpu'] as const).map((metric) => ({ of: [`${poller}-raw@64`], to: [`${poller}-raw@1`], metric })),
  ),
  limits: [],
}

export const idleRingsOnly: Scenario = {
  name: 'idle-rings-only',
  title: 'nothing at all, on 1 to 64 rings: one operation is a millisecond that goes by',
  workload: 'idle',
  apis: ['promise'],
  // fs has no rings: what the process itself costs.
  legs: [...pollers, 'threadpool', 'fs-promises-4'],
  depth: 1,
  sweep,
  unit: 'idle ms/s',
  baseline: 'fs-promises-4@1',
  comparisons: [],
  limits: [],
}
