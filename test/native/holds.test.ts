// Who holds a ring, and what happens when a holder's thread ends: descriptors are closed by the last, once, and no request is left
// behind that could still write to the memory of a thread that is gone.
import { once } from 'node:events'
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SetupFlag } from '../../native/abi.ts'
import { PollState, binding } from '../../native/binding.ts'
import { Control } from '../../native/layout.ts'
import type { RingPlace } from '../../native/layout.ts'
import { prepNop } from '../../native/operations/control.ts'
import { controlWords, openRing } from '../../native/ring-memory.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { makePipe } from './support/pipe.ts'
import type { Pipe } from './support/pipe.ts'
import { descriptors, eventually, kernelThreads, ringDescriptors, ringMappings } from './support/process-state.ts'
import type { ProcessState } from './support/process-state.ts'
import { printSeed, seed } from './support/random.ts'
import { runForResult, runProcess, startThread } from './support/programs.ts'
import { controlBytes, openTestRing, placeOne, reserve } from './support/rings.ts'

const addon = binding()
const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

describe('holds of one thread', () => {
  test('are counted; the last closes ring, eventfds and mappings, and says so', () => {
    const { memory, place } = placeOne(8, 16)
    const control = controlWords(memory, place)
    const refs = (): number => Atomics.load(control, Control.refs >> 2)
    control[Control.event_fd >> 2] = addon.eventfd()
    control[Control.wake_fd >> 2] = addon.eventfd()
    const holds = Array.from({ length: 5 }, (_, index) => {
      const hold = addon.hold(controlBytes(memory, place), null, null, false)
      expect(refs()).toBe(index + 1)
      return hold
    })
    openRing(memory, place, {
      sqEntries: 8,
      cqEntries: 16,
      flags: 0,
      sqThreadIdleMs: 1,
      sqThreadCpu: -1,
      memory: 'mapped',
    })
    const fds = [Control.ring_fd, Control.event_fd, Control.wake_fd].map((field) => control[field >> 2]!)
    for (const hold of holds.slice(1)) {
      expect(addon.release(hold)).toBe(false)
      expect(fds.every(isOpen)).toBe(true)
      expect(ringMappings()).toHaveLength(2)
    }
    expect(addon.release(holds[0]!)).toBe(true)
    expect(refs()).toBe(0)
    expect(fds.map(isOpen)).toEqual([false, false, false])
    expect(ringMappings()).toEqual([])
    // What is gone reads as gone, to whoever looks.
    expect([Control.ring_fd, Control.event_fd, Control.wake_fd].map((field) => control[field >> 2])).toEqual([
      -1, -1, -1,
    ])
  })

  test('are let go of once: a second time, or a number that never was, does nothing, whatever took its place meanwhile', () => {
    const one = placeOne(8, 16)
    const first = addon.hold(controlBytes(one.memory, one.place), null, null, false)
    addon.release(first)
    const other = placeOne(8, 16)
    const control = controlWords(other.memory, other.place)
    control[Control.event_fd >> 2] = addon.eventfd()
    const second = addon.hold(controlBytes(other.memory, other.place), null, null, false)
    expect(second).not.toBe(first)
    expect(addon.release(first)).toBe(false)
    expect(addon.release(second + 1)).toBe(false)
    expect(addon.release(-1)).toBe(false)
    expect(control[Control.refs >> 2]).toBe(1)
    expect(isOpen(control[Control.event_fd >> 2]!)).toBe(true)
    expect(addon.release(second)).toBe(true)
  })

  test('a descriptor number that somebody else got in the meantime is not closed again', () => {
    const ring = openTestRing()
    const { ringFd } = ring.geometry
    ring.close()
    const taken: number[] = []
    do taken.push(openSync('/dev/null', 'r'))
    while (!taken.includes(ringFd))
    ring.close()
    expect(taken.every(isOpen)).toBe(true)
    for (const fd of taken) closeSync(fd)
  })
})

/** A ring that this thread holds and another is to use. */
interface SharedRing {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly geometry: RingGeometry
  readonly control: Int32Array
  close(): boolean
}

function openShared(flags: number): SharedRing {
  const { memory, place } = placeOne(64, 128)
  const hold = addon.hold(controlBytes(memory, place), null, null, false)
  const setup = { sqEntries: 64, cqEntries: 128, flags, sqThreadIdleMs: 20, sqThreadCpu: -1, memory: 'auto' } as const
  const geometry = openRing(memory, place, setup)
  return { memory, place, geometry, control: controlWords(memory, place), close: () => addon.release(hold) }
}

describe('when a holder’s thread ends', () => {
  let shared: SharedRing
  afterEach(() => {
    shared.close()
  })

  test.each(['returns', 'exits', 'throws', 'is terminated'])(
    'because it %s, its hold is let go and the ring stays',
    async (how) => {
      shared = openShared(0)
      const { memory, place, geometry, control } = shared
      const thread = startThread('holder', { workerData: { memory, place, geometry, how } })
      const exit = once(thread, 'exit').catch(() => undefined)
      // What it throws may be told before what it said.
      await once(thread, 'message').catch((error: unknown) => {
        if (how !== 'throws') throw error
      })
      if (how === 'is terminated') {
        expect(control[Control.refs >> 2]).toBe(2)
        await thread.terminate()
      }
      await exit
      expect(await eventually(() => Atomics.load(control, Control.refs >> 2) === 1)).toBe(true)
      expect(isOpen(geometry.ringFd)).toBe(true)
      expect(shared.close()).toBe(true)
    },
  )

  test('the last one to end closes the ring', async () => {
    shared = openShared(0)
    const { memory, place, geometry, control } = shared
    const thread = startThread('holder', { workerData: { memory, place, geometry, how: 'is terminated' } })
    await once(thread, 'message')
    expect(shared.close()).toBe(false)
    expect(ringDescriptors()).toHaveLength(1)
    await thread.terminate()
    expect(Atomics.load(control, Control.refs >> 2)).toBe(0)
    expect(ringDescriptors()).toEqual([])
  })
})

