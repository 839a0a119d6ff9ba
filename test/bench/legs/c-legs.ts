// Legs in C on the raw ring: the limit of what is possible here, in the same mode as the leg of ours it limits: one by one, in batches,
// in chains, in groups. Listed by legs/index.ts.
import { join } from 'node:path'
import { compile } from '../../../services/measure/compile.ts'
import { dataFor } from '../data.ts'
import { parseMeasurement } from '../measurement.ts'
import type { Api, BenchContext, Leg, LegPlan, LegSkip, Scenario, Workload } from '../model.ts'
import { packageRoot } from '../../../services/measure/package-root.ts'

const modes = [
  { mode: 'plain', title: 'C on the raw ring, one io_uring_enter per batch' },
  { mode: 'sqpoll', title: "C on the raw ring, submission by the kernel's thread" },
] as const

const manners: readonly { api: Api; title: string }[] = [
  { api: 'promise', title: 'what has come back is submitted again' },
  { api: 'batch', title: 'a batch is submitted again when all of it has come back' },
  { api: 'chain', title: 'write and fdatasync linked' },
  { api: 'group', title: 'many writes, then one fdatasync' },
]

const workloads: readonly Workload[] = ['nop', 'read', 'mixed', 'append', 'statx']

export const cLegs: readonly Leg[] = modes.flatMap(({ mode, title }) =>
  manners.map((manner) => ({
    name: `c-${mode}${manner.api === 'promise' ? '' : `-${manner.api}`}`,
    title: `${title}; ${manner.title}`,
    applies: (scenario) => applies(manner.api, scenario),
    plan: (scenario, context) => plan(mode, manner.api, scenario, context),
  })),
)

function applies(api: Api, { workload, apis, batch, sweep, legs }: Scenario): boolean {
  if (!workloads.includes(workload)) return false
  // It has one ring and one thread.
  if (sweep !== undefined && sweep.parameter !== 'depth') return false
  if (api === 'batch' && batch === undefined) return false
  // Memory that is not registered is what it has; where legs are listed it is listed too.
  return apis.includes(api) || (api === 'promise' && apis.includes('plain') && legs === undefined)
}

function plan(mode: string, api: Api, scenario: Scenario, context: BenchContext): LegPlan | LegSkip {
  let program: string
  const sources = join(packageRoot(), 'services/measure/c')
  try {
    program = compile({
      source: join(sources, 'ring-limit.c'),
      companions: ['program.h', 'uring.h', 'latency.h'].map((header) => join(sources, header)),
      flags: ['-O2', '-Wall'],
      outputName: 'ring-limit',
      cacheDirectory: context.buildDirectory,
    })
  } catch (error) {
    return { skip: error instanceof Error ? error.message : String(error) }
  }
  const { file, directory, stamped } = dataFor(scenario.workload, context.data)
  const settings = {
    workload: scenario.workload,
    mode,
    ...shape(api, scenario),
    seconds: context.seconds,
    warmup: context.warmupSeconds,
    path: file === '' ? directory : file,
    stamped: Number(stamped),
    bytes: scenario.blockBytes ?? 4096,
    direct: Number(scenario.uncached === true),
  }
  return {
    command: program,
    args: Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    env: {},
    parse: parseMeasurement,
  }
}

function shape(api: Api, { depth, batch, groupSize }: Scenario): Record<string, number> {
  if (api === 'batch' && batch !== undefined)
    return { depth: batch.sizeEntries * batch.inFlightBatches, group: batch.sizeEntries }
  if (api === 'group') return { depth: groupSize ?? 1, group: groupSize ?? 1 }
  return { depth, group: 1, link: Number(api === 'chain') }
}
