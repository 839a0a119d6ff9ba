// Which groups may enter a ring, as barriers say: the order alone, without queues or a ring.
import { describe, expect, it } from 'vitest'
import { Eras } from '../../workers/eras.ts'

const due = (eras: Eras, era: number): boolean => era < eras.limit

function barrier(eras: Eras): number {
  eras.begin()
  return eras.stamp()
}

describe('eras', () => {
  it('let everything in while there is no barrier', () => {
    const eras = new Eras()
    expect(eras.open).toBe(true)
    expect(due(eras, eras.stamp())).toBe(true)
    expect(eras.pass(Infinity)).toBe(false)
  })

  it('let in what was before a barrier, then the barrier alone, then what follows', () => {
    const eras = new Eras()
    const before = eras.stamp()
    const first = barrier(eras)
    const behind = eras.stamp()
    expect([before, first, behind].map((era) => due(eras, era))).toEqual([true, false, false])
    expect(eras.pass(before)).toBe(false) // of the same era somebody waits yet
    expect(eras.pass(first)).toBe(true)
    expect([first, behind].map((era) => due(eras, era))).toEqual([true, false])
    expect(eras.pass(first)).toBe(false) // it waits for room
    expect(eras.pass(behind)).toBe(true)
    expect({ open: eras.open, due: due(eras, behind) }).toEqual({ open: true, due: true })
  })

  it('keep barriers apart from each other, and what is between them', () => {
    const eras = new Eras()
    const order = [barrier(eras), eras.stamp(), barrier(eras), barrier(eras), eras.stamp()]
    for (let next = 0; next < order.length; next++) {
      while (!due(eras, order[next]!)) expect(eras.pass(order[next]!)).toBe(true)
      expect(order.slice(next + 1).some((era) => due(eras, era))).toBe(false)
    }
    expect(eras.pass(Infinity)).toBe(false)
    expect(eras.open).toBe(true)
  })

  it('forget a barrier that was cancelled while it waited, the first or another', () => {
    const eras = new Eras()
    const [first, second] = [barrier(eras), barrier(eras)]
    const behind = eras.stamp()
    eras.drop(first)
    expect([due(eras, second), due(eras, behind)]).toEqual([false, false])
    eras.drop(second)
    expect({ open: eras.open, due: due(eras, behind) }).toEqual({ open: true, due: true })
    eras.drop(behind) // no barrier: nothing changes
    expect(due(eras, behind)).toBe(true)
  })

  it('forget a barrier that was refused, and nobody passes it before it was claimed', () => {
    const eras = new Eras()
    const before = eras.stamp()
    eras.begin()
    expect(eras.pass(Infinity)).toBe(false)
    eras.revoke()
    expect({ open: eras.open, era: eras.stamp() }).toEqual({ open: true, era: before })
  })
})
