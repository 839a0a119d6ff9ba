// The bucket boundaries, against arithmetic that shares nothing with the code: whole numbers to the eighth power.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bucketCount,
  bucketIndex,
  bucketIndexOfPowerOfTwo,
  bucketLowerBoundSeconds,
  bucketUpperBoundSeconds,
  exponentMax,
  exponentMin,
  type HistogramSnapshot,
  mergeHistograms,
  nativeIndexOffset,
  overflowBucketIndex,
  quantileNs,
  totalCount,
} from '../../metrics/exponential-histogram.ts'

const nsPerSecond = 1e9

/** value / unit ≤ 2^(k/8)  ⇔  value^8 ≤ unit^8 * 2^k, in integers of any size; k is at least 8 * exponentMin. */
const isAtMost = (value: bigint, eighths: number, unit: bigint): boolean =>
  (value ** 8n) << BigInt(-8 * exponentMin) <= (unit ** 8n) << BigInt(eighths - 8 * exponentMin)
const isAtMostNs = (valueNs: bigint, eighths: number): boolean => isAtMost(valueNs, eighths, 10n ** 9n)

/** The bucket by definition: the first whose upper bound is not below the value. */
function bucketByDefinition(valueNs: number): number {
  const value = BigInt(valueNs)
  for (let index = 0; index < overflowBucketIndex; index++) {
    if (isAtMostNs(value, exponentMin * 8 + index)) return index
  }
  return overflowBucketIndex
}

/** The largest whole number of nanoseconds at or below 2^(eighths/8) seconds. */
function lastWholeNs(eighths: number): bigint {
  let last = BigInt(Math.round(2 ** (eighths / 8) * nsPerSecond))
  while (!isAtMostNs(last, eighths)) last -= 1n
  while (isAtMostNs(last + 1n, eighths)) last += 1n
  return last
}

const nextUp = (value: number): number => neighbour(value, 1n)
const nextDown = (value: number): number => neighbour(value, -1n)
function neighbour(value: number, step: bigint): number {
  const words = new BigInt64Array(1)
  const double = new Float64Array(words.buffer)
  double[0] = value
  words[0]! += step
  return double[0]
}
/** The double and a few on either side of it. */
const around = (value: number): number[] =>
  [-4n, -3n, -2n, -1n, 0n, 1n, 2n, 3n, 4n].map((step) => neighbour(value, step))

const finiteBuckets = Array.from({ length: overflowBucketIndex }, (_, index) => index)

/** Whole nanoseconds, as likely in any octave as in any other. */
const anyValueNs = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.double({ min: 1, max: 2, noNaN: true }))
  .map(([exponent, mantissa]) => Math.floor(mantissa * 2 ** exponent))

