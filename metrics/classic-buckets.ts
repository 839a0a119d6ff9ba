// The classic buckets that are exported, each an exact sum of exponential ones. Used by formats/ and by who keeps exemplars.
import { bucketIndexOfPowerOfTwo } from './exponential-histogram.ts'

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
