// Runs the rounds of one scenario, interleaved: A B C A B C. Called by main.ts.
import { warm } from './data.ts'
import type { PlannedLeg } from './legs/index.ts'
import type { BenchContext, Measurement, Scenario } from './model.ts'
import type { Progress } from './progress.ts'
import { runLeg } from './run-leg.ts'

/** After so many failures a leg is left out of the remaining rounds: a hanging one costs half a minute each time. */
const FAILURES_MAX = 2

export interface LegRounds {
  readonly name: string
  readonly title: string
  /** By round; null where the leg failed or did not run, so that rounds can be paired between legs. */
  readonly rounds: (Measurement | null)[]
  readonly failures: string[]
}

export interface RunOptions {
  readonly rounds: number
  readonly signal: AbortSignal
  readonly progress: Progress
}

export async function runScenario(
  scenario: Scenario,
  planned: readonly PlannedLeg[],
  context: BenchContext,
  options: RunOptions,
): Promise<readonly LegRounds[]> {
  const results = planned.map(({ name, title, plan }) => {
    const outcome: LegRounds = { name, title, rounds: [], failures: [] }
    return { plan, outcome }
  })
  const expectedSeconds = context.seconds + context.warmupSeconds
  for (let round = 0; round < options.rounds; round++) {
    for (const { plan, outcome } of results) {
      if (options.signal.aborted) return results.map((result) => result.outcome)
      options.progress.step(scenario.name, round, outcome.name)
      if (outcome.failures.length >= FAILURES_MAX) {
        outcome.rounds.push(null)
        continue
      }
      warm(scenario.workload, scenario.uncached === true, context.data)
      try {
        outcome.rounds.push(await runLeg(plan, { expectedSeconds, signal: options.signal }))
      } catch (error) {
        outcome.rounds.push(null)
        if (options.signal.aborted) continue
        outcome.failures.push(error instanceof Error ? error.message : String(error))
        options.progress.note(
          `${scenario.name}: leg ${outcome.name} failed in round ${round + 1}: ${outcome.failures.at(-1)}`,
        )
      }
    }
  }
  return results.map((result) => result.outcome)
}
