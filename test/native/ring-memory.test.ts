// Making a ring: in our memory or in the kernel's, on kernels that lack the newest flags, and leaving nothing behind where it fails.
import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Params, SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { Control } from '../../native/layout.ts'
import { prepNop } from '../../native/operations/control.ts'
import { openRing, viewRing } from '../../native/ring-memory.ts'
import type { RingSetup } from '../../native/ring-memory.ts'
import { ringDescriptors, ringMappings } from './support/process-state.ts'
import { runForResult } from './support/programs.ts'
import { controlBytes, openTestRing, placeOne, prepareControl, reserve } from './support/rings.ts'
import type { TestRing } from './support/rings.ts'

const plain: RingSetup = { sqEntries: 8, cqEntries: 16, flags: 0, sqThreadIdleMs: 10, sqThreadCpu: -1, memory: 'auto' }
const EINVAL = -22

afterEach(() => {
  vi.restoreAllMocks()
  expect(ringDescriptors()).toEqual([])
  expect(ringMappings()).toEqual([])
})

/** A kernel that refuses some setups: with an errno, or asks the real one. */
function kernelThatRefuses(refuse: (flags: number) => number): number[] {
  const addon = binding()
  const setup = addon.setup.bind(addon)
  const asked: number[] = []
  vi.spyOn(addon, 'setup').mockImplementation((entries, params, control) => {
    const flags = new DataView(params.buffer).getUint32(Params.flags, true)
    asked.push(flags)
    const errno = refuse(flags)
    return errno < 0 ? errno : setup(entries, params, control)
  })
  return asked
}

function nopsComeBack({ ring, submit, wait, reap }: TestRing): void {
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 8; index++) prepNop(ring.sqes, reserve(ring, round * 8 + index), 0)
    submit()
    wait(8)
    expect(reap().map(({ id }) => id)).toEqual(Array.from({ length: 8 }, (_, index) => round * 8 + index))
  }
}

describe('the kinds of memory', () => {
  test('user: the ring is in the shared memory itself, whoever looks', () => {
    const test1 = openTestRing({ memory: 'user' })
    expect(test1.geometry.kind).toBe('user')
    expect(test1.ring.words.buffer).toBe(test1.memory)
    expect(test1.ring.sqes.buffer).toBe(test1.memory)
    expect(ringMappings()).toEqual([])
    nopsComeBack(test1)
    test1.close()
  })

  test('mapped: the ring is in two mappings of its descriptor, which go with the last hold', () => {
    const test1 = openTestRing({ memory: 'mapped' })
    expect(test1.geometry.kind).toBe('mapped')
    expect(ringMappings()).toHaveLength(2)
    nopsComeBack(test1)
    test1.close()
    expect(ringMappings()).toEqual([])
  })

  test('mapped: detach() takes the memory out of every view, so that nothing can touch what is no longer there', () => {
    const { memory, place } = placeOne(8, 16)
    const addon = binding()
    const hold = addon.hold(controlBytes(memory, place), null, null, false)
    const geometry = openRing(memory, place, { ...plain, memory: 'mapped' })
    const one = viewRing(memory, place, geometry)
    const other = viewRing(memory, place, geometry)
    one.ring.sqes[3] = 42
    expect(other.ring.sqes[3]).toBe(42)
    one.detach()
    one.detach()
    expect([one.ring.words.length, one.ring.sqes.length]).toEqual([0, 0])
    expect(other.ring.sqes[3]).toBe(42)
    other.detach()
    addon.release(hold)
    expect([other.ring.words.length, other.ring.sqes.length]).toEqual([0, 0])
  })

  test('auto: user memory where the kernel takes it', () => {
    const test1 = openTestRing({ memory: 'auto' })
    expect(test1.geometry.kind).toBe('user')
    test1.close()
  })

  test.each([
    ['does not know NO_MMAP (before 6.5)', -22],
    ['wants contiguous pages (before 6.10)', -12],
    ['cannot pin the pages', -14],
  ])('auto: mapped memory where it %s', (_, errno) => {
    kernelThatRefuses((flags) => ((flags & SetupFlag.NO_MMAP) !== 0 ? errno : 0))
    const test1 = openTestRing({ memory: 'auto' })
    expect(test1.geometry.kind).toBe('mapped')
    nopsComeBack(test1)
    test1.close()
  })

  test('auto: does not try again what is not about memory', () => {
    const asked = kernelThatRefuses(() => -1)
    expect(() => openTestRing({ memory: 'auto' })).toThrow(expect.objectContaining({ code: 'EPERM' }))
    expect(asked).toHaveLength(1)
  })

  test('user: insists', () => {
    kernelThatRefuses((flags) => ((flags & SetupFlag.NO_MMAP) !== 0 ? EINVAL : 0))
    expect(() => openTestRing({ memory: 'user' })).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })
})