describe('a client whose thread is terminated with reads in flight into its own memory', () => {
  const reads = 32
  let pipe: Pipe
  let lookFd: number

  beforeEach(() => {
    pipe = makePipe()
    // A description of its own, which does not block: what is in the pipe can be looked for without waiting for it.
    lookFd = openSync(`/proc/self/fd/${pipe.readFd}`, constants.O_RDONLY | constants.O_NONBLOCK)
  })

  afterEach(() => {
    closeSync(lookFd)
    pipe.close()
  })

  const cases = [
    ['entered by itself', 0, 'enters'],
    ['taken by the kernel’s thread', SetupFlag.SQPOLL, 'wakes'],
    ['published for a poller in another thread', 0, 'publishes'],
  ] as const

  test.each(cases)('%s: none of them ever takes a byte again', async (_, flags, mode) => {
    const shared = openShared(flags)
    const { memory, place, geometry, control } = shared
    try {
      const thread = startThread('doomed-reader', {
        workerData: { memory, place, geometry, readFd: pipe.readFd, reads, mode },
      })
      await once(thread, 'message')
      expect(Atomics.load(control, Control.in_flight >> 2)).toBe(reads)
      await thread.terminate()
      expect(Atomics.load(control, Control.in_flight >> 2)).toBe(0)
      // The ring lives on: what is left in it would be carried out, by the kernel's thread or by this poller.
      const words = new Int32Array(memory, place.ringOffsetBytes, place.ringSizeBytes >> 2)
      if (mode === 'publishes') {
        const { ringFd, sqHead, sqTail, sqFlags } = geometry
        const bytes = controlBytes(memory, place)
        const outcome = addon.pollSlice(ringFd, words, sqHead, sqTail, sqFlags, bytes, 1_000_000_000, 0)
        expect(outcome % 4).toBe(PollState.idle)
      }
      expect(words[geometry.sqHead]).toBe(words[geometry.sqTail])
      expect(writeSync(pipe.writeFd, Buffer.alloc(reads, 'x'))).toBe(reads)
      // Time for a request to do its harm; were there one, it would take a byte.
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(readSync(lookFd, Buffer.alloc(2 * reads))).toBe(reads)
    } finally {
      shared.close()
    }
  })

  test('a process that exits with reads in flight exits at once, and with its own code', async () => {
    for (const memory of ['user', 'mapped']) {
      for (const flags of ['0', '2']) {
        const { code, signal, stderr } = await runProcess('exit-in-flight', { args: [memory, flags] })
        expect({ code, signal, stderr }).toEqual({ code: 7, signal: null, stderr: '' })
      }
    }
  })
})

test('the ring outlives the thread that made it: requests of another go on being served', async () => {
  const { memory, place } = placeOne(8, 16)
  const control = controlWords(memory, place)
  const hold = addon.hold(controlBytes(memory, place), null, null, false)
  const thread = startThread('ring-maker', { workerData: { memory, place } })
  const [geometry] = (await once(thread, 'message')) as [RingGeometry]
  const words = new Int32Array(memory, place.ringOffsetBytes, place.ringSizeBytes >> 2)
  const sqes = new Int32Array(memory, place.sqesOffsetBytes, geometry.sqEntries << 4)
  const { Ring } = await import('../../native/ring.ts')
  const ring = new Ring(geometry, words, sqes)
  const roundTrip = async (id: number): Promise<void> => {
    prepNop(ring.sqes, reserve(ring, id), 0)
    ring.publish()
    if (ring.needsWakeup()) addon.enter(geometry.ringFd, 0, 0, 2)
    expect(await eventually(() => ring.ready() === 1)).toBe(true)
    expect(ring.words[ring.take()]).toBe(id)
    ring.release()
  }
  await roundTrip(1)
  await thread.terminate()
  for (let id = 2; id < 50; id++) await roundTrip(id)
  expect(control[Control.refs >> 2]).toBe(1)
  expect(addon.release(hold)).toBe(true)
  expect(await eventually(() => kernelThreads().length === 0)).toBe(true)
})

test('threads that are terminated at 200 random moments, with requests in flight, watching, polling: the process lives, and nothing is left', async () => {
  printSeed('terminations')
  const before = descriptors().length
  const { first, last, threadsLeft, closed, reached } = await runForResult<{
    first: ProcessState
    last: ProcessState
    threadsLeft: number
    closed: number
    reached: Record<string, number>
  }>('terminations', { args: [String(seed), '200'] })
  expect(closed).toBe(200)
  expect(last).toEqual(first)
  expect(threadsLeft).toBeLessThanOrEqual(0)
  // Moments before, while and after a ring was there must all have been hit: else the delays are wrong.
  expect(Object.keys(reached).sort()).toEqual(['early', 'running'])
  expect(descriptors()).toHaveLength(before)
}, 180_000)
