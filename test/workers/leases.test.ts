// Leases: never two holders of one, in the order of asking, and any number of those who give theirs back at once.
import { describe, expect, it } from 'vitest'
import { Leases } from '../../workers/leases.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

describe('leases', () => {
  it('have one holder each and are granted in the order of asking', () => {
    const random = seededRandom(testSeed('leases'))
    const leases = new Leases(Buffer.alloc(5 * 16), 5, 16)
    const held = new Set<number>()
    let asked = 0
    let granted = 0
    const hold = (lease: number): void => {
      expect(lease).toBeGreaterThanOrEqual(0)
      expect(lease).toBeLessThan(5)
      expect(held.has(lease)).toBe(false)
      held.add(lease)
    }
    for (let step = 0; step < 50_000; step++) {
      if (random() < 0.52) {
        const lease = leases.tryLease()
        if (lease >= 0) hold(lease)
        else {
          const number = asked++
          leases.wait((later) => {
            expect(number).toBe(granted++)
            hold(later)
          })
        }
      } else if (held.size > 0) {
        const lease = [...held][Math.floor(random() * held.size)]!
        held.delete(lease)
        leases.release(lease)
      }
      expect(leases.queued).toBe(asked - granted)
      expect(leases.queued === 0 || held.size === 5).toBe(true)
    }
  })

  it('may be given back by each of a hundred thousand as soon as it is granted', () => {
    const leases = new Leases(Buffer.alloc(16), 1, 16)
    const lease = leases.tryLease()
    let granted = 0
    for (let waiting = 0; waiting < 100_000; waiting++) {
      leases.wait((later) => {
        granted++
        leases.release(later)
      })
    }
    leases.release(lease)
    expect({ granted, queued: leases.queued, next: leases.tryLease() }).toEqual({
      granted: 100_000,
      queued: 0,
      next: 0,
    })
  })
})
