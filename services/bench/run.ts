// Runs the rounds of a scenario, rows interleaved, each round in another order: a machine that slows down does so for all. Called by
// services/cli/bench.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { CMissingError } from './c-limit.ts'
import type { LegData } from '../measure/order.ts'
import { LayoutImpossibleError } from '../tune/types.ts'
import type { BenchScenario, RowRound, RowRounds } from './model.ts'
import type { Row } from './rows.ts'

export interface RunPlan {
  readonly scenario: BenchScenario
  readonly data: LegData
  readonly rows: readonly Row[]
  readonly rounds: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly operationsPerSecond: number | null
  readonly buildFolder: string
  readonly signal: AbortSignal
  /** Before each leg. */
  readonly onLeg: (round: number, row: string) => void
  /** After it; null: no figure. */
  readonly onRound: (round: number, row: string, result: RowRound | null) => void
}

interface Running {
  readonly row: Row
  readonly rounds: (RowRound | null)[]
  readonly missing: string[]
}

/** After so many failures a row is left out of the remaining rounds: one that hangs costs a minute each time. */
const failuresMax = 2

/** Ctrl-C ends a row's process, or its compiler, as well as this one's wait: which is heard of first is chance. */
const signalHeardMs = 20

/** What was measured, as far as it came before the signal. */
export async function runScenario(plan: RunPlan): Promise<RowRounds[]> {
  const running = plan.rows.map((row): Running => ({ row, rounds: [], missing: [] }))
  for (let round = 0; round < plan.rounds && !plan.signal.aborted; round++) {
    const turn = round % running.length
    for (const each of [...running.slice(turn), ...running.slice(0, turn)]) {
      if (plan.signal.aborted) break
      const result = await runRound(plan, round, each)
      each.rounds.push(result)
      plan.onRound(round, each.row.name, result)
    }
  }
  return running.map(({ row: { name, title }, rounds, missing }) => ({ name, title, rounds, missing }))
}

async function runRound(plan: RunPlan, round: number, { row, missing }: Running): Promise<RowRound | null> {
  if (missing.length >= failuresMax) return null
  plan.onLeg(round, row.name)
  try {
    return await row.run(plan)
  } catch (error) {
    await sleep(signalHeardMs)
    if (plan.signal.aborted) return null
    const reason = error instanceof Error ? error.message : String(error)
    // What cannot be had is not tried again.
    const never = error instanceof CMissingError || error instanceof LayoutImpossibleError
    missing.push(...Array.from({ length: never ? failuresMax : 1 }, () => reason))
    return null
  }
}
