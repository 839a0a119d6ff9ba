// What the tuner concludes from repeated figures. Held against simulation: an interval that promises 95 % is counted, not believed.
import { describe, expect, it } from 'vitest'
import { randomFrom, shuffled } from '../../services/tune/random.ts'
import {
  halfWidth,
  median,
  medianEstimate,
  minimumDetectableDifference,
  pairedRatio,
  robustDeviation,
} from '../../services/tune/statistics.ts'

/** Normally distributed, by the sum of twelve uniform numbers: another way than that of the simulated machine. */
function normals(seed: number): () => number {
  const random = randomFrom(seed)
  return () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6)
}

describe('a median', () => {
  it('is the middle, or the mean of the two middles', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it('of five has an interval from the least to the largest: no fewer can say as much', () => {
    expect(medianEstimate([10, 12, 11, 14, 13])).toEqual({ value: 12, low: 10, high: 14, count: 5 })
  })

  it('of nothing could be anything', () => {
    expect(medianEstimate([])).toEqual({ value: NaN, low: -Infinity, high: Infinity, count: 0 })
  })

  it('has the same interval for the same figures, whenever it is asked for', () => {
    const values = [5, 3, 8, 9, 4, 7, 6, 2]
    expect(medianEstimate(values)).toEqual(medianEstimate([...values].reverse()))
  })

  it.each([5, 8, 9, 15, 30])('of %i figures lies within its interval about as often as promised', (count) => {
    const normal = normals(count)
    const trials = 2000
    let held = 0
    for (let trial = 0; trial < trials; trial++) {
      const { low, high } = medianEstimate(Array.from({ length: count }, normal))
      if (low <= 0 && high >= 0) held++
    }
    // Percentile intervals of few values promise a little too much (Efron and Tibshirani, chapter 14): 88 to 97 % for these.
    expect(held / trials).toBeGreaterThan(0.87)
    expect(held / trials).toBeLessThan(0.985)
  })

  it('has an interval that narrows with the root of the number of figures', () => {
    const widthOf = (count: number): number => {
      const normal = normals(7)
      const widths = Array.from({ length: 200 }, () => {
        const { low, high } = medianEstimate(Array.from({ length: count }, normal))
        return high - low
      })
      return median(widths)
    }
    expect(widthOf(10) / widthOf(40)).toBeGreaterThan(1.6)
    expect(widthOf(10) / widthOf(40)).toBeLessThan(2.6)
  })
})

describe('a ratio of pairs', () => {
  it('does not see what both have in common', () => {
    const { value, low, high } = pairedRatio([1, 0.5, 2, 0.25, 1.5].map((speed) => [120 * speed, 100 * speed]))
    for (const each of [value, low, high]) expect(each).toBeCloseTo(1.2, 10)
  })

  it('is the inverse the other way round', () => {
    const pairs = [
      [10, 9],
      [11, 12],
      [9, 7],
      [10, 10],
      [12, 9],
      [8, 9],
    ] as const
    const there = pairedRatio(pairs)
    const back = pairedRatio(pairs.map(([a, b]) => [b, a]))
    expect(there.value * back.value).toBeCloseTo(1, 10)
    expect(there.low * back.high).toBeCloseTo(1, 10)
  })

  it('is not moved by one wild round in nine', () => {
    const steady = [1.1, 1.11, 1.09, 1.1, 1.12, 1.08, 1.1, 1.1].map((ratio) => [ratio, 1] as const)
    const { value, low, high } = pairedRatio([...steady, [9, 1]])
    expect(value).toBeCloseTo(1.1, 2)
    expect(low).toBeGreaterThan(1.07)
    expect(high).toBeLessThan(1.13)
  })

  it('has a ± that is half of the interval, as a share', () => {
    expect(halfWidth({ value: 2, low: 1.8, high: 2.2, count: 5 })).toBeCloseTo(0.1, 10)
  })
})

describe('what can be told apart', () => {
  it('finds the deviation of figures that scatter normally, and ignores a few that are wild', () => {
    const normal = normals(3)
    const values = Array.from({ length: 4000 }, () => 5 + 0.2 * normal())
    expect(robustDeviation(values)).toBeCloseTo(0.2, 1.5)
    expect(robustDeviation([...values, ...values.slice(0, 100).map(() => 1000)])).toBeCloseTo(0.2, 1.5)
  })

  it('promises a difference that is then found in about four cases of five', () => {
    const normal = normals(11)
    const [deviation, pairs, trials] = [0.05, 20, 1500]
    const difference = minimumDetectableDifference(deviation, pairs)
    let found = 0
    for (let trial = 0; trial < trials; trial++) {
      const measured = Array.from({ length: pairs }, () => {
        return [Math.exp(deviation * normal()) * (1 + difference), Math.exp(deviation * normal())] as const
      })
      if (pairedRatio(measured).low > 1) found++
    }
    expect(found / trials).toBeGreaterThan(0.7)
    expect(found / trials).toBeLessThan(0.9)
  })

  it('is less with more pairs and with less scatter', () => {
    expect(minimumDetectableDifference(0.05, 20)).toBeLessThan(minimumDetectableDifference(0.05, 5))
    expect(minimumDetectableDifference(0.01, 5)).toBeLessThan(minimumDetectableDifference(0.05, 5))
  })
})

describe('an order drawn by a seed', () => {
  it('is the same for the same seed, another for another, and loses nobody', () => {
    const items = Array.from({ length: 20 }, (_, index) => index)
    expect(shuffled(items, randomFrom(1))).toEqual(shuffled(items, randomFrom(1)))
    expect(shuffled(items, randomFrom(1))).not.toEqual(shuffled(items, randomFrom(2)))
    expect(shuffled(items, randomFrom(1)).sort((a, b) => a - b)).toEqual(items)
  })

  it('puts each first about equally often', () => {
    const random = randomFrom(5)
    const first = [0, 0, 0, 0]
    for (let draw = 0; draw < 8000; draw++) first[shuffled([0, 1, 2, 3], random)[0]!]!++
    for (const times of first) expect(Math.abs(times - 2000)).toBeLessThan(200)
  })
})
