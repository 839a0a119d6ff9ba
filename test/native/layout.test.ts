// The layout of a pool's memory: the control block as the addon has it, parts that never overlap, and room for what the kernel takes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { Control, controlVersion, pageBytes, placeRings, ringSizeBytes, sqesSizeBytes } from '../../native/layout.ts'
import type { PlaceSizes } from '../../native/layout.ts'
import { ringMappings } from './support/process-state.ts'
import { openTestRing } from './support/rings.ts'

describe('the control block', () => {
  const compiled = Object.fromEntries(
    Object.entries(binding().table()).flatMap(([name, value]) => {
      if (name === 'sizeof RingControl') return [['sizeBytes', value]]
      return name.startsWith('RingControl.') ? [[name.slice('RingControl.'.length), value]] : []
    }),
  ) as Record<string, number>

  test('has the addon’s fields at the addon’s offsets, neither more nor fewer', () => {
    expect(Control).toEqual(compiled)
  })

  test('has the addon’s version', () => {
    expect(controlVersion).toBe(binding().table()['RingControl version'])
  })

  test('keeps words that different threads write two cache lines apart', () => {
    const { stop, in_flight: inFlight, heartbeat, map_sqes_bytes: lastCold } = Control
    expect([stop - lastCold, inFlight - stop, heartbeat - inFlight].every((bytes) => bytes >= 64)).toBe(true)
    expect([stop, inFlight, heartbeat].map((offset) => offset % 128)).toEqual([0, 0, 0])
  })
})

describe('placeRings()', () => {
  const sizes: fc.Arbitrary<PlaceSizes> = fc.record({
    sqEntries: fc.integer({ min: 1, max: 32768 }),
    cqEntries: fc.integer({ min: 1, max: 65536 }),
    slots: fc.integer({ min: 0, max: 100_000 }),
    leasesSizeBytes: fc.integer({ min: 0, max: 10_000_000 }),
    metricsSizeBytes: fc.integer({ min: 0, max: 100_000 }),
  })

  test('gives every part whole pages of its own, one after the other, and all of the memory to some part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), sizes, (count, given) => {
        const { places, sizeBytes } = placeRings(count, given)
        expect(places).toHaveLength(count)
        const parts = places.flatMap((place) => [
          [place.controlOffsetBytes, Control.sizeBytes],
          [place.ringOffsetBytes, place.ringSizeBytes],
          [place.sqesOffsetBytes, place.sqesSizeBytes],
          [place.scratchOffsetBytes, given.slots * 512],
          [place.leasesOffsetBytes, given.leasesSizeBytes],
          [place.metricsOffsetBytes, given.metricsSizeBytes],
        ]) as [number, number][]
        let end = 0
        for (const [offset, size] of parts) {
          expect(offset).toBe(end)
          expect(offset % pageBytes).toBe(0)
          end = offset + Math.ceil(size / pageBytes) * pageBytes
        }
        expect(sizeBytes).toBe(end)
      }),
    )
  })

  test('leaves room for the entries the kernel makes of those asked for: the next power of two', () => {
    expect(ringSizeBytes(1000, 1025)).toBe(ringSizeBytes(1024, 2048))
    expect(sqesSizeBytes(1000)).toBe(1024 * 64)
    expect(sqesSizeBytes(1)).toBe(pageBytes)
    expect(ringSizeBytes(32768, 65536)).toBeGreaterThanOrEqual(32768 * 4 + 65536 * 16)
  })

  // The kernel's own account of how much it maps: /proc/self/maps of a ring whose memory it made itself, with its SQ array.
  test.each([1, 2, 8, 100, 1024, 32768])('is not smaller than what the kernel takes for %d entries', (sqEntries) => {
    const ring = openTestRing({ sqEntries, cqEntries: 2 * sqEntries, memory: 'mapped', flags: SetupFlag.CLAMP })
    const mapped = ringMappings().map((line) => {
      const [from, to] = line.split(' ')[0]!.split('-')
      return Number.parseInt(to!, 16) - Number.parseInt(from!, 16)
    })
    ring.close()
    expect(mapped).toHaveLength(2)
    const [less, more] = mapped.sort((one, other) => one - other)
    const ours = [ring.place.ringSizeBytes, ring.place.sqesSizeBytes].sort((one, other) => one - other)
    expect(less).toBeLessThanOrEqual(ours[0]!)
    expect(more).toBeLessThanOrEqual(ours[1]!)
  })
})
