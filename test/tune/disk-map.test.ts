// When a run of the tuner has time for the map of the disk, and what it says where there is none.
import { describe, expect, it } from 'vitest'
import { mapOf, planMap } from '../../services/tune/disk-map.ts'
import type { MapLimits, MapRequest } from '../../services/tune/disk-map.ts'
import { madeUpLimits, madeUpMap } from './report-world.ts'

const runs = [madeUpLimits(1), madeUpLimits(2)]
const request: MapRequest = {
  measure: (_, { readsPerSecondMax, writeBytesPerSecondMax }) =>
    Promise.resolve(madeUpMap(readsPerSecondMax, writeBytesPerSecondMax)),
  budgetSeconds: 300,
  runs,
  signal: new AbortController().signal,
  onProgress: () => undefined,
}
const missing = async (changed: Partial<MapRequest>): Promise<string | null> =>
  (await mapOf({ ...request, ...changed })).mapMissing

describe('the map of the disk in a run of the tuner', () => {
  it('gets a tenth of the time from two minutes on, and never more than one', () => {
    expect([30, 119, 120, 300, 3600].map(planMap)).toEqual([0, 0, 12, 30, 60])
  })

  it('has rates that are shares of the last limits', async () => {
    const asked: [number, MapLimits][] = []
    const { map, mapMissing } = await mapOf({
      ...request,
      measure: (seconds, limits, ...rest) => {
        asked.push([seconds, limits])
        return request.measure(seconds, limits, ...rest)
      },
    })
    const { randomRead, sequentialWrite } = runs[1]!
    const limits = { readsPerSecondMax: randomRead.perSecond, writeBytesPerSecondMax: sequentialWrite.perSecond }
    expect(asked).toEqual([[30, limits]])
    expect(map?.cells).toHaveLength(25)
    expect(mapMissing).toBeNull()
  })

  it('says why there is none', async () => {
    expect(await missing({ budgetSeconds: 60 })).toMatch(/from --budget-seconds 120 on/)
    expect(await missing({ runs: [] })).toMatch(/limits that are not known/)
    const signal = AbortSignal.abort()
    const aborted = (): Promise<never> => Promise.reject(new Error('aborted'))
    expect(await missing({ signal, measure: aborted })).toMatch(/it was stopped before/)
    expect(await missing({ measure: () => Promise.reject(new Error('no room')) })).toBe('Not measured: no room.')
  })
})
