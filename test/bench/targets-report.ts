// What `npm run bench -- --targets` prints at its end: each target, what was measured, and whether it is met. Called by main.ts; pure.
import type { Scenario } from './model.ts'
import type { ScenarioSummary } from './summary.ts'
import { formatTable } from '../../services/bench/table.ts'

export interface JudgedScenario {
  readonly scenario: Scenario
  readonly summary: ScenarioSummary
}

export interface Judgement {
  readonly scenario: string
  /** The legs that were best on either side, or what was to be compared where it could not be. */
  readonly ratio: string
  readonly target: string
  readonly measured: string
  readonly spread: string
  readonly verdict: 'met' | 'missed' | 'inconclusive' | 'not measured'
}

/** 0: every target is met. 1: one is missed. 2: none is missed, and of one it cannot be said. */
export type TargetsExitCode = 0 | 1 | 2

export function judgements(results: readonly JudgedScenario[]): readonly Judgement[] {
  return results.flatMap(({ scenario, summary }) => [
    ...summary.targets.map((ratio): Judgement => ({
      scenario: scenario.name,
      ratio: ratio.key,
      target: `≥ ${ratio.atLeast}`,
      measured: ratio.ratio.toFixed(2),
      spread: `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`,
      verdict: ratio.target ?? 'inconclusive',
    })),
    ...summary.unjudged.map(({ of, to, atLeast }): Judgement => ({
      scenario: scenario.name,
      ratio: `${of.join('|')}/${to.join('|')}`,
      target: `≥ ${atLeast}`,
      measured: '',
      spread: '',
      verdict: 'not measured',
    })),
    ...summary.limits.map(({ leg, value, atMost, verdict }): Judgement => ({
      scenario: scenario.name,
      ratio: `${leg} enter calls per operation`,
      target: `≤ ${atMost}`,
      measured: value === 0 ? '0' : value.toPrecision(2),
      spread: '',
      verdict,
    })),
  ])
}

export function formatTargets(judged: readonly Judgement[]): string {
  const rows = judged.map(({ scenario, ratio, target, measured, spread, verdict }) => {
    return [scenario, ratio, target, measured, spread, verdict]
  })
  const totals = (['met', 'missed', 'inconclusive', 'not measured'] as const)
    .map((verdict) => ({ verdict, count: judged.filter((one) => one.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`)
  return [
    'Targets',
    '',
    ...formatTable(['scenario', 'ratio', 'target', 'measured', 'spread', 'verdict'], rows),
    '',
    totals.join(', '),
  ].join('\n')
}

/** What could not be measured here (no such libuv, no compiler) is said and decides nothing. */
export function targetsExitCode(judged: readonly Judgement[]): TargetsExitCode {
  if (judged.some(({ verdict }) => verdict === 'missed')) return 1
  return judged.some(({ verdict }) => verdict === 'inconclusive') ? 2 : 0
}
