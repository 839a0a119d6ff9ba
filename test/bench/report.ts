// What the benchmark prints: a table for people, or one line of JSON per scenario. Called by main.ts; pure.
import type { SkippedLeg } from './legs/index.ts'
import type { Scenario } from './model.ts'
import type { LegRounds } from './runner.ts'
import type { RatioSummary, ScenarioSummary } from './summary.ts'
import { LEAST_ROUNDS } from '../../services/measure/statistics.ts'
import { formatTable } from '../../services/bench/table.ts'

/** More than this much of the read data came from the device: the page cache did not hold. */
const DEVICE_BYTES_PER_ROUND_MAX = 8 << 20

export interface ScenarioReport {
  readonly scenario: Scenario
  readonly summary: ScenarioSummary
  readonly outcomes: readonly LegRounds[]
  readonly skipped: readonly SkippedLeg[]
}

export function formatReport({ scenario, summary, outcomes, skipped }: ScenarioReport): string {
  const byRatio = new Map(summary.baselineRatios.map((ratio) => [ratio.key.split('/')[0], ratio]))
  const fastestFirst = [...summary.legs].sort((a, b) => b.perSecond.median - a.perSecond.median)
  const rows = fastestFirst.map((leg) => [
    leg.name,
    count(leg.perSecond.median),
    `${count(leg.perSecond.min)}–${count(leg.perSecond.max)}`,
    digits(leg.cpuUsPerOperation),
    digits(leg.p50Us),
    digits(leg.p99Us),
    digits(leg.p999Us),
    leg.loopUtilization === null ? '' : leg.loopUtilization.toFixed(2),
    small(leg.entersPerOperation),
    leg.name === summary.baseline ? '1' : ratioText(byRatio.get(leg.name)),
  ])
  const baseline = summary.baseline === null ? '' : `× ${summary.baseline}`
  const heading = [scenario.unit, 'min–max', 'CPU µs/op', 'p50 µs', 'p99 µs', 'p99.9 µs', 'loop', 'enter/op', baseline]
  const table = rows.length === 0 ? ['  no leg ran'] : formatTable(['leg', ...heading], rows)
  const lines = [`${scenario.name}: ${scenario.title}`, '', ...table]
  const notes = [
    ...comparisonLines(summary),
    ...sweepLines(scenario, summary),
    ...noteLines(summary, scenario.uncached === true),
    ...skippedLines(skipped),
    ...failureLines(outcomes),
  ]
  return [...lines, ...(notes.length === 0 ? [] : ['', ...notes]), ''].join('\n')
}

/** The shape that issue 4 fixes, and beside it what a reader of the figures will ask for next. */
export function toJson({ scenario, summary, outcomes, skipped }: ScenarioReport): string {
  const legs = summary.legs.map((leg) => [
    leg.name,
    {
      median: leg.perSecond.median,
      rounds: leg.rounds,
      cpuUsPerOp: leg.cpuUsPerOperation,
      p50Us: leg.p50Us,
      p99Us: leg.p99Us,
      p999Us: leg.p999Us,
      min: leg.perSecond.min,
      max: leg.perSecond.max,
      mad: leg.perSecond.mad,
      loopUtilization: leg.loopUtilization,
      entersPerOp: leg.entersPerOperation,
      deviceBytes: leg.deviceBytes,
      note: leg.note,
    },
  ])
  const all = [...summary.baselineRatios, ...summary.comparisons, ...summary.targets]
  return JSON.stringify({
    scenario: scenario.name,
    unit: scenario.unit,
    legs: Object.fromEntries(legs) as object,
    ratios: Object.fromEntries(all.map((ratio) => [ratio.key, ratio.conclusive ? ratio.ratio : 'inconclusive'])),
    ratioDetails: all,
    limits: summary.limits,
    ...(summary.sweep.length === 0 ? {} : { sweep: summary.sweep }),
    failed: outcomes.filter(({ failures }) => failures.length > 0).map(({ name, failures }) => ({ name, failures })),
    skipped,
  })
}

function comparisonLines({ comparisons, targets, limits }: ScenarioSummary): readonly string[] {
  const ratios = [...targets, ...comparisons].map((ratio) => [
    ratio.key,
    ratioText(ratio),
    `${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)}`,
    ratio.atLeast === undefined ? '' : `target ≥ ${ratio.atLeast}: ${ratio.target}`,
  ])
  const figures = limits.map(({ leg, value, atMost, verdict }) => [
    `${leg} enter/op`,
    small(value),
    '',
    `target ≤ ${atMost}: ${verdict}`,
  ])
  if (ratios.length + figures.length === 0) return []
  return [...formatTable(['ratio', 'median', 'spread', ''], [...ratios, ...figures]), '']
}

function sweepLines({ sweep }: Scenario, summary: ScenarioSummary): readonly string[] {
  if (summary.sweep.length === 0 || sweep === undefined) return []
  const heading = [`CPU µs/op, ${sweep.parameter} =`, ...sweep.values.map(String), 'max/min', 'spread']
  const rows = summary.sweep.map(({ leg, points, maxOverMin }) => [
    leg,
    ...sweep.values.map((value) => digits(points.find((point) => point.value === value)?.cpuUsPerOperation ?? null)),
    maxOverMin.ratio.toFixed(2),
    `${maxOverMin.low.toFixed(2)}–${maxOverMin.high.toFixed(2)}`,
  ])
  return [...formatTable(heading, rows), '']
}

function noteLines({ legs }: ScenarioSummary, uncached: boolean): readonly string[] {
  const used = legs.flatMap(({ name, note }) =>
    name.startsWith('auto') && note !== undefined ? [`${name}: ${note}`] : [],
  )
  const few = legs.length > 0 && legs.every(({ rounds }) => rounds.length < LEAST_ROUNDS)
  const fewLine = few ? [`fewer than ${LEAST_ROUNDS} rounds: nothing is concluded`] : []
  const cold = legs
    .filter(({ deviceBytes }) => !uncached && (deviceBytes ?? 0) > DEVICE_BYTES_PER_ROUND_MAX)
    .map(
      ({ name, deviceBytes }) => `${name}: read ${count(deviceBytes ?? 0)} bytes from the device: not a cached figure`,
    )
  return [...fewLine, ...used, ...cold]
}

function skippedLines(skipped: readonly SkippedLeg[]): readonly string[] {
  const byReason = new Map<string, string[]>()
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name])
  return [...byReason].map(([reason, names]) => `skipped ${names.join(', ')}: ${reason}`)
}

function failureLines(outcomes: readonly LegRounds[]): readonly string[] {
  return outcomes.flatMap(({ name, failures }) => failures.map((failure) => `FAILED ${name}: ${failure}`))
}

function ratioText(ratio: RatioSummary | undefined): string {
  if (ratio === undefined) return ''
  return ratio.conclusive ? ratio.ratio.toFixed(2) : `inconclusive (${ratio.ratio.toFixed(2)})`
}

function count(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0)
}

function digits(value: number | null): string {
  if (value === null) return ''
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2)
}

function small(value: number | null): string {
  if (value === null) return ''
  return value === 0 ? '0' : value.toPrecision(2)
}
