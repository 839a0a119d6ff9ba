// Legs of fio, where it is installed and does the same: random reads of one file. No SQPOLL: fio 3.33's shows latencies of
// seconds where a C loop of our own does not. Listed by legs/index.ts.
import { spawnSync } from 'node:child_process'
import { z } from 'zod'
import { dataFor } from '../data.ts'
import type { BenchContext, Leg, LegPlan, LegSkip, Measurement, Scenario } from '../model.ts'

const engines = [
  { name: 'fio-io-uring', engine: 'io_uring', title: "fio's io_uring engine, one process" },
  { name: 'fio-psync', engine: 'psync', title: 'fio with pread(2), one process: one read at a time' },
] as const

const resultSchema = z.object({
  jobs: z.tuple([
    z.object({
      job_runtime: z.number().positive(),
      usr_cpu: z.number(),
      sys_cpu: z.number(),
      read: z.object({
        total_ios: z.number().int().positive(),
        runtime: z.number().positive(),
        clat_ns: z.object({ percentile: z.record(z.string(), z.number()).optional() }),
      }),
    }),
  ]),
})

export const fioLegs: readonly Leg[] = engines.map(({ name, engine, title }) => ({
  name,
  title,
  // It knows nothing of our clients and rings, and checks no content.
  applies: ({ workload, apis, sweep }) =>
    workload === 'read' && sweep === undefined && (apis.includes('promise') || apis.includes('plain')),
  plan: (scenario, context) => plan(engine, scenario, context),
}))

function plan(engine: string, scenario: Scenario, context: BenchContext): LegPlan | LegSkip {
  const unavailable = fioUnavailable()
  if (unavailable !== null) return { skip: unavailable }
  const { file } = dataFor(scenario.workload, context.data)
  const settings = {
    name: 'bench',
    filename: file,
    rw: 'randread',
    bs: scenario.blockBytes ?? 4096,
    blockalign: 4096,
    iodepth: scenario.depth,
    // As the others: so many are submitted as have come back.
    iodepth_batch_complete_min: 1,
    direct: scenario.uncached === true ? 1 : 0,
    ioengine: engine,
    invalidate: 0,
    norandommap: 1,
    time_based: 1,
    runtime: `${Math.ceil(context.seconds * 1000)}ms`,
    ramp_time: `${Math.ceil(context.warmupSeconds * 1000)}ms`,
    clat_percentiles: 1,
    'output-format': 'json',
  }
  return {
    command: 'fio',
    args: ['--readonly', '--thread', ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
    env: {},
    parse: toMeasurement,
  }
}

let found: string | null | undefined

function fioUnavailable(): string | null {
  if (found === undefined) {
    const { error, status } = spawnSync('fio', ['--version'], { encoding: 'utf8', timeout: 10_000 })
    found = error !== undefined || status !== 0 ? 'fio is not installed (package fio)' : null
  }
  return found
}

/** It prints shares of the run's time; what was counted follows from them. */
function toMeasurement(stdout: string): Measurement {
  const [job] = resultSchema.parse(JSON.parse(stdout.slice(stdout.indexOf('{')))).jobs
  const seconds = job.read.runtime / 1000
  const percentiles = job.read.clat_ns.percentile ?? {}
  const quantileUs = (percent: string): number | null => {
    const latencyNs = percentiles[percent]
    return latencyNs === undefined ? null : latencyNs / 1000
  }
  return {
    operations: job.read.total_ios,
    seconds,
    cpuSeconds: ((job.usr_cpu + job.sys_cpu) / 100) * (job.job_runtime / 1000),
    p50Us: quantileUs('50.000000'),
    p99Us: quantileUs('99.000000'),
    p999Us: quantileUs('99.900000'),
    loopUtilization: null,
    entersPerOperation: null,
    deviceBytes: null,
  }
}