describe.each(['user', 'mapped'] as const)('in %s memory, a kernel without', (memory) => {
  test('NO_SQARRAY (before 6.6): the array is filled in so that entry i is at index i', () => {
    const asked = kernelThatRefuses((flags) => ((flags & SetupFlag.NO_SQARRAY) !== 0 ? EINVAL : 0))
    const test1 = openTestRing({ memory })
    expect(asked).toHaveLength(2)
    expect(test1.geometry.setupFlags & SetupFlag.NO_SQARRAY).toBe(0)
    expect(test1.geometry.setupFlags & SetupFlag.SUBMIT_ALL).not.toBe(0)
    nopsComeBack(test1)
    test1.close()
  })

  test('NO_SQARRAY and SUBMIT_ALL (before 5.18): goes without both', () => {
    const newer = SetupFlag.NO_SQARRAY | SetupFlag.SUBMIT_ALL
    const asked = kernelThatRefuses((flags) => ((flags & newer) !== 0 ? EINVAL : 0))
    const test1 = openTestRing({ memory })
    expect(asked).toHaveLength(3)
    expect(test1.geometry.setupFlags & newer).toBe(0)
    nopsComeBack(test1)
    test1.close()
  })
})

describe('what the caller insists on', () => {
  test('an SQ thread, on the CPU that is asked for', () => {
    const [cpu] = binding().affinity().slice(-1)
    const { memory, place } = placeOne(8, 16)
    const hold = binding().hold(controlBytes(memory, place), null, null, true)
    const geometry = openRing(memory, place, { ...plain, flags: SetupFlag.SQPOLL, sqThreadCpu: cpu! })
    expect(geometry.setupFlags & SetupFlag.SQPOLL).not.toBe(0)
    expect(geometry.setupFlags & SetupFlag.SQ_AFF).not.toBe(0)
    binding().release(hold)
  })

  test('entries are rounded up to a power of two, and the memory laid out for them is enough', () => {
    for (const memory of ['user', 'mapped'] as const) {
      const test1 = openTestRing({ sqEntries: 100, cqEntries: 300, memory })
      expect([test1.ring.sqEntries, test1.ring.cqEntries]).toEqual([128, 512])
      nopsComeBack(test1)
      test1.close()
    }
  })
})

describe('setup that fails', () => {
  const failing: readonly (readonly [string, Partial<RingSetup>, string])[] = [
    ['no entries', { sqEntries: 0 }, 'EINVAL'],
    ['more entries than the kernel allows', { sqEntries: 32769, cqEntries: 65536 }, 'EINVAL'],
    ['a CQ smaller than the SQ', { sqEntries: 16, cqEntries: 8 }, 'EINVAL'],
    ['flags that exclude each other', { flags: SetupFlag.SQPOLL | SetupFlag.DEFER_TASKRUN }, 'EINVAL'],
    ['a CPU that is not there', { flags: SetupFlag.SQPOLL, sqThreadCpu: 8191 }, 'EINVAL'],
  ]

  test.each(failing)('%s: throws the kernel’s error and leaves no descriptor', (_, change, code) => {
    const setup = { ...plain, ...change }
    for (const memory of ['user', 'mapped', 'auto'] as const) {
      const placed = placeOne(Math.max(setup.sqEntries, 1), setup.cqEntries)
      const hold = binding().hold(controlBytes(placed.memory, placed.place), null, null, false)
      expect(() => openRing(placed.memory, placed.place, { ...setup, memory })).toThrow(
        expect.objectContaining({ code, syscall: 'io_uring_setup' }),
      )
      expect(new Int32Array(placed.memory, placed.place.controlOffsetBytes)[Control.ring_fd >> 2]).toBe(-1)
      binding().release(hold)
      expect(ringDescriptors()).toEqual([])
    }
  })

  test('a mapping that fails: the descriptor goes with the last hold', () => {
    const { memory, place } = placeOne(8, 16)
    const addon = binding()
    const map = addon.map.bind(addon)
    let calls = 0
    vi.spyOn(addon, 'map').mockImplementation((control, sizeBytes, offsetBytes) => {
      calls++
      return calls === 2 ? -12 : map(control, sizeBytes, offsetBytes)
    })
    const hold = addon.hold(controlBytes(memory, place), null, null, false)
    expect(() => openRing(memory, place, { ...plain, memory: 'mapped' })).toThrow(
      expect.objectContaining({ code: 'ENOMEM', syscall: 'mmap' }),
    )
    expect(ringMappings()).toHaveLength(1)
    expect(addon.release(hold)).toBe(true)
  })

  test('a place too small for the queues is refused before the kernel writes over its neighbour', () => {
    const { memory, place } = placeOne(8, 16)
    prepareControl(memory, place)
    const asked = kernelThatRefuses(() => -1)
    for (const larger of [{ sqEntries: 4096 }, { cqEntries: 4096 }]) {
      expect(() => openRing(memory, place, { ...plain, ...larger, memory: 'user' })).toThrow(RangeError)
    }
    expect(asked).toEqual([])
  })

  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
  test.runIf(hasPrlimit)(
    'no descriptor left (a low RLIMIT_NOFILE, in a process of its own): EMFILE each time, and nothing leaks',
    async () => {
      const outcome = await runForResult<{ codes: string[]; before: number; after: number; worked: boolean }>(
        'descriptors-exhausted',
        { under: ['prlimit', '--nofile=64'] },
      )
      expect(outcome.codes).toEqual(['EMFILE', 'EMFILE', 'EMFILE'])
      expect(outcome.after).toBe(outcome.before)
      expect(outcome.worked).toBe(true)
    },
  )
})

test('a thousand rings, one after the other, leave nothing', () => {
  for (let round = 0; round < 1000; round++) openTestRing({ memory: round % 2 === 0 ? 'user' : 'mapped' }).close()
  expect(ringDescriptors()).toEqual([])
  expect(ringMappings()).toEqual([])
})
