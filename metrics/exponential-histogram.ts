// Which bucket a latency belongs to: exponential boundaries at 2^(k/8) seconds, eight per power of two.
// Called by ring-metrics.ts for every recorded value, by exporter.ts at scrape time, and by whoever prints quantiles.
//
//   index       0             1                  2            …     184      …     232           233
//   covers   (-∞, 2^-23]  (2^-23, 2^-22⅞]  (2^-22⅞, 2^-22¾]   …  (…, 2^0]    …  (…, 2^6]      (2^6, ∞)
//                └ 119.2 ns and less, zero and clocks that ran backwards            └ above 64 s
//
// These are the boundaries of a Prometheus native histogram of schema 3 in seconds, upper bounds included as there: a
// bucket is at most 9.05 % wide, and a constant apart from its index there. Every power of two is a boundary, so the sum
// of the buckets up to it is an exact classic `le`.
//
// Values come in nanoseconds, and what is compared is the double valueNs * 1e-9. With powers of two this is exact: it is
// above the boundary if and only if valueNs is. The other boundaries are irrational; their doubles and the product are
// rounded, so a value within 3 parts in 10^16 of one may count on either side. No whole nanosecond is that near to one.

/** Sub-buckets per power of two: 2^schema. */
export const bucketsPerOctave = 8
/** The first bucket ends at 2^-23 s, about 119 ns: below that a reading tells more about the clock than about the I/O. */
export const exponentMin = -23
/** The last finite bucket ends at 2^6 = 64 s. */
export const exponentMax = 6

/** Index of the bucket above the last boundary; it counts only towards `+Inf`. */
export const overflowBucketIndex: number = (exponentMax - exponentMin) * bucketsPerOctave + 1
/** Buckets per histogram, the first and the overflow bucket included. */
export const bucketCount: number = overflowBucketIndex + 1

/**
 * Add this to an index to get that of the schema-3 bucket with the same bounds, 2^((i-1)/8) to 2^(i/8). The two ends have
 * no such bucket: the first is the zero bucket of a zero threshold of 2^exponentMin, the overflow bucket has no bound.
 */
export const nativeIndexOffset: number = exponentMin * bucketsPerOctave

const secondsPerNs = 1e-9
const nsPerSecond = 1e9
const lowestBoundSeconds = 2 ** exponentMin
const highestBoundSeconds = 2 ** exponentMax

// 2^(j/8), rounded to the nearest double. Written out because Math.pow may be off in the last bit, as three of Prometheus'
// own (client_golang's j = 4, 6, 7) are: one bit low, so that a value which is that very double counts one higher there.
const octave: readonly number[] = [
  1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951, 1.5422108254079407,
  1.681792830507429, 1.8340080864093424,
]

/** Upper bounds by index. Multiplying by a power of two is exact, so these are as good as the table above. */
const upperBoundsSeconds: Float64Array = Float64Array.from({ length: bucketCount }, (_, index) =>
  index === overflowBucketIndex
    ? Infinity
    : octave[index % bucketsPerOctave]! * 2 ** (exponentMin + Math.floor(index / bucketsPerOctave)),
)

// The top four bits of the mantissa cut an octave into 16 cells of 1/16. Boundaries are at least 0.09 apart, so a cell
// holds one at most: the table names the first boundary at or above the start of the cell, one comparison decides.
const cellBits = 4
const firstBucketOfCell: Uint8Array = Uint8Array.from({ length: 2 ** cellBits }, (_, cell) => {
  const found = octave.findIndex((boundary) => boundary >= 1 + cell / 2 ** cellBits)
  return found === -1 ? bucketsPerOctave : found
})

// A double and its bits, one memory: reading the exponent costs a store and a load instead of a Math.log.
// Each thread evaluates this module for itself, so the pair is never shared.
const valueDouble: Float64Array = new Float64Array(1)
const valueWords: Uint32Array = new Uint32Array(valueDouble.buffer)
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0
const mantissaBitsInHighWord = 20
const exponentBias = 1023

