// Quantiles against sorted samples; parts of threads against the whole.
import { describe, expect, it } from 'vitest'
import { LatencyHistogram } from '../../services/measure/latency-histogram.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

/** Half a bucket: 64 to a power of two. */
const errorMax = 1 / 64

const samples = (seed: number, count: number): number[] => {
  const random = seededRandom(seed)
  // Latencies span orders of magnitude: 100 ns to 10 s.
  return Array.from({ length: count }, () => 100 * 10 ** (random() * 8))
}

describe('a latency histogram', () => {
  it('gives every quantile within half a bucket of the sorted samples', () => {
    const values = samples(testSeed('latency histogram'), 10_000)
    const histogram = new LatencyHistogram()
    for (const value of values) histogram.record(value, 1)
    const sorted = values.sort((a, b) => a - b)
    for (const fraction of [0.001, 0.25, 0.5, 0.9, 0.99, 0.999]) {
      const exact = sorted[Math.ceil(sorted.length * fraction) - 1]!
      expect(Math.abs(histogram.quantileNs(fraction) / exact - 1), `at ${fraction}`).toBeLessThanOrEqual(errorMax)
    }
    expect(histogram.quantileNs(1)).toBeLessThanOrEqual(sorted.at(-1)!)
    expect(histogram.max).toBe(sorted.at(-1))
  })

  it('counts a batch as so many, and adds up what threads counted', () => {
    const [whole, one, other] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()]
    for (const [at, value] of samples(testSeed('latency histogram'), 1000).entries()) {
      whole.record(value, 3)
      ;(at % 2 === 0 ? one : other).record(value, 3)
    }
    one.add(other.counts, other.max)
    expect(one.counts).toEqual(whole.counts)
    expect([one.total, one.max]).toEqual([3000, whole.max])
  })

  it('takes what is below a nanosecond and above hours as the nearest it has, and nothing as 0', () => {
    const histogram = new LatencyHistogram()
    expect(histogram.quantileNs(0.5)).toBe(0)
    histogram.record(-5, 1)
    histogram.record(1e20, 1)
    expect(histogram.total).toBe(2)
    expect(histogram.quantileNs(0.5)).toBeLessThan(2)
    histogram.reset()
    expect([histogram.total, histogram.max]).toEqual([0, 0])
  })
})
