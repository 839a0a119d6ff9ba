// When a client publishes, looks, sleeps and rests: the pump over a ring made of a few numbers, so that nothing depends on
// a kernel or a clock.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { IdleStrategy } from '../../workers/idle-strategy.ts'
import { Pump } from '../../workers/pump.ts'
import type { Pumped } from '../../workers/pump.ts'

/** A ring whose requests complete when the test says so, or at once. */
class FakeRing implements Pumped {
  inFlight = 0
  claimed = 0
  completed = 0
  completesAtOnce = false
  listening = false
  mayListen = true
  referenced = false
  readonly log: string[] = []
  onSettle: (count: number) => void = () => undefined
  readonly pump: Pump
  constructor(spinNs: number) {
    this.pump = new Pump(this, new IdleStrategy(spinNs))
  }
  get busy(): boolean {
    return this.inFlight + this.claimed > 0
  }
  claim(count = 1): void {
    this.claimed += count
    this.pump.schedule()
  }
  /** `count` requests are over. A client that sleeps is woken, as by the eventfd. */
  complete(count: number): void {
    this.completed += count
    if (!this.listening) return
    this.log.push('eventfd')
    this.pump.wake()
  }
  publish(): void {
    if (this.claimed > 0) this.log.push(`publish ${this.claimed}`)
    this.inFlight += this.claimed
    if (this.completesAtOnce) this.completed += this.claimed
    this.claimed = 0
  }
  hasCompletions(): boolean {
    return this.completed > 0
  }
  reap(): number {
    const count = this.completed
    this.completed = 0
    this.inFlight -= count
    if (count > 0) this.onSettle(count)
    return count
  }
  attend(): void {
    this.log.push('turn')
  }
  listen(): boolean {
    this.listening = this.mayListen
    this.log.push(this.mayListen ? 'sleep' : 'stay awake')
    return this.mayListen
  }
  silence(): void {
    this.listening = false
    this.log.push('silence')
  }
  setReferenced(referenced: boolean): void {
    this.referenced = referenced
  }
  rested(): void {
    this.log.push('rested')
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

it('publishes once for everything claimed in one run of code', async () => {
  const ring = new FakeRing(0)
  ring.claim()
  ring.claim(3)
  expect(ring.log).toEqual([])
  await Promise.resolve()
  expect(ring.log).toEqual(['publish 4'])
})

it('settles what completes at once without a turn, and rests', async () => {
  const ring = new FakeRing(0)
  ring.completesAtOnce = true
  ring.claim(5)
  await Promise.resolve()
  expect(ring.log).toEqual(['publish 5', 'rested'])
  await turns(3)
  expect(ring.log).toEqual(['publish 5', 'rested'])
})

it('bounds what it settles between two turns: timers and other I/O get theirs', async () => {
  const ring = new FakeRing(0)
  ring.completesAtOnce = true
  let settled = 0
  let atTurn = -1
  ring.onSettle = (count) => {
    settled += count
    if (settled < 100_000) void Promise.resolve().then(() => ring.claim(count))
  }
  ring.claim(64)
  setImmediate(() => {
    atTurn = settled
  })
  await turns(1)
  expect(atTurn).toBeGreaterThan(0)
  expect(atTurn).toBeLessThan(1000)
})

it('sleeps referenced while something is in flight and wakes by the eventfd', async () => {
  const ring = new FakeRing(0)
  ring.claim()
  await turns(2)
  expect(ring.log).toEqual(['publish 1', 'turn', 'sleep'])
  expect(ring.referenced).toBe(true)
  await turns(5)
  expect(ring.log).toHaveLength(3) // no turn while it sleeps
  ring.complete(1)
  expect(ring.log.slice(3)).toEqual(['eventfd', 'silence', 'turn', 'rested'])
  expect(ring.referenced).toBe(false)
  await turns(3)
  expect(ring.log.slice(7)).toEqual([])
})

it('looks on while this is no time to sleep', async () => {
  const ring = new FakeRing(0)
  ring.mayListen = false
  ring.claim()
  await turns(5)
  expect(ring.log.filter((entry) => entry === 'turn').length).toBeGreaterThan(2)
  expect(ring.log).not.toContain('sleep')
})

it('is woken by a claim too, and then wants no eventfd', async () => {
  const ring = new FakeRing(0)
  ring.claim()
  await turns(2)
  expect(ring.listening).toBe(true)
  ring.claim()
  await Promise.resolve()
  expect(ring.log.slice(3, 5)).toEqual(['publish 1', 'silence'])
  expect(ring.listening).toBe(false)
})

it('wants no eventfd after it has found everything by itself', async () => {
  const ring = new FakeRing(0)
  ring.claim()
  await turns(2)
  expect(ring.listening).toBe(true)
  ring.completesAtOnce = true
  ring.completed = 1
  ring.claim()
  await Promise.resolve()
  expect({ inFlight: ring.inFlight, listening: ring.listening }).toEqual({ inFlight: 0, listening: false })
})

it('spins before it sleeps', async () => {
  const ring = new FakeRing(60_000_000_000)
  ring.claim()
  await turns(20)
  expect(ring.log).not.toContain('sleep')
  expect(ring.referenced).toBe(false) // its immediates keep the process alive
  ring.pump.stop()
})

it('does nothing more once stopped', async () => {
  const ring = new FakeRing(0)
  ring.claim()
  await turns(2)
  ring.pump.stop()
  expect(ring.referenced).toBe(false)
  const { length } = ring.log
  ring.pump.wake()
  ring.claim()
  await turns(3)
  expect(ring.log).toHaveLength(length)
})
