// The Ring on real rings: each entry comes back once, whoever consumes the queue, whoever's memory it is in, full or nearly empty.
import { readSync, writeSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { EnterFlag, Op, RegisterOp, SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { prepNop } from '../../native/operations/control.ts'
import { prepRead } from '../../native/operations/files.ts'
import type { MemoryKind } from '../../native/ring-geometry.ts'
import { makePipe } from './support/pipe.ts'
import type { Pipe } from './support/pipe.ts'
import { eventually } from './support/process-state.ts'
import { printSeed, randomFrom, seed } from './support/random.ts'
import { openTestRing, reserve } from './support/rings.ts'
import type { RingRequest, TestRing } from './support/rings.ts'
import { runForResult } from './support/programs.ts'

const opened: TestRing[] = []
const open = (request: RingRequest): TestRing => {
  const ring = openTestRing(request)
  opened.push(ring)
  return ring
}
afterEach(() => {
  for (const ring of opened.splice(0)) ring.close()
})

const kinds: readonly MemoryKind[] = ['user', 'mapped']
const consumers = [
  ['the caller', 0],
  ['the kernel’s thread', SetupFlag.SQPOLL],
] as const

describe.each(kinds)('in %s memory', (memory) => {
  describe.each(consumers)('consumed by %s', (_, flags) => {
    test.each([1, 2, 8, 128, 1024, 4096, 32768])(
      'every one of N nops comes back exactly once: %d entries',
      (sqEntries) => {
        printSeed(`nops, ${memory}, ${sqEntries} entries`)
        const random = randomFrom(seed)
        const { ring, submit, wait, reap } = open({ sqEntries, memory, flags })
        const total = Math.max(1000, sqEntries * 3)
        const seen = new Uint8Array(total)
        let next = 0
        let outstanding = 0
        while (next < total) {
          const batch = Math.min(1 + random.below(sqEntries), total - next)
          for (let left = batch; left > 0 && ring.hasRoom(1) && outstanding < ring.cqEntries; left--) {
            prepNop(ring.sqes, reserve(ring, next++), 0)
            outstanding++
          }
          submit()
          if (outstanding > random.below(ring.cqEntries)) wait(1)
          for (const { id, result } of reap()) {
            expect(result).toBe(0)
            seen[id]! += 1
            outstanding--
          }
        }
        submit()
        wait(outstanding)
        for (const { id } of reap()) seen[id]! += 1
        expect(seen.every((times) => times === 1)).toBe(true)
        expect(ring.unconsumed).toBe(0)
        expect(ring.ready()).toBe(0)
      },
    )
  })

  test('the SQ thread says that it sleeps, and works again once it is woken', async () => {
    const { ring, submit, wait, reap } = open({ memory, flags: SetupFlag.SQPOLL, sqThreadIdleMs: 1 })
    for (let round = 0; round < 5; round++) {
      expect(await eventually(() => ring.needsWakeup())).toBe(true)
      prepNop(ring.sqes, reserve(ring, round), 0)
      submit()
      wait(1)
      expect(reap()).toEqual([{ id: round, result: 0, flags: 0 }])
    }
  })

  test('completions beyond the CQ are kept by the kernel, announced, and brought in by entering', () => {
    const { ring, submit, reap, geometry } = open({ sqEntries: 8, cqEntries: 8, memory })
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 8; index++) prepNop(ring.sqes, reserve(ring, round * 8 + index), 0)
      submit()
    }
    expect(ring.overflowed()).toBe(true)
    const ids: number[] = []
    for (let turn = 0; turn < 10 && ids.length < 24; turn++) {
      ids.push(...reap().map(({ id }) => id))
      submit()
      binding().enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
    }
    expect(ids.sort((one, other) => one - other)).toEqual(Array.from({ length: 24 }, (_, index) => index))
    expect(ring.overflowed()).toBe(false)
  })

  test('completions write the eventfd while it listens, and do not while it is silent', () => {
    const addon = binding()
    const { ring, submit, wait, reap, geometry } = open({ memory })
    const eventFd = addon.eventfd()
    const signalled = (): boolean => {
      try {
        return readSync(eventFd, Buffer.alloc(8)) === 8
      } catch (error) {
        expect(error).toMatchObject({ code: 'EAGAIN' }) // its count is zero
        return false
      }
    }
    try {
      expect(addon.register(geometry.ringFd, RegisterOp.REGISTER_EVENTFD, Int32Array.of(eventFd), 1)).toBe(0)
      const nop = (): void => {
        prepNop(ring.sqes, reserve(ring, 0), 0)
        submit()
        wait(1)
        reap()
      }
      ring.silence()
      nop()
      expect(signalled()).toBe(false)
      ring.listen()
      nop()
      expect(signalled()).toBe(true)
      ring.silence()
      nop()
      expect(signalled()).toBe(false)
    } finally {
      addon.closeFd(eventFd)
    }
  })
})

describe('entries that wait', () => {
  let pipe: Pipe
  afterEach(() => {
    pipe.close()
  })

  test('come back when there is something to read, each with its own data, among others that do not wait', () => {
    pipe = makePipe()
    const { ring, submit, wait, reap } = open({ sqEntries: 8 })
    const bytes = Buffer.alloc(4)
    prepRead(ring.sqes, reserve(ring, 1), 0, pipe.readFd, binding().addressOf(bytes), 4, -1)
    prepNop(ring.sqes, reserve(ring, 2), 0)
    submit()
    wait(1)
    expect(reap().map(({ id }) => id)).toEqual([2])
    writeSync(pipe.writeFd, 'ring')
    wait(1)
    expect(reap()).toEqual([{ id: 1, result: 4, flags: 0 }])
    expect(bytes.toString()).toBe('ring')
  })
})

test('an opcode that the kernel does not know comes back as EINVAL and disturbs no other', () => {
  const { ring, submit, wait, reap } = open({ sqEntries: 8 })
  prepNop(ring.sqes, reserve(ring, 1), 0)
  const at = reserve(ring, 2)
  prepNop(ring.sqes, at, 0)
  ring.sqes[at] = 255
  prepNop(ring.sqes, reserve(ring, 3), 0)
  submit()
  wait(3)
  expect(reap().map(({ id, result }) => [id, result])).toEqual([
    [1, 0],
    [2, -22],
    [3, 0],
  ])
  expect(Math.max(...Object.values(Op))).toBeLessThan(255)
})

test('the hot path allocates nothing: millions of operations without one garbage collection', async () => {
  const outcome = await runForResult<{ operations: number; collections: number; grownBytes: number }>(
    'ring-allocation',
    {
      nodeArgs: ['--expose-gc', '--max-semi-space-size=1'],
    },
  )
  expect(outcome.operations).toBeGreaterThanOrEqual(4_000_000)
  expect(outcome.collections).toBe(0)
  // Not a byte in ten operations: what a process allocates beside them.
  expect(outcome.grownBytes / outcome.operations).toBeLessThan(0.1)
})
