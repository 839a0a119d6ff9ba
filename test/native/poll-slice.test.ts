// pollSlice(), the native half of the `worker` poller: it takes what is published, says when it sleeps, hears the stop word, gives
// the thread back in time, and never sleeps through a publication.
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqFlag } from '../../native/abi.ts'
import { PollState, binding } from '../../native/binding.ts'
import { Control } from '../../native/layout.ts'
import { prepNop } from '../../native/operations/control.ts'
import { printSeed, seed } from './support/random.ts'
import { startThread } from './support/programs.ts'
import { controlBytes, openTestRing, reserve } from './support/rings.ts'
import type { TestRing } from './support/rings.ts'

const addon = binding()
const second = 1_000_000_000
let test1: TestRing

beforeEach(() => {
  test1 = openTestRing({ sqEntries: 8, cqEntries: 16 })
})

afterEach(() => {
  test1.close()
})

function slice(sliceNs: number, spinNs: number, ringFd = test1.geometry.ringFd): { enters: number; state: number } {
  const { geometry, ring, memory, place } = test1
  const { sqHead, sqTail, sqFlags } = geometry
  const outcome = addon.pollSlice(
    ringFd,
    ring.words,
    sqHead,
    sqTail,
    sqFlags,
    controlBytes(memory, place),
    sliceNs,
    spinNs,
  )
  return outcome < 0 ? { enters: 0, state: outcome } : { enters: Math.floor(outcome / 4), state: outcome % 4 }
}

function publishNops(count: number): void {
  for (let id = 0; id < count; id++) prepNop(test1.ring.sqes, reserve(test1.ring, id), 0)
  test1.ring.publish()
}

describe('a slice', () => {
  test('takes everything that is published, in one system call, then sleeps', () => {
    publishNops(8)
    expect(slice(second, 0)).toEqual({ enters: 1, state: PollState.idle })
    expect(test1.ring.unconsumed).toBe(0)
    expect(test1.reap().map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('says NEED_WAKEUP as it falls asleep, and the next one takes it back', () => {
    expect(test1.ring.needsWakeup()).toBe(false)
    expect(slice(second, 0).state).toBe(PollState.idle)
    expect(test1.ring.needsWakeup()).toBe(true)
    // Its time is up at once, long before it has been idle for long enough.
    expect(slice(0, second).state).toBe(PollState.sliceElapsed)
    expect(test1.ring.needsWakeup()).toBe(false)
  })

  test('leaves the kernel’s own flags alone', () => {
    const { ring, geometry } = test1
    Atomics.or(ring.words, geometry.sqFlags, 1 << 20)
    slice(second, 0)
    expect(Atomics.load(ring.words, geometry.sqFlags)).toBe((1 << 20) | SqFlag.NEED_WAKEUP)
    slice(0, second)
    expect(Atomics.load(ring.words, geometry.sqFlags)).toBe(1 << 20)
  })

  test('returns when its time is up, idle', () => {
    const startedMs = performance.now()
    expect(slice(20_000_000, 3600 * second).state).toBe(PollState.sliceElapsed)
    // At least its time; how much more is up to the machine.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(19)
  })

  test('returns when its time is up, busy', async () => {
    // Entries without end: another thread publishes as fast as this one takes.
    const shared = new Int32Array(new SharedArrayBuffer(4))
    const { memory, place, geometry } = test1
    const thread = startThread('publisher', { workerData: { memory, place, geometry, shared, seed, endless: true } })
    await once(thread, 'message')
    const outcome = slice(20_000_000, 3600 * second)
    Atomics.store(shared, 0, 1)
    expect(outcome.state).toBe(PollState.sliceElapsed)
    await once(thread, 'exit')
  })

  test('returns at once when it is told to stop, without sleeping first', () => {
    Atomics.store(test1.control, Control.stop >> 2, 1)
    publishNops(3)
    expect(slice(second, 0)).toEqual({ enters: 0, state: PollState.stopped })
    expect(test1.ring.needsWakeup()).toBe(false)
    expect(test1.ring.unconsumed).toBe(3)
  })

  test('hears the stop word while it polls', async () => {
    const thread = startThread('stopper', { workerData: { control: test1.control } })
    await once(thread, 'message')
    expect(slice(3600 * second, 3600 * second).state).toBe(PollState.stopped)
    await once(thread, 'exit')
  })

  test('brings in completions that did not fit the CQ', () => {
    for (let round = 0; round < 4; round++) {
      publishNops(8)
      slice(second, 0)
    }
    expect(test1.ring.overflowed()).toBe(true)
    // While there is no room it does not stay awake for them either.
    expect(slice(3600 * second, 0).state).toBe(PollState.idle)
    let seen = test1.reap().length
    for (let round = 0; round < 4 && seen < 32; round++) {
      slice(second, 0)
      seen += test1.reap().length
    }
    expect(seen).toBe(32)
    expect(test1.ring.overflowed()).toBe(false)
  })

  test('on a descriptor that is no ring gives the kernel’s answer', () => {
    publishNops(1)
    expect(slice(second, 0, 99_999).state).toBe(-9)
  })
})

describe('against a producer in another thread (seeded races)', () => {
  test.each([0, 1_000, 20_000])(
    'no publication is slept through: sleeping after %d ns without work',
    async (spinNs) => {
      printSeed(`pollSlice, ${spinNs} ns`)
      const total = 30_000
      const wakeFd = addon.eventfd()
      const shared = new Int32Array(new SharedArrayBuffer(4))
      const { memory, place, geometry } = test1
      let asleep = false
      let sleeps = 0
      let stopped = (): void => undefined
      const finished = new Promise<void>((resolve) => {
        stopped = resolve
      })
      // The worker poller's own loop (workers/worker-poller.ts).
      const run = (): void => {
        const { state } = slice(2_000_000, spinNs)
        if (state === PollState.sliceElapsed) setImmediate(run)
        else if (state === PollState.idle) {
          asleep = true
          sleeps++
        } else stopped()
      }
      const watcher = new addon.Watcher(wakeFd, () => {
        if (!asleep) return
        asleep = false
        run()
      })
      watcher.ref()
      run()
      const thread = startThread('publisher', {
        workerData: { memory, place, geometry, shared, seed, total, wakeFd, control: test1.control },
      })
      const [outcome] = (await once(thread, 'message')) as [{ completed: number; doubled: number; wakeups: number }]
      await finished
      watcher.close()
      addon.closeFd(wakeFd)
      expect(outcome.completed).toBe(total)
      expect(outcome.doubled).toBe(0)
      // A race that never slept has proved nothing.
      expect(sleeps).toBeGreaterThan(10)
    },
  )
})
