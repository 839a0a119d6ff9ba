// Legs of the prototype that proved the design, when --prototype names its folder: built in a temporary place as its README
// says, run with the scenario's settings. It has no warm-up of its own, so its first moments count. Listed by legs/index.ts.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { compile } from '../../../services/measure/compile.ts'
import { dataFor } from '../data.ts'
import { lastLine } from '../measurement.ts'
import type { BenchContext, Leg, LegPlan, LegSkip, Measurement, Scenario, Workload } from '../model.ts'

const operations: Readonly<Partial<Record<Workload, string>>> = { nop: 'nop', read: 'read', readfile: 'chain' }

const rows = ['kernel', 'worker', 'caller'].flatMap((poller) => [
  { name: `prototype-${poller}`, poller, api: 'promise' },
  { name: `prototype-${poller}-callback`, poller, api: 'callback' },
])

const resultSchema = z.object({
  opsPerSec: z.number().positive(),
  cpuUsPerOp: z.number().nonnegative(),
  elu: z.number(),
  p50us: z.number().nullable(),
  p99us: z.number().nullable(),
  enters: z.number(),
})

export const prototypeLegs: readonly Leg[] = rows.map(({ name, poller, api }) => ({
  name,
  title: `the prototype, poller ${poller}, ${api} API`,
  // Callbacks are its counterpart to batches: no promise per operation.
  applies: ({ apis, uncached, sweep, blockBytes, workload, batch }) =>
    apis.includes('promise') &&
    [uncached, sweep, blockBytes].every((setting) => setting === undefined) &&
    operations[workload] !== undefined &&
    (api === 'promise' || batch !== undefined),
  plan: (scenario, context) => plan(poller, api, scenario, context),
}))

function plan(poller: string, api: string, scenario: Scenario, context: BenchContext): LegPlan | LegSkip {
  if (context.prototypeDirectory === undefined) return { skip: 'no --prototype given' }
  let directory: string
  try {
    directory = build(resolve(context.prototypeDirectory), context.buildDirectory)
  } catch (error) {
    return { skip: error instanceof Error ? error.message : String(error) }
  }
  const { file, directory: files } = dataFor(scenario.workload, context.data)
  const settings = {
    poller,
    op: operations[scenario.workload] ?? '',
    api,
    depth: scenario.depth,
    secs: context.seconds,
  }
  return {
    command: process.execPath,
    args: [
      'bench.cjs',
      file === '' ? files : file,
      ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    ],
    env: {},
    cwd: directory,
    parse: (stdout) => toMeasurement(stdout, context.seconds),
  }
}

function build(prototypeDirectory: string, cacheDirectory: string): string {
  const [source, driver] = ['addon.c', 'bench.cjs'].map((name) => join(prototypeDirectory, name)) as [string, string]
  for (const path of [source, driver]) if (!existsSync(path)) throw new Error(`there is no ${path}`)
  const flags = ['-O2', '-fPIC', '-shared', `-I${nodeIncludeDirectory()}`]
  return dirname(compile({ source, companions: [driver], flags, outputName: 'addon.node', cacheDirectory }))
}

/** It prints rates; what it counted follows from them. */
function toMeasurement(stdout: string, seconds: number): Measurement {
  const result = resultSchema.parse(JSON.parse(lastLine(stdout)))
  const count = Math.round(result.opsPerSec * seconds)
  return {
    operations: count,
    seconds,
    cpuSeconds: (result.cpuUsPerOp * count) / 1e6,
    p50Us: result.p50us,
    p99Us: result.p99us,
    p999Us: null,
    loopUtilization: result.elu,
    entersPerOperation: result.enters / count,
    deviceBytes: null,
  }
}

/** Where this installation of Node keeps its headers, as the prototype's README finds them. */
function nodeIncludeDirectory(): string {
  const directory = join(dirname(dirname(process.execPath)), 'include', 'node')
  if (!existsSync(join(directory, 'node_api.h'))) throw new Error(`there is no node_api.h in ${directory}`)
  return directory
}
