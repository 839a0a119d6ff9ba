// How often a resident service whose thread ends is started again, and where it is found: by URL or path.
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Restarts, endsMax, quietMs } from '../../../services/residents/restarts.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { eventually } from '../harness.ts'

const ending = new URL('./ending-service.mjs', import.meta.url)

describe('an instance whose thread has ended is started again', () => {
  it('at once first, then later and later, and not after ten ends in a row', () => {
    const restarts = new Restarts()
    const waits = Array.from({ length: endsMax }, (_, index) => {
      restarts.started(0, index * quietMs)
      return restarts.ended(0, index * quietMs + quietMs - 1)
    })
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000, null])
  })

  it('at once again when it had lived for a while', () => {
    const restarts = new Restarts()
    for (let index = 0; index < 3; index++) restarts.ended(0, 0)
    restarts.started(0, 100)
    expect(restarts.ended(0, 100 + quietMs)).toBe(10)
    restarts.started(0, 5000)
    expect(restarts.ended(0, 5001)).toBe(20)
  })

  it('on each ring for itself', () => {
    const restarts = new Restarts()
    for (let index = 0; index < endsMax; index++) restarts.ended(0, 0)
    expect(restarts.ended(1, 0)).toBe(10)
  })

  it(
    'and one that always ends its thread is given up, and told of; the rings go on',
    { timeout: 120_000 },
    async () => {
      await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
      const starts = new SharedArrayBuffer(4)
      const codes: (string | undefined)[] = []
      const service = await rings.startService(fileURLToPath(ending), {
        data: { starts },
        onFailure: (error) => codes.push((error as { code?: string }).code),
      })
      expect(await eventually(() => codes.at(-1) === 'ERR_RING_SERVICE_GIVEN_UP', 90_000)).toBe(true)
      expect(new Set(codes.slice(0, -1))).toEqual(new Set(['ERR_RING_WORKER_LOST']))
      const started = new Int32Array(starts)[0]!
      expect(started).toBeGreaterThanOrEqual(endsMax)
      expect(await eventually(() => rings.stats().rings[0]!.workerState === 'well', 30_000)).toBe(true)
      await rings.nop()
      await service.stop()
      expect(new Int32Array(starts)[0]).toBe(started)
      expect(rings.stats().clients).toEqual([])
    },
  )
})

describe('a service is named', () => {
  it.each(['./service.mjs', 'service.mjs', ''])('by a URL or an absolute path, not by %j', async (url) => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    await expect(rings.startService(url)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringMatching(/new URL\('\.\/service\.mjs', import\.meta\.url\), or an absolute path/) as string,
    })
  })
})
