// The classic buckets that are exported, each an exact sum of exponential ones. Used by formats/ and by who keeps exemplars.
import { bucketIndexOfPowerOfTwo, bucketsPerOctave, overflowBucketIndex } from './exponential-histogram.ts'

/** 25 powers of two from 2^-20 s (954 ns) to 16 s; `+Inf` follows. */
const leExponentMin = -20
const leExponentMax = 4

export interface ClassicBound {
  readonly leSeconds: number
  /** As the label says it. */
  readonly leText: string
  /** The last exponential bucket that is counted in it. */
  readonly lastIndex: number
}

export const classicBounds: readonly ClassicBound[] = Array.from(
  { length: leExponentMax - leExponentMin + 1 },
  (_, step) => {
    const exponent = leExponentMin + step
    return { leSeconds: 2 ** exponent, leText: leText(2 ** exponent), lastIndex: bucketIndexOfPowerOfTwo(exponent) }
  },
)

/**
 * A bound as Go writes it, and therefore Prometheus where it is a number in the protobuf format: `1.0`, `6.103515625e-05`. Written the same in every
 * format, so that a change of format does not change the series.
 */
function leText(bound: number): string {
  if (bound >= 1e-4) return Number.isInteger(bound) ? `${bound}.0` : String(bound)
  const [digits = '', exponent = ''] = bound.toExponential().split('e-')
  return `${digits}e-${exponent.padStart(2, '0')}`
}

/** The classic bucket of each exponential one; `classicBounds.length` is `+Inf`. */
export function classicBucketOf(index: number): number {
  const found = classicBounds.findIndex(({ lastIndex }) => index <= lastIndex)
  return found < 0 ? classicBounds.length : found
}

/**
 * Adds `counts` up, once, while its owner goes on counting: `into` gets the cumulative count of each classic bucket, that of `+Inf` last, and they
 * cannot disagree.
 */
export function cumulate(counts: Float64Array, into: Float64Array): void {
  let cumulative = counts[0]!
  let index = 1
  for (let step = 0; step < classicBounds.length; step++) {
    const { lastIndex } = classicBounds[step]!
    for (; index < lastIndex; index += bucketsPerOctave) cumulative += octaveSum(counts, index)
    into[step] = cumulative
  }
  for (; index < overflowBucketIndex; index += bucketsPerOctave) cumulative += octaveSum(counts, index)
  into[classicBounds.length] = cumulative + counts[overflowBucketIndex]!
}

/** Of the eight buckets from `index` on. By pairs: a sum from left to right waits for each addition, which takes four times as long. */
const octaveSum = (counts: Float64Array, index: number): number =>
  counts[index]! +
  counts[index + 1]! +
  (counts[index + 2]! + counts[index + 3]!) +
  (counts[index + 4]! + counts[index + 5]! + (counts[index + 6]! + counts[index + 7]!))
