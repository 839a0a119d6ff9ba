// Turns: everybody gets the same number of entries, chains go whole, nobody waits for ever. Against random queues, and a ring of a
// few numbers.
import { describe, expect, it } from 'vitest'
import { Backlog } from '../../workers/backlog.ts'
import { Turns } from '../../workers/turns.ts'
import type { Queue } from '../../workers/turns.ts'
import { seededRandom, testSeed } from '../services/harness.ts'

class View implements Queue {
  readonly backlog = new Backlog(4096)
  deficit = 0
  sent = 0
  inFlight = 0
  readonly inFlightMax: number
  constructor(inFlightMax = Infinity) {
    this.inFlightMax = inFlightMax
  }
  wait(group = 1): this {
    for (let entry = 0; entry < group; entry++) this.backlog.reserve(0, entry === 0 ? group : 0)
    return this
  }
  allows(group: number): boolean {
    return this.inFlight + group <= this.inFlightMax
  }
  moved(group: number): void {
    this.sent += group
    this.inFlight += group
  }
}

/** Gives `room` entries away. Returns whether somebody still waits for room. */
function give(turns: Turns, room: number): boolean {
  let left = room
  return turns.run(
    (group) => group <= left,
    (backlog, group) => {
      left -= group
      for (let entry = 0; entry < group; entry++) backlog.drop()
    },
  )
}

const views = (count: number, waiting: number): { turns: Turns; all: View[] } => {
  const turns = new Turns()
  const all = Array.from({ length: count }, () => new View())
  for (const view of all) {
    for (let entry = 0; entry < waiting; entry++) view.wait()
    turns.add(view)
  }
  return { turns, all }
}

describe('turns', () => {
  it('give each of three the same, whoever waits with how much', () => {
    const { turns, all } = views(3, 1000)
    for (let request = 0; request < 3000; request++) all[0]!.wait()
    for (let round = 0; round < 100; round++) expect(give(turns, 9)).toBe(true)
    const sent = all.map((view) => view.sent)
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(16)
    expect(sent.reduce((sum, count) => sum + count)).toBe(900)
  })

  it('let everybody go where there is room for all', () => {
    const { turns, all } = views(5, 100)
    expect(give(turns, 500)).toBe(false)
    expect(all.map((view) => view.sent)).toEqual([100, 100, 100, 100, 100])
  })

  it('keep nobody waiting for one who is held up by a limit of his own', () => {
    const { turns, all } = views(2, 50)
    const limited = new View(3)
    for (let entry = 0; entry < 10; entry++) limited.wait()
    turns.add(limited)
    expect(give(turns, 1000)).toBe(false)
    expect([limited.sent, ...all.map((view) => view.sent)]).toEqual([3, 50, 50])
    limited.inFlight = 0
    expect(give(turns, 1000)).toBe(false)
    expect(limited.sent).toBe(6)
  })

  it('let a chain that is longer than a turn go when it has saved up for it, and whole', () => {
    const { turns, all } = views(2, 400)
    const chain = new View().wait(60)
    turns.add(chain)
    for (let round = 0; round < 40 && chain.sent === 0; round++) give(turns, 60)
    expect(chain.sent).toBe(60)
    expect(all[0]!.sent).toBeGreaterThanOrEqual(48) // others went meanwhile
  })

  it('let nobody overtake a chain whose turn it is and who waits for room', () => {
    const { turns, all } = views(1, 100)
    const chain = new View().wait(10)
    turns.add(chain)
    give(turns, 16) // the other's turn
    expect(give(turns, 9)).toBe(true)
    expect(give(turns, 9)).toBe(true)
    expect({ chain: chain.sent, other: all[0]!.sent }).toEqual({ chain: 0, other: 16 })
    give(turns, 10)
    expect(chain.sent).toBe(10)
  })

  it('forget nobody and lose nothing, with random chains, limits, room and latecomers', () => {
    const random = seededRandom(testSeed('turns'))
    for (let run = 0; run < 200; run++) {
      const turns = new Turns()
      const all = Array.from({ length: 1 + Math.floor(random() * 6) }, () => new View(8 + Math.floor(random() * 30)))
      const asked = new Map(all.map((view) => [view, 0]))
      for (let step = 0; step < 60; step++) {
        const view = all[Math.floor(random() * all.length)]!
        const group = 1 + Math.floor(random() * 8)
        view.wait(group)
        asked.set(view, asked.get(view)! + group)
        turns.add(view)
        turns.add(view) // twice is once
        give(turns, Math.floor(random() * 20))
        for (const each of all) expect(each.inFlight).toBeLessThanOrEqual(each.inFlightMax)
        if (random() < 0.5) all[Math.floor(random() * all.length)]!.inFlight = 0
      }
      for (let round = 0; round < 200; round++) {
        for (const view of all) view.inFlight = 0
        give(turns, 8)
      }
      expect(all.map((view) => view.sent)).toEqual(all.map((view) => asked.get(view)))
    }
  })
})
