// What the foreground feels of background: its latency as a multiple of what it is alone.
import { expect, it } from 'vitest'
import { Op } from '../../native/abi.ts'
import { ForegroundLatency } from '../../workers/foreground-latency.ts'

const samples = (latency: ForegroundLatency, op: number, latencyMs: number, count = 10): void => {
  for (let sample = 0; sample < count; sample++) latency.sample(op, latencyMs)
}

it('says nothing of an interval without requests', () => {
  expect(new ForegroundLatency().endInterval(false)).toBe(0)
})

it('does not know the unloaded latency before background was held back once', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 1)
  expect(latency.endInterval(false)).toBe(Infinity)
  samples(latency, Op.READ, 1)
  expect(latency.endInterval(true)).toBe(1)
  samples(latency, Op.READ, 1)
  expect(latency.endInterval(false)).toBe(1)
})

it('rises with the latency, smoothly, and falls with it', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 1)
  latency.endInterval(true)
  const ratios = [10, 10, 10, 1, 1, 1].map((latencyMs) => {
    samples(latency, Op.READ, latencyMs)
    return latency.endInterval(false)
  })
  expect(ratios[0]).toBeGreaterThan(2)
  expect(ratios[0]).toBeLessThan(10)
  expect(ratios[2]).toBeGreaterThan(ratios[0]!)
  expect(ratios[5]).toBeLessThan(ratios[2]!)
})

it('compares each operation with itself: a program that begins to fsync has not become slower', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 0.1)
  samples(latency, Op.FSYNC, 20)
  latency.endInterval(true)
  samples(latency, Op.FSYNC, 20)
  expect(latency.endInterval(false)).toBeCloseTo(1)
})

it('takes for unloaded what the foreground costs itself', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 5)
  latency.endInterval(true)
  samples(latency, Op.READ, 6)
  expect(latency.endInterval(false)).toBeLessThan(1.3)
})

it('does not measure below what it can see', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 0.002)
  latency.endInterval(true)
  samples(latency, Op.READ, 0.03)
  expect(latency.endInterval(false)).toBe(1)
})

it.each(['TIMEOUT', 'POLL_ADD', 'RECV', 'ACCEPT', 'FUTEX_WAIT', 'WAITID', 'MSG_RING'] as const)(
  'leaves out %s, which waits for others',
  (name) => {
    const latency = new ForegroundLatency()
    samples(latency, Op[name], 10_000)
    expect(latency.endInterval(false)).toBe(0)
  },
)

it('is not misled for long by a read that waited for a writer', () => {
  const latency = new ForegroundLatency()
  samples(latency, Op.READ, 1)
  latency.endInterval(true)
  samples(latency, Op.READ, 1, 1000)
  latency.sample(Op.READ, 3_600_000)
  expect(latency.endInterval(false)).toBeLessThan(2)
})
