// Scenarios: how the cost of an operation changes with how many are in flight: all of them active, or 64 active beside others that
// wait. Listed in index.ts.
import type { Scenario } from '../model.ts'

const common = {
  workload: 'nop',
  apis: ['promise'],
  legs: ['kernel', 'worker', 'caller', 'c-plain', 'c-sqpoll'],
  cqEntries: 65_536,
  unit: 'operations/s',
  comparisons: [],
  limits: [],
} as const

export const inFlight: Scenario = {
  ...common,
  name: 'in-flight',
  title: 'operations that do nothing, 1 to 65,536 at once',
  depth: 64,
  sweep: { parameter: 'depth', values: [1, 8, 64, 512, 4096, 16_384, 65_536] },
  baseline: 'caller@64',
}

export const inFlightParked: Scenario = {
  ...common,
  name: 'in-flight-parked',
  title: 'operations that do nothing, 64 at once, beside 0 to 65,000 polls of a silent pipe',
  // The C program parks nothing.
  legs: ['kernel', 'worker', 'caller'],
  depth: 64,
  sweep: { parameter: 'parked', values: [0, 64, 4096, 65_000] },
  baseline: 'caller@0',
}
