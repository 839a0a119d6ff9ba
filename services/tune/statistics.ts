// Medians, their confidence intervals by bootstrap, ratios of legs that ran side by side, and what could be told apart at all. Pure. Used by
// the search, which decides by them, and by reports.
//
// Sources: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13: percentile intervals. T. Kalibera, R. Jones,
// Rigorous Benchmarking in Reasonable Time (ISMM 2013): report ratios with intervals, and repeat what varies, here whole fresh legs.
import { randomFrom } from './random.ts'

/** A value, and between what it lies as far as `count` measurements tell. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly count: number
}

export const confidenceDefault = 0.95

const resamples = 4000
/** Of the resampling, not of anything measured: intervals of the same figures are always the same. */
const bootstrapSeed = 20_130_620

export function median(values: readonly number[]): number {
  const sorted = [...values].sort(ascending)
  return middleOf(sorted, (sorted.length - 1) >> 1, sorted.length >> 1)
}

/**
 * The median with its percentile bootstrap interval. With five values the interval is from the least to the largest, which holds the true median
 * in 15 cases of 16; below five it is no wider, and says less. With few values it holds the truth less often than it says (91 % of 2,000 trials with fifteen; test/tune/statistics.test.ts). Infinite without values.
 */
export function medianEstimate(values: readonly number[], confidence: number = confidenceDefault): Estimate {
  const count = values.length
  if (count === 0) return { value: NaN, low: -Infinity, high: Infinity, count }
  const sorted = [...values].sort(ascending)
  const medians = resampledRanks(count)
    .map(({ below, above, weight }) => ({ value: middleOf(sorted, below, above), weight }))
    .sort((a, b) => a.value - b.value)
  const tail = (1 - confidence) / 2
  return { value: median(sorted), low: quantile(medians, tail), high: quantile(medians, 1 - tail), count }
}

/**
 * The ratio a / b of figures that were measured in pairs, one pair in each round: what a whole round has in common, such as a machine that slows
 * down, falls out. The median of the ratios, as logarithms, so that b / a is just the inverse.
 */
export function pairedRatio(
  pairs: readonly (readonly [a: number, b: number])[],
  confidence: number = confidenceDefault,
): Estimate {
  return fromLogarithms(
    medianEstimate(
      pairs.map(([a, b]) => Math.log(a / b)),
      confidence,
    ),
  )
}

export function fromLogarithms({ value, low, high, count }: Estimate): Estimate {
  return { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high), count }
}

/** The standard deviation of normally distributed values, found from the median deviation, which a few wild values do not move. */
export function robustDeviation(values: readonly number[]): number {
  const centre = median(values)
  return 1.4826 * median(values.map((value) => Math.abs(value - centre)))
}

/**
 * The least difference that `pairs` pairs would show in four cases of five, as a share (0.05: 5 %), where single legs scatter by `deviation` (of the
 * logarithm). Two-sided test at 95 % with 80 % power; a median needs pi / 2 times the values that a mean needs (Kalibera and Jones, section 9).
 */
export function minimumDetectableDifference(deviation: number, pairs: number): number {
  const perPair = deviation * Math.SQRT2
  return Math.expm1((1.96 + 0.8416) * perPair * Math.sqrt(Math.PI / 2 / pairs))
}

/** Half of the interval's width, as a share of the value: the ± of a ratio. */
export function halfWidth({ value, low, high }: Estimate): number {
  return (high - low) / 2 / value
}

interface Weighted {
  readonly value: number
  readonly weight: number
}

function quantile(sorted: readonly Weighted[], share: number): number {
  let reached = 0
  for (const { value, weight } of sorted) {
    reached += weight
    if (reached > share) return value
  }
  return sorted.at(-1)!.value
}

interface Ranks {
  readonly below: number
  readonly above: number
  readonly weight: number
}

const ranksByCount = new Map<number, readonly Ranks[]>()

/**
 * Which of `count` sorted values is in the middle of a resample, and how often. A resample's median depends on ranks alone, so the resampling is done
 * once for each number of values: an interval then costs microseconds, and the search asks for thousands.
 */
function resampledRanks(count: number): readonly Ranks[] {
  const known = ranksByCount.get(count)
  if (known !== undefined) return known
  const random = randomFrom(bootstrapSeed + count)
  const drawn = new Uint32Array(count)
  const often = new Map<number, number>()
  for (let resample = 0; resample < resamples; resample++) {
    for (let at = 0; at < count; at++) drawn[at] = Math.floor(random() * count)
    drawn.sort()
    const ranks = drawn[(count - 1) >> 1]! * count + drawn[count >> 1]!
    often.set(ranks, (often.get(ranks) ?? 0) + 1)
  }
  const found = [...often].map(([ranks, times]) => {
    return { below: Math.floor(ranks / count), above: ranks % count, weight: times / resamples }
  })
  ranksByCount.set(count, found)
  return found
}

const ascending = (a: number, b: number): number => a - b

const middleOf = (sorted: readonly number[], below: number, above: number): number =>
  ((sorted[below] ?? NaN) + (sorted[above] ?? NaN)) / 2
