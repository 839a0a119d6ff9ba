// The benchmark's arithmetic: what it concludes from rounds, and what it refuses to conclude.
import { describe, expect, it } from 'vitest'
import { median, meets, pairedRatio, spreadOf, staysBelow } from '../../services/measure/statistics.ts'

describe('median and spread', () => {
  it('takes the middle, or the mean of the two middles', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it('is not moved by one wild round', () => {
    expect(spreadOf([10, 11, 9, 10, 1000])).toEqual({ median: 10, min: 9, max: 1000, mad: 1 })
  })
})

describe('the ratio of two legs', () => {
  it('concludes when the difference is larger than the spread', () => {
    const ratio = pairedRatio([500, 600, 550, 520, 580], [100, 110, 100, 105, 102])
    expect(ratio.ratio).toBeCloseTo(5.45, 1)
    expect(ratio.conclusive).toBe(true)
  })

  it('refuses when the spread is larger than the difference', () => {
    expect(pairedRatio([100, 130, 90, 120, 80], [100, 100, 100, 100, 100]).conclusive).toBe(false)
  })

  it('refuses below three rounds', () => {
    expect(pairedRatio([500, 500], [100, 100]).conclusive).toBe(false)
  })

  it('pairs rounds, so a machine that slows down for both does not widen the spread', () => {
    const ratio = pairedRatio([200, 100, 400], [100, 50, 200])
    expect(ratio).toEqual({ ratio: 2, low: 2, high: 2, conclusive: true })
  })

  it('answers the same for a/b and b/a', () => {
    const [a, b] = [
      [50, 100, 200, 90, 110],
      [10, 10, 10, 10, 10],
    ]
    expect(pairedRatio(a, b).conclusive).toBe(pairedRatio(b, a).conclusive)
  })

  it('leaves out the outermost rounds once there are enough of them', () => {
    const steady = [2, 2.01, 1.99, 2, 2.02, 1.98, 2, 2.01]
    const ones = steady.map(() => 1)
    expect(pairedRatio([...steady.slice(1), 40], ones)).toMatchObject({ low: 1.99, high: 2.02 })
    expect(pairedRatio([...steady.slice(4), 40], ones.slice(3)).high).toBe(40)
  })
})

describe('a target', () => {
  const about = (low: number, high: number): ReturnType<typeof pairedRatio> => {
    return { ratio: (low + high) / 2, low, high, conclusive: true }
  }

  it('is met or missed only when the whole spread says so', () => {
    expect(meets(about(5.1, 6), 5, 5)).toBe('met')
    expect(meets(about(4, 4.9), 5, 5)).toBe('missed')
    expect(meets(about(4.5, 5.5), 5, 5)).toBe('inconclusive')
    expect(meets(about(5.1, 6), 5, 2)).toBe('inconclusive')
  })

  it('that is a limit needs every round, and three of them', () => {
    expect(staysBelow([0, 0.0005, 0.001], 0.001)).toBe('met')
    expect(staysBelow([0.002, 0.003, 0.004], 0.001)).toBe('missed')
    expect(staysBelow([0, 0, 0.004], 0.001)).toBe('inconclusive')
    expect(staysBelow([0, 0], 0.001)).toBe('inconclusive')
  })
})
