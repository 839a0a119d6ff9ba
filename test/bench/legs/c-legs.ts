// Legs in C on the raw ring: the limit of what is possible here. Listed by legs/index.ts.
import { join } from 'node:path'
import { compile } from '../compile.ts'
import { parseMeasurement } from '../measurement.ts'
import type { BenchContext, Leg, LegPlan, LegSkip, Scenario } from '../model.ts'
import { packageRoot } from '../package-root.ts'

const modes = [
  { mode: 'plain', title: 'C on the raw ring, one io_uring_enter per batch' },
  { mode: 'sqpoll', title: "C on the raw ring, submission by the kernel's thread" },
] as const

export const cLegs: readonly Leg[] = modes.map(({ mode, title }) => ({
  name: `c-${mode}`,
  title,
  applies: ({ workload, raw }) => raw !== true && (workload === 'nop' || workload === 'read'),
  plan: (scenario, context) => plan(mode, scenario, context),
}))

function plan(mode: string, scenario: Scenario, context: BenchContext): LegPlan | LegSkip {
  const source = join(packageRoot(), 'test/bench/c/ring-limit.c')
  let program: string
  try {
    program = compile({
      source,
      companions: [],
      flags: ['-O2', '-Wall'],
      outputName: 'ring-limit',
      cacheDirectory: context.buildDirectory,
    })
  } catch (error) {
    return { skip: error instanceof Error ? error.message : String(error) }
  }
  const { workload } = scenario
  const times = [String(context.seconds), String(context.warmupSeconds)]
  const file = workload === 'read' ? [context.dataFile, context.stamped.has(workload) ? '1' : '0'] : []
  return {
    command: program,
    args: [workload, mode, String(inFlight(scenario)), ...times, ...file],
    env: {},
    parse: parseMeasurement,
  }
}

/** As many as the batch legs have, so that the limit is not lower than what it limits. */
function inFlight({ depth, batch }: Scenario): number {
  return batch === undefined ? depth : Math.max(depth, batch.sizeEntries * batch.inFlightBatches)
}
