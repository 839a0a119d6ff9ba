// A ring for trials: small, without an SQ thread, seen by nobody else. Operations are submitted one by one or as one chain, and what has
// completed at once is looked at: a trial never waits. Made by ../features.ts.
import { EnterFlag, RegisterOp, RsrcRegister, SetupFlag, rsrcRegisterSparse } from '../abi.ts'
import { binding } from '../binding.ts'
import { Control, placeRings } from '../layout.ts'
import type { RingPlace } from '../layout.ts'
import { openRing, viewRing } from '../ring-memory.ts'
import { allocateSharedMemory } from '../shared-memory.ts'

/** Writes an SQE at words[at…], all but its user_data. */
export type Fill = (words: Int32Array, at: number) => void

export interface ScratchResult {
  readonly result: number
  readonly cqeFlags: number
}

export interface ScratchRing {
  readonly fd: number
  /** Another ring, to send things to. */
  readonly otherFd: number
  /** Memory that the kernel may use for as long as there is the ring. */
  readonly bytes: Buffer
  /** The number of the operation that was submitted last, which is its user_data. */
  lastNumber(): number
  /** Submits one operation. Its results so far: none while it waits. */
  submit(fill: Fill): readonly ScratchResult[]
  /** As submit(), of a chain: each operation's last result, or null. */
  chain(fills: readonly Fill[]): readonly (number | null)[]
  /** What has come since for the operation that was submitted last. */
  later(): readonly ScratchResult[]
  /** io_uring_register(2): the kernel's answer. */
  register(opcode: number, argument: ArrayBufferView | null, count: number): number
  close(): void
}

const entries = 16
const completions = 64
/** Direct descriptors that a scratch ring has. */
export const scratchSlots: number = 8

interface Opened {
  readonly fd: number
  readonly close: () => void
}

function open(
  memory: SharedArrayBuffer,
  place: RingPlace,
  flags: number,
): Opened & { view: ReturnType<typeof viewRing> } {
  const addon = binding()
  const control = new Int32Array(memory, place.controlOffsetBytes, Control.sizeBytes >> 2)
  control.fill(-1, Control.ring_fd >> 2, (Control.wake_fd >> 2) + 1)
  const hold = addon.hold(new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes), null, null, false)
  try {
    const setup = { sqEntries: entries, cqEntries: completions, flags, sqThreadIdleMs: 1, sqThreadCpu: -1 }
    const geometry = openRing(memory, place, { ...setup, memory: 'auto' })
    const table = new DataView(new ArrayBuffer(RsrcRegister.sizeBytes))
    table.setUint32(RsrcRegister.nr, scratchSlots, true)
    table.setUint32(RsrcRegister.flags, rsrcRegisterSparse, true)
    addon.register(geometry.ringFd, RegisterOp.REGISTER_FILES2, table, RsrcRegister.sizeBytes) // older: trials say so
    const view = viewRing(memory, place, geometry)
    const close = (): void => {
      view.detach()
      addon.release(hold)
    }
    return { fd: geometry.ringFd, view, close }
  } catch (error) {
    addon.release(hold)
    throw error
  }
}

/** `prepare` gets the ring's descriptor while the ring is still disabled (restrictions). @throws SystemError of io_uring_setup(2) */
export function openScratchRing(prepare: ((ringFd: number) => void) | null): ScratchRing {
  const addon = binding()
  const sizes = { sqEntries: entries, cqEntries: completions, slots: 1, leasesSizeBytes: 0, metricsSizeBytes: 0 }
  const { places, sizeBytes } = placeRings(2, sizes)
  const bytesAt = sizeBytes
  const memory = allocateSharedMemory(sizeBytes + 8192)
  const other = open(memory, places[1]!, 0)
  let main: ReturnType<typeof open>
  try {
    main = open(memory, places[0]!, prepare === null ? 0 : SetupFlag.R_DISABLED)
  } catch (error) {
    other.close()
    throw error
  }
  const { ring } = main.view
  prepare?.(main.fd)
  let last = 0
  const publish = (fills: readonly Fill[]): number => {
    const first = last + 1
    for (const fill of fills) {
      const at = ring.reserve()
      fill(ring.sqes, at)
      ring.sqes[at + 8] = ++last
      ring.sqes[at + 9] = 0
    }
    ring.publish()
    addon.enter(main.fd, fills.length, 0, EnterFlag.GETEVENTS)
    return first
  }
  const take = (): { number: number; result: number; cqeFlags: number }[] => {
    addon.enter(main.fd, 0, 0, EnterFlag.GETEVENTS)
    const taken = Array.from({ length: ring.ready() }, () => {
      const at = ring.take()
      return { number: ring.words[at]!, result: ring.words[at + 2]!, cqeFlags: ring.words[at + 3]! }
    })
    ring.release()
    return taken
  }
  const later = (): readonly ScratchResult[] => take().filter(({ number }) => number === last)
  return {
    fd: main.fd,
    otherFd: other.fd,
    bytes: Buffer.from(memory, bytesAt, 8192),
    lastNumber: () => last,
    submit: (fill) => {
      publish([fill])
      return later()
    },
    chain: (fills) => {
      const first = publish(fills)
      const taken = take()
      return fills.map((_, index) => taken.findLast(({ number }) => number === first + index)?.result ?? null)
    },
    later,
    register: (opcode, argument, count) => addon.register(main.fd, opcode, argument, count),
    close: () => {
      main.close()
      other.close()
    },
  }
}
