// Medians, spreads and the refusal to conclude from noise. Called by services/bench/ and the summary of test/bench; pure.

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  /** Median absolute deviation: the spread that one wild round cannot widen. */
  readonly mad: number
}

/** `conclusive` is about "are the two different at all"; a target has its own verdict, see `meets`. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly conclusive: boolean
}

export type TargetVerdict = 'met' | 'missed' | 'inconclusive'

/** Below this many rounds the spread itself is unknown. */
export const LEAST_ROUNDS = 3
const CONFIDENCE = 0.9

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  if (upper === undefined) return Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

export function spreadOf(values: readonly number[]): Spread {
  const center = median(values)
  const mad = median(values.map((value) => Math.abs(value - center)))
  return { median: center, min: Math.min(...values), max: Math.max(...values), mad }
}

/**
 * The ratio of two legs from rounds that ran side by side. Each round gives one ratio, so a machine that slows down for
 * both legs does not widen the spread. With many rounds the outermost ones are left out, as far as what remains still
 * holds the true median with 90 % confidence (sign test): more rounds then make the answer sharper, not vaguer.
 */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): Ratio {
  const ratios = numerators.map((value, index) => value / (denominators[index] ?? Number.NaN)).sort((a, b) => a - b)
  const trimmed = trimPerSide(ratios.length)
  const low = ratios[trimmed] ?? Number.NaN
  const high = ratios[ratios.length - 1 - trimmed] ?? Number.NaN
  const ratio = median(ratios)
  // Compared as logarithms, so that a/b and b/a always get the same answer.
  const spread = Math.log(high / low)
  const difference = Math.abs(Math.log(ratio))
  return { ratio, low, high, conclusive: ratios.length >= LEAST_ROUNDS && spread < difference }
}

/** Whether a ratio reaches its target: only said when the whole spread lies on one side of it. */
export function meets(ratio: Ratio, atLeast: number, rounds: number): TargetVerdict {
  if (rounds < LEAST_ROUNDS) return 'inconclusive'
  if (ratio.low >= atLeast) return 'met'
  return ratio.high < atLeast ? 'missed' : 'inconclusive'
}

/** The same for a figure that has a limit: every round must say so. */
export function staysBelow(values: readonly number[], atMost: number): TargetVerdict {
  if (values.length < LEAST_ROUNDS) return 'inconclusive'
  if (values.every((value) => value <= atMost)) return 'met'
  return values.every((value) => value > atMost) ? 'missed' : 'inconclusive'
}

function trimPerSide(rounds: number): number {
  let tail = 0
  let binomial = 1
  for (let dropped = 0; dropped < rounds / 2; dropped++) {
    tail += binomial / 2 ** rounds
    if (1 - 2 * tail < CONFIDENCE) return Math.max(0, dropped - 1)
    binomial = (binomial * (rounds - dropped)) / (dropped + 1)
  }
  return 0
}
