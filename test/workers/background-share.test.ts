// The control law of background's share, as a table: what it gets next, for what it has and what the foreground feels.
import { describe, expect, it } from 'vitest'
import { nextShare, shareFloor } from '../../workers/background-share.ts'

const base = { floor: 16, ceiling: 1024, latencyRatio: 1, foregroundIdle: false }

describe("background's share", () => {
  it.each([
    ['is everything while there is no foreground', { share: 16, foregroundIdle: true, latencyRatio: 0 }, 1024],
    [
      'is everything while there is no foreground, whatever was measured before',
      { share: 16, foregroundIdle: true, latencyRatio: 99 },
      1024,
    ],
    ['grows by a step while the foreground is as fast as alone', { share: 100, latencyRatio: 1 }, 132],
    ['grows up to twice the unloaded latency', { share: 100, latencyRatio: 2 }, 132],
    ['is halved above that', { share: 100, latencyRatio: 2.01 }, 50],
    ['is halved, however slow the foreground is', { share: 100, latencyRatio: 1000 }, 50],
    ['is halved while the unloaded latency is not known', { share: 1024, latencyRatio: Infinity }, 512],
    ['never falls below the floor', { share: 17, latencyRatio: 3 }, 16],
    ['stays at the floor while the foreground suffers', { share: 16, latencyRatio: 3 }, 16],
    ['never grows beyond the ring', { share: 1020, latencyRatio: 1 }, 1024],
    ['stays where nothing was measured', { share: 100, latencyRatio: 0 }, 100],
  ])('%s', (_, input, share) => {
    expect(nextShare({ ...base, ...input })).toBe(share)
  })

  it('grows also where a step of the ring would be nothing', () => {
    expect(nextShare({ share: 1, floor: 1, ceiling: 6, latencyRatio: 1, foregroundIdle: false })).toBe(2)
  })

  it('goes from everything to the floor in as many steps as it can be halved, and all the way back', () => {
    const steps = (latencyRatio: number, from: number, until: number): number => {
      let count = 0
      for (let share = from; share !== until; count++) share = nextShare({ ...base, share, latencyRatio })
      return count
    }
    expect(steps(5, 1024, 16)).toBe(6)
    expect(steps(1, 16, 1024)).toBe(32)
  })

  it.each([
    [1, 1],
    [2, 1],
    [6, 3],
    [64, 8],
    [448, 8],
    [4032, 63],
    [65472, 1023],
  ])('of a ring for %i always has %i', (inFlightMax, floor) => {
    expect(shareFloor(inFlightMax)).toBe(floor)
  })
})