describe('the boundaries', () => {
  it('are the doubles nearest to 2^(k/8), every one of them', () => {
    for (const index of finiteBuckets) {
      const bound = bucketUpperBoundSeconds(index)
      const eighths = exponentMin * 8 + index
      // Scaled so that the bound and the midpoints to its neighbours are whole numbers: 54 bits below 2^exponent.
      const scale = 54 - Math.floor(eighths / 8)
      const upperMidpoint = BigInt(bound * 2 ** scale) + BigInt((nextUp(bound) - bound) * 2 ** (scale - 1))
      const lowerMidpoint = BigInt(bound * 2 ** scale) - BigInt((bound - nextDown(bound)) * 2 ** (scale - 1))
      expect(isAtMost(lowerMidpoint, eighths, 2n ** BigInt(scale)), `2^(${eighths}/8)`).toBe(true)
      expect(isAtMost(upperMidpoint, eighths, 2n ** BigInt(scale)), `2^(${eighths}/8)`).toBe(false)
    }
  })

  it('are at powers of two exact for every double', () => {
    for (let exponent = exponentMin; exponent <= exponentMax; exponent++) {
      const index = bucketIndexOfPowerOfTwo(exponent)
      expect(bucketUpperBoundSeconds(index)).toBe(2 ** exponent)
      // 10^9 has 21 bits, so this is no rounding either.
      const boundNs = 2 ** exponent * nsPerSecond
      for (const valueNs of around(boundNs)) expect(bucketIndex(valueNs)).toBe(valueNs > boundNs ? index + 1 : index)
    }
  })

  it('are elsewhere true to 3 parts in 10^16', () => {
    for (const index of finiteBuckets) {
      const eighths = exponentMin * 8 + index
      const values = around(bucketUpperBoundSeconds(index) * nsPerSecond)
      for (const valueNs of values) {
        // As a whole number of 10^-16 * 2^-52 ns, next to the boundary moved by the tolerance.
        const value = BigInt(valueNs * 2 ** 52) * 10n ** 16n
        const isBelow = bucketIndex(valueNs) === index
        if (!isBelow) expect(bucketIndex(valueNs)).toBe(index + 1)
        const unit = (10n ** 16n + (isBelow ? 3n : -3n)) * 10n ** 9n * 2n ** 52n
        expect(isAtMost(value, eighths, unit), `valueNs=${valueNs}`).toBe(isBelow)
      }
      expect(new Set(values.map(bucketIndex))).toEqual(new Set([index, index + 1]))
    }
  })

  it('put the last whole nanosecond below and the first above on the right sides', () => {
    for (const index of finiteBuckets) {
      const last = lastWholeNs(exponentMin * 8 + index)
      expect(bucketIndex(Number(last))).toBe(index)
      expect(bucketIndex(Number(last + 1n))).toBe(index + 1)
    }
  })

  it('are those of Prometheus, a constant apart: its schema-3 bucket i covers (2^((i-1)/8), 2^(i/8)] seconds', () => {
    expect(nativeIndexOffset).toBe(-184)
    for (const [seconds, nativeIndex] of [
      [0.25, -16],
      [0.5, -8],
      [1, 0],
      [1.09, 1],
      [1.5, 5],
      [2, 8],
      [64, 48],
    ] as const) {
      expect(bucketIndex(seconds * nsPerSecond) + nativeIndexOffset).toBe(nativeIndex)
    }
    const wholeNs = fc.tuple(fc.integer({ min: 7, max: 34 }), fc.double({ min: 1, max: 1.85, noNaN: true }))
    fc.assert(
      fc.property(wholeNs, ([exponent, mantissa]) => {
        const valueNs = Math.floor(mantissa * 2 ** exponent)
        const nativeIndex = bucketIndex(valueNs) + nativeIndexOffset
        expect(isAtMostNs(BigInt(valueNs), nativeIndex)).toBe(true)
        expect(isAtMostNs(BigInt(valueNs), nativeIndex - 1)).toBe(false)
      }),
    )
  })

  it('leave no gap: each bucket starts where the one before ends', () => {
    expect(bucketLowerBoundSeconds(0)).toBe(0)
    for (let index = 1; index < bucketCount; index++) {
      expect(bucketLowerBoundSeconds(index)).toBe(bucketUpperBoundSeconds(index - 1))
    }
    expect(bucketUpperBoundSeconds(overflowBucketIndex)).toBe(Infinity)
  })

  it('refuse an index or exponent there is none for, with its value', () => {
    for (const index of [-1, bucketCount, 1.5, NaN]) {
      expect(() => bucketUpperBoundSeconds(index)).toThrow(`index=${index}`)
      expect(() => bucketLowerBoundSeconds(index)).toThrow(`index=${index}`)
    }
    for (const exponent of [-24, 7, 0.5])
      expect(() => bucketIndexOfPowerOfTwo(exponent)).toThrow(`exponent=${exponent}`)
  })
})

describe('bucketIndex', () => {
  it('agrees with the definition on any whole number of nanoseconds', () => {
    fc.assert(
      fc.property(anyValueNs, (valueNs) => {
        expect(bucketIndex(valueNs)).toBe(bucketByDefinition(valueNs))
      }),
      { numRuns: 2_000 },
    )
  })

  it('agrees with the definition on every whole number up to 2^14', () => {
    let index = 0
    for (let valueNs = 0; valueNs <= 2 ** 14; valueNs++) {
      while (!isAtMostNs(BigInt(valueNs), exponentMin * 8 + index)) index += 1
      if (bucketIndex(valueNs) !== index) expect.fail(`valueNs=${valueNs}: ${bucketIndex(valueNs)}, not ${index}`)
    }
  })

  it('decides on the double valueNs * 1e-9, whatever the double', () => {
    const value = fc.double({ min: 0, max: 2 ** 37, noNaN: true })
    const nearBound = fc
      .constantFrom(...finiteBuckets)
      .chain((index) => fc.constantFrom(...around(bucketUpperBoundSeconds(index) * nsPerSecond)))
    fc.assert(
      fc.property(fc.oneof(value, nearBound), (valueNs) => {
        const first = finiteBuckets.find((index) => valueNs * 1e-9 <= bucketUpperBoundSeconds(index))
        expect(bucketIndex(valueNs)).toBe(first ?? overflowBucketIndex)
      }),
      { numRuns: 1_000 },
    )
  })

  it('never falls as the value grows', () => {
    const value = fc.double({ min: -1e3, max: 1e12, noNaN: true })
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(bucketIndex(Math.min(one, other))).toBeLessThanOrEqual(bucketIndex(Math.max(one, other)))
      }),
    )
  })

  it.each([0, -0, -1, -1e18, -Infinity, NaN, Number.MIN_VALUE, 1, 119, 119.20928955078125])(
    'puts %d into the first',
    (valueNs) => {
      expect(bucketIndex(valueNs)).toBe(0)
    },
  )

  it.each([64e9 + 1, 1e18, Number.MAX_VALUE, Infinity])('puts %d into the overflow bucket', (valueNs) => {
    expect(bucketIndex(valueNs)).toBe(overflowBucketIndex)
  })
})

