// Rings for tests, made as the ring worker and the client make them, in one thread and without either of them.
import { EnterFlag, SetupFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { Control, controlVersion, placeRings } from '../../../native/layout.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { controlWords, openRing, viewRing } from '../../../native/ring-memory.ts'
import type { MemoryKind, RingGeometry } from '../../../native/ring-geometry.ts'
import type { Ring } from '../../../native/ring.ts'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'

const patienceMs = 20_000
const never = new Int32Array(new SharedArrayBuffer(4))

/** Sleeps without an event loop. */
export function pauseMs(ms: number): void {
  Atomics.wait(never, 0, 0, ms)
}

export interface RingRequest {
  readonly sqEntries?: number
  readonly cqEntries?: number
  /** IORING_SETUP_*. */
  readonly flags?: number
  readonly memory?: MemoryKind | 'auto'
  readonly sqThreadIdleMs?: number
}

/** Memory for one ring with nothing in it, its control block as workers/ring-handle.ts prepares it. */
export function placeOne(sqEntries: number, cqEntries: number): { memory: SharedArrayBuffer; place: RingPlace } {
  const { places, sizeBytes } = placeRings(1, {
    sqEntries,
    cqEntries,
    slots: 1,
    leasesSizeBytes: 0,
    metricsSizeBytes: 0,
  })
  const memory = allocateSharedMemory(sizeBytes)
  const place = places[0]!
  prepareControl(memory, place)
  return { memory, place }
}

export function prepareControl(memory: SharedArrayBuffer, place: RingPlace): void {
  const control = controlWords(memory, place)
  control.fill(0)
  control[Control.version >> 2] = controlVersion
  control.fill(-1, Control.ring_fd >> 2, (Control.wake_fd >> 2) + 1)
}

export function controlBytes(memory: SharedArrayBuffer, place: RingPlace): Uint8Array {
  return new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes)
}

/** What a client tells the addon about its ring, so that its requests can be brought to rest. */
export function clientOffsets(geometry: RingGeometry): Int32Array {
  const { cqHead, cqTail, cqEntries, cqes, sqHead, sqTail } = geometry
  return Int32Array.of(cqHead, cqTail, cqEntries - 1, cqes, sqHead, sqTail)
}

export interface TestRing {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly control: Int32Array
  readonly geometry: RingGeometry
  readonly ring: Ring
  /** Makes what was reserved happen: publishes, and enters or wakes as the ring wants it. */
  readonly submit: () => void
  /** Waits until `count` completions can be taken. */
  readonly wait: (count: number) => void
  /** Takes all completions that are there: user_data's low word and the result. */
  readonly reap: () => { id: number; result: number; flags: number }[]
  readonly close: () => void
}

/** Opens a ring whose client and owner is this thread. */
export function openTestRing(request: RingRequest = {}): TestRing {
  const { sqEntries = 8, cqEntries = 2 * sqEntries, flags = 0, memory: kind = 'auto', sqThreadIdleMs = 5 } = request
  const addon = binding()
  const { memory, place } = placeOne(sqEntries, cqEntries)
  const bytes = controlBytes(memory, place)
  const control = controlWords(memory, place)
  const first = addon.hold(bytes, null, null, false)
  try {
    const geometry = openRing(memory, place, {
      sqEntries,
      cqEntries,
      flags,
      sqThreadIdleMs,
      sqThreadCpu: -1,
      memory: kind,
    })
    const { ring, detach } = viewRing(memory, place, geometry)
    const sqpoll = (flags & SetupFlag.SQPOLL) !== 0
    const hold = addon.hold(bytes, ring.words, clientOffsets(geometry), sqpoll)
    const submit = (): void => {
      Atomics.add(control, Control.in_flight >> 2, ring.unpublished)
      ring.publish()
      if (!sqpoll) addon.enter(geometry.ringFd, ring.unconsumed, 0, 0)
      else if (ring.needsWakeup()) addon.enter(geometry.ringFd, 0, 0, EnterFlag.SQ_WAKEUP)
    }
    const wait = (count: number): void => {
      const deadlineMs = performance.now() + patienceMs
      while (ring.ready() < count) {
        // Never blocking in the kernel: a completion that does not come must fail the test, not hang it.
        addon.enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
        if (ring.ready() < count) pauseMs(0.1)
        if (performance.now() > deadlineMs) throw new Error(`${ring.ready()} of ${count} completions came`)
      }
    }
    const reap = (): { id: number; result: number; flags: number }[] => {
      const { words } = ring
      const taken = Array.from({ length: ring.ready() }, () => {
        const at = ring.take()
        return { id: words[at]!, result: words[at + 2]!, flags: words[at + 3]! }
      })
      ring.release()
      Atomics.sub(control, Control.in_flight >> 2, taken.length)
      return taken
    }
    const close = (): void => {
      detach()
      addon.release(hold)
    }
    return { memory, place, control, geometry, ring, submit, wait, reap, close }
  } finally {
    addon.release(first)
  }
}

/** Reserves the next entry and gives it an id: the index in ring.sqes at which a prep function is to write. */
export function reserve(ring: Ring, id: number): number {
  const at = ring.reserve()
  ring.sqes[at + 8] = id
  ring.sqes[at + 9] = 0
  return at
}
