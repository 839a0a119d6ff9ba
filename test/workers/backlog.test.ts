// The backlog: first in, first out, groups whole, entries unchanged, also where its counters wrap.
import { describe, expect, it } from 'vitest'
import { Backlog } from '../../workers/backlog.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

describe('a backlog', () => {
  it('has room for its capacity and not for one more', () => {
    const backlog = new Backlog(5)
    expect(backlog.hasRoom(5)).toBe(true)
    expect(backlog.hasRoom(6)).toBe(false)
    for (let slot = 0; slot < 5; slot++) backlog.reserve(slot, 1)
    expect(backlog.hasRoom(0)).toBe(true)
    expect(backlog.hasRoom(1)).toBe(false)
  })

  it('of capacity 0 has room for nothing', () => {
    const backlog = new Backlog(0)
    expect(backlog.hasRoom(1)).toBe(false)
    expect(backlog.headGroup).toBe(0)
  })

  it('gives groups out whole and in order, against a model', () => {
    const random = seededRandom(testSeed('backlog'))
    const backlog = new Backlog(23)
    const model: { slot: number; size: number }[][] = []
    let queued = 0
    let next = 0
    const target = new Int32Array(64)
    for (let step = 0; step < 50_000; step++) {
      const size = 1 + Math.floor(random() * 4)
      expect(backlog.hasRoom(size)).toBe(queued + size <= 23)
      if (random() < 0.5 && backlog.hasRoom(size)) {
        const group = Array.from({ length: size }, () => ({ slot: next++ & 0xffff, size }))
        group.forEach(({ slot }, index) => {
          const at = backlog.reserve(slot, index === 0 ? size : 0)
          backlog.words.fill(slot, at, at + 16)
        })
        model.push(group)
        queued += size
      } else {
        const group = model.shift()
        expect(backlog.headGroup).toBe(group?.length ?? 0)
        group?.forEach(({ slot }, index) => {
          expect(backlog.slotAt(0)).toBe(slot)
          if (random() < 0.2) backlog.drop()
          else {
            backlog.shiftTo(target, index * 16)
            expect(new Set(target.subarray(index * 16, index * 16 + 16))).toEqual(new Set([slot]))
          }
        })
        queued -= group?.length ?? 0
      }
      expect(backlog.length).toBe(queued)
    }
  })
})
