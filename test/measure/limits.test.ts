// The machine's limits: a real run on a file system in memory, where no figure is a device's and it must be said; then the checks, figure by figure.
import { existsSync, readdirSync, statfsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { limitChecks } from '../../services/measure/limit-checks.ts'
import type { LimitFigures, RampLimit } from '../../services/measure/limit-figures.ts'
import { measureLimits } from '../../services/measure/limits.ts'

const memoryFolder = '/dev/shm'
/** TMPFS_MAGIC of statfs(2). */
const isMemory = existsSync(memoryFolder) && statfsSync(memoryFolder).type === 0x01021994

const ramp = (perSecond: number, deviceShare: number | null = 1): RampLimit => {
  return { perSecond, depth: 1, points: [{ depth: 1, perSecond }], deviceShare }
}

/** A plausible disk. */
const disk: LimitFigures = {
  sequentialRead: ramp(2e9),
  sequentialWrite: ramp(1e9),
  randomRead: ramp(200_000),
  randomWrite: ramp(90_000),
  datasyncP50Ns: 300_000,
  datasyncP99Ns: 900_000,
  memoryCopyPerSecond: 10e9,
  cachedReadPerSecond: 8e9,
  direct: true,
}

const complaints = (changed: Partial<LimitFigures>): string[] =>
  limitChecks({ ...disk, ...changed }).flatMap(({ ok, name }) => (ok ? [] : [name]))

describe('the limits of a machine', () => {
  it.skipIf(!isMemory)(
    'of a file system in memory are figures of memory, which is said, and leave nothing behind',
    async () => {
      const before = readdirSync(memoryFolder)
      const steps: string[] = []
      const onProgress = (_: number, what: string): void => void steps.push(what)
      const limits = await measureLimits({ folder: memoryFolder, bytesMax: 16 << 20, seconds: 2, onProgress })
      for (const name of ['sequentialRead', 'sequentialWrite', 'randomRead', 'randomWrite'] as const) {
        const { perSecond, depth, points } = limits[name]
        expect(perSecond, name).toBe(Math.max(...points.map((point) => point.perSecond)))
        expect(points.find((point) => point.depth === depth)?.perSecond).toBe(perSecond)
      }
      expect(limits.memoryCopyPerSecond).toBeGreaterThan(0)
      expect(limits.cachedReadPerSecond).toBeGreaterThan(0)
      expect(limits.datasyncP99Ns).toBeGreaterThanOrEqual(limits.datasyncP50Ns)
      const failed = limits.checks.filter(({ ok }) => !ok).map(({ name }) => name)
      expect(failed).toEqual(expect.arrayContaining(['reads reach the device', 'writes reach the device']))
      expect(steps).toContain('random-write')
      expect(readdirSync(memoryFolder)).toEqual(before)
    },
  )

  it('are refused where no file can be made, with what to do', async () => {
    await expect(measureLimits({ folder: '/no/such/folder' })).rejects.toMatchObject({ name: 'DataError' })
    const tooMuch = measureLimits({ folder: '.', bytesMax: 2 ** 50 })
    await expect(tooMuch).rejects.toThrow(/are needed: choose another folder, or less data/)
  })
})

describe('the checks of limits', () => {
  it('find nothing wrong with a plausible disk', () => {
    expect(complaints({})).toEqual([])
  })

  it.each<[string, Partial<LimitFigures>]>([
    ['4 KiB reads within the bandwidth', { randomRead: ramp(1_000_000) }],
    ['4 KiB writes within the bandwidth', { randomWrite: ramp(400_000) }],
    ['4 KiB reads have a limit of their own', { randomRead: ramp(2e9 / (256 << 10)) }],
    ['4 KiB writes have a limit of their own', { randomWrite: ramp(1e9 / (16 << 10)) }],
    ['sequential read not above memory', { sequentialRead: ramp(20e9) }],
    ['reads reach the device', { sequentialRead: ramp(2e9, 0.1) }],
    ['writes reach the device', { sequentialWrite: ramp(1e9, 0) }],
    ["writes are the device's", { sequentialWrite: ramp(3.1e9) }],
    ['fdatasync is plausible', { datasyncP50Ns: 12_000 }],
  ])('complain: %s', (name, changed) => {
    expect(complaints(changed)).toEqual([name])
  })

  it('say that figures are the page cache’s where there is no O_DIRECT, and believe a kernel that keeps no account', () => {
    expect(complaints({ direct: false })).toEqual(['reads reach the device', 'writes reach the device'])
    expect(complaints({ sequentialRead: ramp(2e9, null), sequentialWrite: ramp(1e9, null) })).toEqual([])
  })
})
