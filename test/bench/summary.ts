// From rounds to results: medians, spreads, ratios and their verdicts. Called by main.ts; pure, so tested without running.
import { matches } from './legs/index.ts'
import type { Comparison, Measurement, Scenario } from './model.ts'
import type { LegRounds } from './runner.ts'
import { meets, median, pairedRatio, spreadOf, type Ratio, type Spread, type TargetVerdict } from './statistics.ts'

export interface LegSummary {
  readonly name: string
  readonly title: string
  readonly perSecond: Spread
  readonly rounds: readonly number[]
  readonly cpuUsPerOperation: number
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly p999Us: number | null
  readonly loopUtilization: number | null
  readonly entersPerOperation: number | null
  readonly deviceBytes: number | null
  readonly note?: string
}

export interface RatioSummary extends Ratio {
  /** `a/b`, or `a/b p50` for latencies. */
  readonly key: string
  readonly rounds: number
  readonly atLeast?: number
  readonly target?: TargetVerdict
}

export interface LimitSummary {
  readonly leg: string
  readonly value: number
  readonly atMost: number
}

export interface ScenarioSummary {
  readonly legs: readonly LegSummary[]
  readonly baseline: string | null
  /** Every leg against the baseline. */
  readonly baselineRatios: readonly RatioSummary[]
  readonly comparisons: readonly RatioSummary[]
  readonly limits: readonly LimitSummary[]
}

export function summarize(scenario: Scenario, outcomes: readonly LegRounds[]): ScenarioSummary {
  const ran = outcomes.filter(({ rounds }) => rounds.some((round) => round !== null))
  const legs = ran.map(summarizeLeg)
  const baseline = ran.find(({ name }) => name === scenario.baseline) ?? ran[0]
  const baselineRatios = ran
    .filter((outcome) => baseline !== undefined && outcome !== baseline)
    .flatMap((outcome) => compare(outcome, baseline!, 'throughput') ?? [])
  const comparisons = scenario.comparisons.flatMap((comparison) => summarizeComparison(comparison, ran) ?? [])
  const limits = scenario.limits.flatMap(({ leg, atMost }) => {
    const value = legs.find(({ name }) => name === leg)?.entersPerOperation ?? null
    return value === null ? [] : [{ leg, value, atMost }]
  })
  return { legs, baseline: baseline?.name ?? null, baselineRatios, comparisons, limits }
}

function summarizeLeg({ name, title, rounds }: LegRounds): LegSummary {
  const measured = rounds.filter((round) => round !== null)
  const perSecond = measured.map(rate)
  const middle = (read: (round: Measurement) => number | null): number | null => {
    const values = measured.map(read).filter((value) => value !== null)
    return values.length === 0 ? null : median(values)
  }
  const note = measured.at(-1)?.note
  return {
    name,
    title,
    perSecond: spreadOf(perSecond),
    rounds: perSecond,
    cpuUsPerOperation: median(measured.map((round) => (round.cpuSeconds / round.operations) * 1e6)),
    p50Us: middle((round) => round.p50Us),
    p99Us: middle((round) => round.p99Us),
    p999Us: middle((round) => round.p999Us),
    loopUtilization: middle((round) => round.loopUtilization),
    entersPerOperation: middle((round) => round.entersPerOperation),
    deviceBytes: middle((round) => round.deviceBytes),
    ...(note === undefined ? {} : { note }),
  }
}

function summarizeComparison(comparison: Comparison, ran: readonly LegRounds[]): RatioSummary | null {
  const numerator = best(comparison.of, comparison.metric, ran)
  const denominator = best(comparison.to, comparison.metric, ran)
  if (numerator === null || denominator === null) return null
  const summary = compare(numerator, denominator, comparison.metric)
  if (summary === null || comparison.atLeast === undefined) return summary
  const { atLeast } = comparison
  return { ...summary, atLeast, target: meets(summary, atLeast, summary.rounds) }
}

function compare(of: LegRounds, to: LegRounds, metric: Comparison['metric']): RatioSummary | null {
  const pairs = of.rounds.flatMap((round, index) => {
    const [a, b] = [figure(round, metric), figure(to.rounds[index] ?? null, metric)]
    return a === null || b === null ? [] : [[a, b] as const]
  })
  if (pairs.length === 0) return null
  const ratio = pairedRatio(
    pairs.map(([a]) => a),
    pairs.map(([, b]) => b),
  )
  return { ...ratio, rounds: pairs.length, key: `${of.name}/${to.name}${metric === 'p50' ? ' p50' : ''}` }
}

function best(patterns: readonly string[], metric: Comparison['metric'], ran: readonly LegRounds[]): LegRounds | null {
  const candidates = ran
    .filter(({ name }) => patterns.some((pattern) => matches(name, pattern)))
    .map((leg) => ({ leg, value: median(leg.rounds.map((round) => figure(round, metric)).filter((x) => x !== null)) }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value)
  return candidates[0]?.leg ?? null
}

/** More is better, for latencies too: they are turned into operations per second of one lane. */
function figure(round: Measurement | null, metric: Comparison['metric']): number | null {
  if (round === null) return null
  if (metric === 'throughput') return rate(round)
  return round.p50Us === null || round.p50Us === 0 ? null : 1e6 / round.p50Us
}

function rate({ operations, seconds }: Measurement): number {
  return operations / seconds
}
