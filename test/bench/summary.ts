// From rounds to results: medians, spreads, ratios and their verdicts. Called by main.ts; pure, so tested without running.
import { matches } from './legs/names.ts'
import type { Comparison, Measurement, Metric, Scenario, Target } from './model.ts'
import type { LegRounds } from './runner.ts'
import {
  meets,
  median,
  pairedRatio,
  spreadOf,
  staysBelow,
  type Ratio,
  type Spread,
  type TargetVerdict,
} from '../../services/measure/statistics.ts'
import { summarizeSweep, type SweepSummary } from './sweep.ts'

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
  /** `a/b`, or `a/b p50` for latencies, `a/b cpu` for CPU per operation: more is better in all of them. */
  readonly key: string
  readonly rounds: number
  readonly atLeast?: number
  readonly target?: TargetVerdict
}

/** A target whose legs did not all run here. */
export interface Unjudged {
  readonly of: readonly string[]
  readonly to: readonly string[]
  readonly atLeast: number
}

export interface LimitSummary {
  readonly leg: string
  /** Median over the rounds. */
  readonly value: number
  readonly atMost: number
  readonly verdict: TargetVerdict
}

export interface ScenarioSummary {
  readonly legs: readonly LegSummary[]
  readonly baseline: string | null
  /** Every leg against the baseline. */
  readonly baselineRatios: readonly RatioSummary[]
  readonly comparisons: readonly RatioSummary[]
  /** The comparisons that have a target. */
  readonly targets: readonly RatioSummary[]
  readonly unjudged: readonly Unjudged[]
  readonly limits: readonly LimitSummary[]
  readonly sweep: readonly SweepSummary[]
}

export function summarize(
  scenario: Scenario,
  outcomes: readonly LegRounds[],
  targets: readonly Target[],
): ScenarioSummary {
  const ran = outcomes.filter(({ rounds }) => rounds.some((round) => round !== null))
  const legs = ran.map(summarizeLeg)
  const baseline = ran.find(({ name }) => name === scenario.baseline) ?? ran[0]
  const baselineRatios = ran
    .filter((outcome) => baseline !== undefined && outcome !== baseline)
    .flatMap((outcome) => compare(outcome, baseline!, 'throughput') ?? [])
  const comparisons = scenario.comparisons.flatMap((comparison) => compareBest(comparison, ran) ?? [])
  const judged = targets.map((target) => ({ target, ratio: judge(target, ran) }))
  const limits = scenario.limits.flatMap(({ leg, atMost }) => {
    const rounds = ran.find(({ name }) => name === leg)?.rounds ?? []
    const values = rounds.map((round) => round?.entersPerOperation ?? null).filter((value) => value !== null)
    if (values.length === 0) return []
    return [{ leg, value: median(values), atMost, verdict: staysBelow(values, atMost) }]
  })
  return {
    legs,
    baseline: baseline?.name ?? null,
    baselineRatios,
    comparisons,
    targets: judged.flatMap(({ ratio }) => ratio ?? []),
    unjudged: judged.flatMap(({ target: { of, to, atLeast }, ratio }) => (ratio === null ? { of, to, atLeast } : [])),
    limits,
    sweep:
      scenario.sweep === undefined
        ? []
        : summarizeSweep(ran, {
            cpuUs: (leg) => median(leg.rounds.filter((round) => round !== null).map(cpuUsPerOperation)),
            ratio: (dear, cheap) => compare(cheap, dear, 'cpu'),
          }),
  }
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
    cpuUsPerOperation: median(measured.map(cpuUsPerOperation)),
    p50Us: middle((round) => round.p50Us),
    p99Us: middle((round) => round.p99Us),
    p999Us: middle((round) => round.p999Us),
    loopUtilization: middle((round) => round.loopUtilization),
    entersPerOperation: middle((round) => round.entersPerOperation),
    deviceBytes: middle((round) => round.deviceBytes),
    ...(note === undefined ? {} : { note }),
  }
}

function judge(target: Target, ran: readonly LegRounds[]): RatioSummary | null {
  const summary = compareBest(target, ran)
  const { atLeast } = target
  return summary === null ? null : { ...summary, atLeast, target: meets(summary, atLeast, summary.rounds) }
}

function compareBest(comparison: Comparison, ran: readonly LegRounds[]): RatioSummary | null {
  const numerator = best(comparison.of, comparison.metric, ran)
  const denominator = best(comparison.to, comparison.metric, ran)
  if (numerator === null || denominator === null) return null
  return compare(numerator, denominator, comparison.metric)
}

function compare(of: LegRounds, to: LegRounds, metric: Metric): RatioSummary | null {
  const pairs = of.rounds.flatMap((round, index) => {
    const [a, b] = [figure(round, metric), figure(to.rounds[index] ?? null, metric)]
    return a === null || b === null ? [] : [[a, b] as const]
  })
  if (pairs.length === 0) return null
  const ratio = pairedRatio(
    pairs.map(([a]) => a),
    pairs.map(([, b]) => b),
  )
  return { ...ratio, rounds: pairs.length, key: `${of.name}/${to.name}${metric === 'throughput' ? '' : ` ${metric}`}` }
}

function best(patterns: readonly string[], metric: Metric, ran: readonly LegRounds[]): LegRounds | null {
  const candidates = ran
    .filter(({ name }) => patterns.some((pattern) => matches(name, pattern)))
    .map((leg) => ({ leg, value: median(leg.rounds.map((round) => figure(round, metric)).filter((x) => x !== null)) }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value)
  return candidates[0]?.leg ?? null
}

/** More is better, for latencies and CPU too: they are turned into operations per second of one lane, and of one CPU. */
function figure(round: Measurement | null, metric: Metric): number | null {
  if (round === null) return null
  if (metric === 'throughput') return rate(round)
  if (metric === 'cpu') return round.cpuSeconds === 0 ? null : round.operations / round.cpuSeconds
  return round.p50Us === null || round.p50Us === 0 ? null : 1e6 / round.p50Us
}

function cpuUsPerOperation({ cpuSeconds, operations }: Measurement): number {
  return (cpuSeconds / operations) * 1e6
}

function rate({ operations, seconds }: Measurement): number {
  return operations / seconds
}
