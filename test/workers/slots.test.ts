// The slot table: no slot is two requests at once, none is lost, and a completion of an earlier life matches nothing.
import { describe, expect, it } from 'vitest'
import { ignoreResult } from '../../workers/completions.ts'
import { SlotState, SlotTable } from '../../workers/slots.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

describe('a slot table', () => {
  it('conserves its slots and ends a generation with each life, against a model', () => {
    const random = seededRandom(testSeed('slots'))
    const size = 17
    const slots = new SlotTable(size, ignoreResult)
    const live = new Map<number, number>()
    const past: [slot: number, generation: number][] = []
    for (let step = 0; step < 50_000; step++) {
      if (random() < 0.5 && slots.available > 0) {
        const slot = slots.claim(ignoreResult, { step }, step)
        expect(live.has(slot)).toBe(false)
        expect(slots.matches(slot, slots.generation[slot]!)).toBe(false) // not the kernel's yet
        slots.state[slot] = SlotState.submitted
        live.set(slot, slots.generation[slot]!)
        expect(slots.context[slot]).toBe(step)
      } else if (live.size > 0) {
        const [slot, generation] = [...live][Math.floor(random() * live.size)]!
        expect(slots.matches(slot, generation)).toBe(true)
        slots.free(slot)
        live.delete(slot)
        past.push([slot, generation])
        expect(slots.owner[slot]).toBeNull()
        expect(slots.context[slot]).toBeNull()
      }
      expect(slots.used).toBe(live.size)
      expect(slots.available).toBe(size - live.size)
    }
    expect(past.some(([slot, generation]) => slots.matches(slot, generation))).toBe(false)
  })

  it('matches nothing that is out of range', () => {
    const slots = new SlotTable(4, ignoreResult)
    for (const slot of [-1, 4, 2 ** 31 - 1, -(2 ** 31)]) expect(slots.matches(slot, 0)).toBe(false)
  })

  it('goes on where generations wrap at 2^32', () => {
    const slots = new SlotTable(1, ignoreResult)
    slots.generation[0] = 2 ** 31 - 1
    slots.free(slots.claim(ignoreResult, null, null))
    expect(slots.generation[0]).toBe(-(2 ** 31))
    slots.state[slots.claim(ignoreResult, null, null)] = SlotState.submitted
    expect(slots.matches(0, -(2 ** 31))).toBe(true)
  })

  it('settles the promise of the slot it is told, once', async () => {
    const slots = new SlotTable(3, ignoreResult)
    const claimed = [0, 1, 2].map(() => slots.claim(ignoreResult, null, null))
    const promises = claimed.map((slot) => slots.promise<number>(slot))
    slots.resolve(claimed[1]!, 'one')
    slots.resolve(claimed[1]!, 'again')
    slots.reject(claimed[0]!, new Error('zero'))
    slots.free(claimed[2]!)
    slots.resolve(claimed[2]!, 'nobody') // a freed slot has no promise any more
    await expect(promises[1]).resolves.toBe('one')
    await expect(promises[0]).rejects.toThrow('zero')
    expect(await Promise.race([promises[2], Promise.resolve('pending')])).toBe('pending')
  })
})
