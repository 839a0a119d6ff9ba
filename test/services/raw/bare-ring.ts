// A ring with nothing around it, to see what other rings post to it: completions as they are in memory. Used by the proof of
// msg_ring.
import { EnterFlag, RegisterOp, RsrcRegister, rsrcRegisterSparse } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { Control, placeRings } from '../../../native/layout.ts'
import { openRing, viewRing } from '../../../native/ring-memory.ts'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'

export interface BareCompletion {
  readonly userData: bigint
  readonly result: number
  readonly flags: number
}

export interface BareRing {
  readonly fd: number
  /** Completions that have arrived since the last look. */
  completions(): BareCompletion[]
  /** Turns the eventfd's notifications off and on again (IORING_CQ_EVENTFD_DISABLED). */
  silence(): void
  listen(): void
  /** Submits one entry, and gives its result. */
  run(fill: (words: Int32Array, at: number) => void): number
  close(): void
}

/** A ring of 8 and 16 entries with 4 direct descriptors. */
export function bareRing(): BareRing {
  const addon = binding()
  const sizes = { sqEntries: 8, cqEntries: 16, slots: 1, leasesSizeBytes: 0, metricsSizeBytes: 0 }
  const { places, sizeBytes } = placeRings(1, sizes)
  const memory = allocateSharedMemory(sizeBytes)
  const place = places[0]!
  const control = new Int32Array(memory, place.controlOffsetBytes, Control.sizeBytes >> 2)
  control.fill(-1, Control.ring_fd >> 2, (Control.wake_fd >> 2) + 1)
  const hold = addon.hold(new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes), null, null, false)
  const setup = { sqEntries: 8, cqEntries: 16, flags: 0, sqThreadIdleMs: 1, sqThreadCpu: -1, memory: 'user' } as const
  const geometry = openRing(memory, place, setup)
  const table = new DataView(new ArrayBuffer(RsrcRegister.sizeBytes))
  table.setUint32(RsrcRegister.nr, 4, true)
  table.setUint32(RsrcRegister.flags, rsrcRegisterSparse, true)
  addon.register(geometry.ringFd, RegisterOp.REGISTER_FILES2, table, RsrcRegister.sizeBytes)
  const { ring, detach } = viewRing(memory, place, geometry)
  const completions = (): BareCompletion[] => {
    addon.enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
    const found = Array.from({ length: ring.ready() }, () => {
      const at = ring.take()
      const [low, high, result, flags] = ring.words.subarray(at, at + 4)
      const userData = (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0)
      return { userData, result: result!, flags: flags! >>> 0 }
    })
    ring.release()
    return found
  }
  return {
    fd: geometry.ringFd,
    completions,
    silence: () => {
      ring.silence()
    },
    listen: () => {
      ring.listen()
    },
    run: (fill) => {
      fill(ring.sqes, ring.reserve())
      ring.publish()
      addon.enter(geometry.ringFd, 1, 1, EnterFlag.GETEVENTS)
      return completions()[0]!.result
    },
    close: () => {
      detach()
      addon.release(hold)
    },
  }
}