/** The bucket `valueNs` falls into. Zero, negative values and NaN fall into the first: a clock may step, we may not throw. */
export function bucketIndex(valueNs: number): number {
  const valueSeconds = valueNs * secondsPerNs
  if (!(valueSeconds > lowestBoundSeconds)) return 0
  if (valueSeconds > highestBoundSeconds) return overflowBucketIndex
  valueDouble[0] = valueSeconds
  const high = valueWords[highWord]!
  const exponent = (high >>> mantissaBitsInHighWord) - exponentBias
  const cell = (high >>> (mantissaBitsInHighWord - cellBits)) & (2 ** cellBits - 1)
  const index = (exponent - exponentMin) * bucketsPerOctave + firstBucketOfCell[cell]!
  return valueSeconds > upperBoundsSeconds[index]! ? index + 1 : index
}

/** The largest value bucket `index` holds; `Infinity` for the overflow bucket. */
export function bucketUpperBoundSeconds(index: number): number {
  return upperBoundsSeconds[checkedIndex(index)]!
}

/** The value bucket `index` starts above. The first bucket is said to start at 0, though it takes anything lower too. */
export function bucketLowerBoundSeconds(index: number): number {
  return checkedIndex(index) === 0 ? 0 : upperBoundsSeconds[index - 1]!
}

/** The bucket that ends exactly at 2^exponent seconds. */
export function bucketIndexOfPowerOfTwo(exponent: number): number {
  if (!Number.isInteger(exponent) || exponent < exponentMin || exponent > exponentMax) {
    throw new RangeError(`exponent=${exponent} must be an integer from ${exponentMin} to ${exponentMax}`)
  }
  return (exponent - exponentMin) * bucketsPerOctave
}

/** One histogram as read: bucket counts, their sum of values, and their total. */
export interface HistogramSnapshot {
  readonly counts: Float64Array
  readonly sumNs: number
  readonly count: number
}

/** Number of observations in `counts`. */
export function totalCount(counts: Float64Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}

/** Adds histograms up, over rings or operations, into a copy of their own. */
export function mergeHistograms(parts: Iterable<HistogramSnapshot>): HistogramSnapshot {
  const counts = new Float64Array(bucketCount)
  let sumNs = 0
  for (const part of parts) {
    for (let index = 0; index < bucketCount; index++) counts[index]! += part.counts[index]!
    sumNs += part.sumNs
  }
  return { counts, sumNs, count: totalCount(counts) }
}

/**
 * Estimates the q-quantile as Prometheus does for native histograms: along the exponential curve inside the bucket,
 * along a line in the first one. Off by less than a bucket (9.05 %). NaN when nothing was observed; values above the
 * last boundary are reported as that boundary, since nothing more is known of them.
 */
export function quantileNs(counts: Float64Array, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`q=${q} must be from 0 to 1`)
  const total = totalCount(counts)
  if (total === 0) return NaN
  const rank = q * total
  let below = 0
  let index = 0
  for (; index < overflowBucketIndex; index++) {
    const count = counts[index]!
    if (count > 0 && below + count >= rank) break
    below += count
  }
  if (index === overflowBucketIndex) return highestBoundSeconds * nsPerSecond
  const fraction = Math.min(1, (rank - below) / counts[index]!)
  const upper = bucketUpperBoundSeconds(index)
  const lower = bucketLowerBoundSeconds(index)
  // The curve ends at the bound, but a power of a quotient may miss it by a bit.
  if (fraction === 1) return upper * nsPerSecond
  return (index === 0 ? upper * fraction : lower * (upper / lower) ** fraction) * nsPerSecond
}

function checkedIndex(index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < bucketCount) return index
  throw new RangeError(`index=${index} must be an integer from 0 to ${bucketCount - 1}`)
}
