// When a connection has taken too long, asked second by second without a clock.
import { describe, expect, it } from 'vitest'
import { Deadlines } from '../../services/blob/deadlines.ts'
import type { Delay, Standing } from '../../services/blob/deadlines.ts'
import { defaultBlobLimits } from '../../services/blob/limits.ts'
import type { BlobLimits } from '../../services/blob/limits.ts'

const idle: Standing = { inHead: false, answering: false, lingering: false, activity: 0, bodyBytes: null, progress: 0 }
const limits: BlobLimits = {
  ...defaultBlobLimits,
  ...{ headersMsMax: 10_000, stalledMsMax: 20_000, keepAliveMs: 30_000, lingerMsMax: 2_000, lingerMsTotal: 8_000 },
  ...{ uploadBytesPerSecondMin: 100, readBytesPerSecondMin: 50, rateWindowMs: 20_000 },
}

/** The first delay that ends something, and after how many seconds; `at`: what the connection is at then. */
function ends(at: (second: number) => Partial<Standing>, secondsMax = 200): [Delay, number] | null {
  const deadlines = new Deadlines(limits)
  for (let second = 1; second <= secondsMax; second++) {
    const delay = deadlines.look({ ...idle, ...at(second) }, 1000)
    if (delay !== 'none' && delay !== 'moved') return [delay, second]
  }
  return null
}

describe('a connection', () => {
  it('that does nothing is ended as idle', () => {
    expect(ends(() => ({}))).toEqual(['request', 30])
  })

  it('goes on as long as requests come now and then', () => {
    expect(ends((second) => ({ activity: Math.floor(second / 29) }))).toBeNull()
  })

  it('whose head comes byte for byte is ended', () => {
    expect(ends((second) => ({ inHead: true, activity: second }))).toEqual(['head', 10])
  })

  it('has its time for each head anew', () => {
    expect(ends((second) => ({ inHead: second % 9 > 0, activity: second }))).toBeNull()
  })
})

describe('an upload', () => {
  const upload =
    (bytesPerSecond: number, from = 0) =>
    (second: number) => ({
      ...{ answering: true, activity: second, bodyBytes: Math.max(0, second - from) * bytesPerSecond },
    })

  it('that is slower than it may be is ended at the end of a window', () => {
    expect(ends(upload(99))).toEqual(['body', 21])
    expect(ends(upload(100))).toBeNull()
  })

  it('that stands still is ended', () => {
    expect(ends(() => ({ answering: true, bodyBytes: 5 }))).toEqual(['body', 20])
  })

  it('that was fast may not rest on that for ever', () => {
    const then = (second: number): Partial<Standing> =>
      second < 50 ? upload(1e6)(second) : { answering: true, activity: second, bodyBytes: 50e6 + second }
    expect(ends(then)?.[0]).toBe('body')
  })

  it('is not slow while it waits for the disk', () => {
    expect(ends((second) => ({ answering: true, activity: second, bodyBytes: null }))).toBeNull()
  })
})

describe('an answer', () => {
  it('that is taken more slowly than it may be is ended, counted as sent and as acknowledged', () => {
    const taken = (bytesPerSecond: number) => (second: number) => ({
      ...{ answering: true, activity: second, progress: 1 + 2 * second * bytesPerSecond },
    })
    expect(ends(taken(49))).toEqual(['answer', 21])
    expect(ends(taken(50))).toBeNull()
  })

  it('that is not taken at all is ended', () => {
    expect(ends(() => ({ answering: true, progress: 7 }))?.[0]).toBe('answer')
  })

  it('is not slow while the disk is', () => {
    expect(ends((second) => ({ answering: true, activity: second }))).toBeNull()
  })

  it('whose count of bytes begins anew is not slow because of that', () => {
    expect(ends((second) => ({ answering: true, activity: second, progress: 1 + ((second * 1000) % 4096) }))).toBeNull()
  })
})

describe('a connection that is to go', () => {
  it('goes when its client says nothing more', () => {
    expect(ends(() => ({ lingering: true }))).toEqual(['goodbye', 2])
  })

  it('goes, too, when it says something now and then', () => {
    expect(ends((second) => ({ lingering: true, activity: second }))).toEqual(['goodbye', 8])
  })
})
