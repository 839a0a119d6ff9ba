// Latencies counted in buckets: no memory that grows with speed, nothing allocated per operation, and parts of several threads can be added up.
// Written by the loops of leg/, once per request.
//
// Log-linear, as HdrHistogram (G. Tene): each power of two of nanoseconds has 64 buckets, so a quantile is at most 1.6 % off. A bucket's number is
// the top bits of the double itself: exponent and first six bits of the mantissa are neighbours there.

const subBits = 6
const highWordShift = 20 - subBits
const exponentBias = 1023
/** 2^44 ns are five hours; what takes longer counts as that. */
const exponentMax = 44
const bucketCount = (exponentMax + 1) << subBits

/** One double, and its upper half as an integer. */
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0

export class LatencyHistogram {
  /** By bucket. Doubles: as many as fit in 2^53. */
  readonly counts: Float64Array<ArrayBuffer>
  private maxNs: number

  constructor(counts: Float64Array<ArrayBuffer> = new Float64Array(bucketCount), maxNs = 0) {
    this.counts = counts
    this.maxNs = maxNs
  }

  /** `count` requests that took `ns`. */
  record(ns: number, count: number): void {
    if (ns > this.maxNs) this.maxNs = ns
    double[0] = ns < 1 ? 1 : ns
    const index = (words[highWord]! >>> highWordShift) - (exponentBias << subBits)
    this.counts[index < bucketCount ? index : bucketCount - 1]! += count
  }

  add(counts: Float64Array, maxNs: number): void {
    for (let index = 0; index < bucketCount; index++) this.counts[index]! += counts[index]!
    if (maxNs > this.maxNs) this.maxNs = maxNs
  }

  reset(): void {
    this.counts.fill(0)
    this.maxNs = 0
  }

  get max(): number {
    return this.maxNs
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  /** The middle of the bucket that holds it; never above the maximum. 0 where nothing was recorded. */
  quantileNs(fraction: number): number {
    const wanted = Math.max(1, Math.ceil(this.total * fraction))
    let seen = 0
    for (let index = 0; index < bucketCount; index++) {
      seen += this.counts[index]!
      if (seen < wanted) continue
      const lowNs = 2 ** (index >> subBits) * (1 + (index & ((1 << subBits) - 1)) / (1 << subBits))
      return Math.min(this.maxNs, lowNs + 2 ** (index >> subBits) / (1 << subBits) / 2)
    }
    return 0
  }
}
