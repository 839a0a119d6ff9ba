// The benchmark as a whole: data, scenarios, rounds, report. Called by services/cli/bench.ts, which knows about terminals.
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { usual } from '../measure/usual.ts'
import { prepareData, spareBytes } from '../measure/data.ts'
import type { PreparedData } from '../measure/data.ts'
import { DataError, mib } from '../measure/own-data.ts'
import { readMachine } from '../machine/facts.ts'
import type { WorkloadName } from '../tune/types.ts'
import type { BenchReport, BenchScenario, RowRound, ScenarioReport, SkippedScenario } from './model.ts'
import { rows } from './rows.ts'
import { runScenario } from './run.ts'
import { summarize } from './summary.ts'
import { overall } from './verdict.ts'

export interface BenchOptions {
  readonly path: string | null
  readonly dataFolder: string
  readonly dataBytes: number
  readonly workloads: readonly WorkloadName[]
  /** Null: each workload's usual. */
  readonly blockBytes: number | null
  readonly depth: number | null
  readonly cache: 'cached' | 'direct'
  readonly rounds: number
  readonly seconds: number
  readonly operationsPerSecond: number | null
  readonly allPollers: boolean
  readonly signal: AbortSignal
  readonly onData: (share: number) => void
  /** How many legs there will be, as soon as it is known. */
  readonly onPlan: (legs: number) => void
  readonly onLeg: (label: string) => void
  /** What came of it; null: no figure. */
  readonly onRound: (label: string, round: RowRound | null) => void
}

const warmupShare = 0.3

/** @throws DataError; the signal's reason before anything was measured, afterwards what there is is reported */
export async function bench(options: BenchOptions): Promise<BenchReport> {
  const { path, dataFolder, dataBytes, cache, signal } = options
  const request = { path, ownIn: dataFolder, ownBytesMax: dataBytes, cache, signal, onProgress: options.onData }
  const data = await prepareData(request)
  try {
    const buildFolder = await mkdtemp(join(tmpdir(), 'ringmaster-bench-')).catch(refuseTemporary)
    try {
      return await measure(options, data, buildFolder)
    } finally {
      await rm(buildFolder, { recursive: true, force: true })
    }
  } finally {
    await data.remove()
  }
}

function refuseTemporary(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  throw new DataError(`nothing can be made in the temporary folder: ${reason}. Set TMPDIR to one that can be written`)
}

/** All buffers of a leg are filled: more than there is would end other programs. @throws DataError */
function requireMemory({ blockBytes, depth }: BenchScenario): void {
  const bytes = blockBytes * depth
  if (bytes > spareBytes())
    throw new DataError(
      `${depth} requests of ${mib(blockBytes)} at once are more than a quarter of the memory that is available: fewer (--depth), or smaller ones (--block-bytes)`,
    )
}

async function measure(options: BenchOptions, data: PreparedData, buildFolder: string): Promise<BenchReport> {
  const { rounds, seconds, operationsPerSecond, signal, cache } = options
  const chosen = rows.filter(({ extra }) => extra !== true || options.allPollers)
  const skipped: SkippedScenario[] = []
  const planned = options.workloads.flatMap((workload) => {
    const { depth, blockBytes } = usual[workload]
    const scenario: BenchScenario = {
      workload,
      depth: options.depth ?? depth,
      blockBytes: workload === 'small-files' ? 0 : (options.blockBytes ?? blockBytes),
    }
    try {
      requireMemory(scenario)
      return [{ scenario, data: data.for(workload, scenario.blockBytes) }]
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      skipped.push({ scenario, reason: error.message })
      return []
    }
  })
  options.onPlan(planned.length * chosen.length * rounds)
  const scenarios: ScenarioReport[] = []
  for (const plan of planned) {
    if (signal.aborted) break
    const { workload } = plan.scenario
    const label = (round: number, row: string): string => `${workload}, round ${round + 1} of ${rounds}: ${row}`
    const onLeg = (round: number, row: string): void => options.onLeg(label(round, row))
    const onRound = (round: number, row: string, result: RowRound | null): void =>
      options.onRound(label(round, row), result)
    const fixed = { rows: chosen, rounds, seconds, warmupSeconds: seconds * warmupShare }
    const measured = await runScenario({ ...plan, ...fixed, operationsPerSecond, buildFolder, signal, onLeg, onRound })
    scenarios.push(summarize(plan.scenario, measured, signal.aborted))
  }
  return {
    machine: describeMachine(),
    data: data.description,
    ...{ cache, rounds, seconds, scenarios, skipped },
    interrupted: signal.aborted,
    says: overall(scenarios, rounds),
  }
}

function describeMachine(): string {
  const { effectiveCpus } = readMachine()
  const cpus =
    effectiveCpus === availableParallelism() ? `${effectiveCpus}` : `${effectiveCpus} of ${availableParallelism()}`
  return `${cpus} CPUs, Linux ${release()}, Node ${process.versions.node}`
}
