// The addon in several threads of one process at once, the test itself in one of them: state of one is never seen by another.
import { once } from 'node:events'
import { isMainThread } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { binding } from '../../native/binding.ts'
import { prepNop } from '../../native/operations/control.ts'
import { descriptors, eventually, kernelThreads, ringDescriptors, ringMappings } from './support/process-state.ts'
import { printSeed, randomFrom, seed } from './support/random.ts'
import { startThread } from './support/programs.ts'
import { openTestRing, reserve } from './support/rings.ts'

interface Outcome {
  readonly completed: number
  readonly sum: number
  readonly threadId: number
}

describe('the addon, loaded by a worker thread of the test runner', () => {
  test('is not in the main thread here, or this file proves nothing', () => {
    expect(isMainThread).toBe(false)
  })

  test('eight threads use rings of their own at the same time, thrice over, and this one does meanwhile', async () => {
    printSeed('threads')
    const random = randomFrom(seed)
    const operations = 3000
    const { ring, submit, wait, reap, close } = openTestRing()
    const ids = new Set<number>([binding().threadId()])
    for (let round = 0; round < 3; round++) {
      const threads = Array.from({ length: 8 }, () =>
        startThread('ring-user', { workerData: { seed: random.below(2 ** 31), operations } }),
      )
      const outcomes = Promise.all(
        threads.map(async (thread) => {
          const exit = once(thread, 'exit')
          const [outcome] = (await once(thread, 'message')) as [Outcome]
          const [code] = (await exit) as [number]
          return { ...outcome, code }
        }),
      )
      for (let id = 0; id < 100; id++) {
        prepNop(ring.sqes, reserve(ring, id), 0)
        submit()
        wait(1)
        expect(reap()).toEqual([{ id, result: 0, flags: 0 }])
        if (id % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      for (const { completed, sum, threadId, code } of await outcomes) {
        expect({ completed, sum, code }).toEqual({
          completed: operations,
          sum: (operations * (operations - 1)) / 2,
          code: 0,
        })
        ids.add(threadId)
      }
    }
    expect(ids.size).toBeGreaterThanOrEqual(9)
    close()
    expect(ringDescriptors()).toEqual([])
    expect(ringMappings()).toEqual([])
    expect(await eventually(() => kernelThreads().length === 0)).toBe(true)
  })

  test('holds are numbered for each thread, and let go of in the thread that has them', async () => {
    const { control } = openTestRing()
    const before = Atomics.load(control, 1)
    const threads = Array.from({ length: 4 }, (_, index) =>
      startThread('ring-user', { workerData: { seed: seed + index, operations: 50 } }),
    )
    await Promise.all(threads.map((thread) => once(thread, 'exit')))
    expect(Atomics.load(control, 1)).toBe(before)
  })

  test('threads that end while others load it leave nothing behind', async () => {
    const before = descriptors()
    const random = randomFrom(seed)
    for (let round = 0; round < 10; round++) {
      const threads = Array.from({ length: 4 }, () =>
        startThread('ring-user', { workerData: { seed: random.below(2 ** 31), operations: 100_000_000 } }),
      )
      await new Promise((resolve) => setTimeout(resolve, random.below(80)))
      await Promise.all(threads.map((thread) => thread.terminate()))
    }
    expect(await eventually(() => kernelThreads().length === 0)).toBe(true)
    // Its eventfd is nobody's but the thread's own, which had no time to close it; so is a module that it was reading
    // when it ended, which is Node's matter. Nothing else may be left.
    const added = () => {
      const known = [...before]
      return descriptors().filter((name) => {
        const index = known.indexOf(name)
        if (index >= 0) known.splice(index, 1)
        return index < 0 && name !== 'anon_inode:[eventfd]' && !name.startsWith('/')
      })
    }
    await eventually(() => added().length === 0)
    expect(added()).toEqual([])
    expect(ringMappings()).toEqual([])
  })
})