describe('quantileNs', () => {
  const histogramOf = (values: readonly number[]): Float64Array => {
    const counts = new Float64Array(bucketCount)
    for (const valueNs of values) counts[bucketIndex(valueNs)]! += 1
    return counts
  }
  const anyQuantile = fc.double({ min: 0, max: 1, noNaN: true })

  it('is in the bucket of the value it estimates', () => {
    fc.assert(
      fc.property(fc.array(anyValueNs, { minLength: 1, maxLength: 200 }), anyQuantile, (values, q) => {
        const sorted = values.toSorted((a, b) => a - b)
        const rank = Math.max(1, Math.ceil(q * sorted.length))
        const bucket = bucketIndex(sorted[rank - 1]!)
        const estimate = quantileNs(histogramOf(values), q)
        expect(estimate).toBeGreaterThanOrEqual(
          Math.min(bucketLowerBoundSeconds(bucket), 2 ** exponentMax) * nsPerSecond,
        )
        expect(estimate).toBeLessThanOrEqual(Math.min(bucketUpperBoundSeconds(bucket), 2 ** exponentMax) * nsPerSecond)
      }),
    )
  })

  it('never falls as q grows', () => {
    fc.assert(
      fc.property(fc.array(anyValueNs, { minLength: 1 }), anyQuantile, anyQuantile, (values, one, other) => {
        const counts = histogramOf(values)
        expect(quantileNs(counts, Math.min(one, other))).toBeLessThanOrEqual(quantileNs(counts, Math.max(one, other)))
      }),
    )
  })

  it('goes along the exponential curve: half of one bucket is its geometric mean', () => {
    const counts = histogramOf([1_000, 1_000])
    const bucket = bucketIndex(1_000)
    const mean = Math.sqrt(bucketLowerBoundSeconds(bucket) * bucketUpperBoundSeconds(bucket))
    expect(quantileNs(counts, 0.5)).toBeCloseTo(mean * nsPerSecond, 9)
    expect(quantileNs(counts, 1)).toBe(bucketUpperBoundSeconds(bucket) * nsPerSecond)
  })

  it('goes along a line in the first bucket, which starts at zero', () => {
    expect(quantileNs(histogramOf([0, 0, 0, 0]), 0.25)).toBe(2 ** -25 * nsPerSecond)
  })

  it('says NaN of nothing, the last boundary of what is above it, and refuses what is no quantile', () => {
    expect(quantileNs(histogramOf([]), 0.5)).toBeNaN()
    expect(quantileNs(histogramOf([1e12]), 0.5)).toBe(64e9)
    for (const q of [-0.1, 1.1, NaN]) expect(() => quantileNs(histogramOf([1]), q)).toThrow(`q=${q}`)
  })
})

describe('mergeHistograms', () => {
  const snapshot = (values: readonly number[]): HistogramSnapshot => {
    const counts = new Float64Array(bucketCount)
    let sumNs = 0
    for (const valueNs of values) {
      counts[bucketIndex(valueNs)]! += 1
      sumNs += valueNs
    }
    return { counts, sumNs, count: values.length }
  }

  it('of parts is the histogram of all their values', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyValueNs, { maxLength: 20 })), (parts) => {
        expect(mergeHistograms(parts.map(snapshot))).toEqual(snapshot(parts.flat()))
      }),
    )
  })

  it('is a copy: the parts may go on counting', () => {
    const part = snapshot([1_000])
    const merged = mergeHistograms([part])
    part.counts.fill(7)
    expect(totalCount(merged.counts)).toBe(1)
  })
})
