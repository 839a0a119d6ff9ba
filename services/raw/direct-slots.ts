// Leased places in a ring's table of direct descriptors. For chains that open, use and close a file without a descriptor of the
// process: later steps must name the place before the file is open. Used by RawRing.directSlots and by checks.ts.
import { Op, RegisterOp } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { RingError, invalidArgValue } from '../../native/errors.ts'
import { leasedDescriptors } from '../../native/layout.ts'
import { prepFilesUpdate } from '../../native/operations/registered.ts'
import { ignoreResult } from '../../workers/completions.ts'
import { Poller } from '../../workers/poller-kind.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkAlive } from './registrations/call.ts'

/** struct io_uring_files_update: offset, reserved, address of the descriptors. */
const filesUpdateBytes = 16

/** One place, yours until release(). Wherever a direct descriptor is asked for, and as `direct` of what opens one. */
export class DirectSlot {
  private readonly slots: DirectSlots
  private index: number

  /** Made by DirectSlots.lease(). @internal */
  constructor(slots: DirectSlots, index: number) {
    this.slots = slots
    this.index = index
  }

  /** Its number in the ring's table. @throws ERR_RING_SLOT_RELEASED */
  get direct(): number {
    if (this.index < 0) throw released()
    return this.index
  }

  /**
   * Gives the place back, and closes the file that is still open in it; what is in flight on that file goes on.
   * @throws ERR_RING_SLOT_RELEASED the second time
   */
  release(): void {
    const { direct } = this
    this.index = -1
    this.slots.takeBack(direct)
  }

  /** @internal On another ring its number is somebody else's. @throws ERR_INVALID_ARG_VALUE */
  checkRing(handle: Pick<RingHandle, 'geometry'>): void {
    if (!this.slots.isOf(handle)) throw invalidArgValue('direct', this, 'was leased from another ring')
  }

  /** release(), once. */
  [Symbol.dispose](): void {
    if (this.index >= 0) this.release()
  }
}

const released = (): RingError =>
  new RingError('ERR_RING_SLOT_RELEASED', 'this direct slot was released: lease another')

/** The places of one ring. */
export class DirectSlots {
  private readonly handle: RingHandle
  private readonly free = Array.from({ length: leasedDescriptors }, (_, index) => leasedDescriptors - 1 - index)

  /** Made by directSlotsOf(). @internal */
  constructor(handle: RingHandle) {
    this.handle = handle
  }

  /** How many can be leased now. */
  get available(): number {
    return this.free.length
  }

  /** Leases a place that nobody else gets. @throws ERR_RING_SLOTS_EXHAUSTED, ERR_RING_CLOSED, ERR_RING_LOST */
  lease(): DirectSlot {
    checkAlive(this.handle)
    const index = this.free.pop()
    if (index === undefined) {
      throw new RingError(
        'ERR_RING_SLOTS_EXHAUSTED',
        `all ${leasedDescriptors} direct slots of this ring are leased: release some first`,
      )
    }
    return new DirectSlot(this, this.handle.rawDescriptors + index)
  }

  /** For DirectSlot.checkRing(). @internal */
  isOf({ geometry }: Pick<RingHandle, 'geometry'>): boolean {
    return geometry === this.handle.geometry // views have handles of their own
  }

  /** For DirectSlot.release(). @internal */
  takeBack(direct: number): void {
    const { client, geometry } = this.handle
    if (client.poller === Poller.threadpool) this.emptyByRequest(direct)
    else if (client.state === 'open' || client.state === 'closing') {
      const none = Int32Array.of(-1)
      const update = new DataView(new ArrayBuffer(filesUpdateBytes))
      const address = addressOfView(none)
      update.setUint32(0, direct, true)
      update.setUint32(8, address >>> 0, true)
      update.setUint32(12, Math.floor(address / 4294967296), true)
      binding().register(geometry.ringFd, RegisterOp.REGISTER_FILES_UPDATE, update, 1)
    }
    this.free.push(direct - this.handle.rawDescriptors)
  }

  // Without a ring in the kernel there is nothing to call. What is submitted from now on comes after it.
  private emptyByRequest(direct: number): void {
    const { client } = this.handle
    const none = Int32Array.of(-1)
    try {
      client.claim(Op.FILES_UPDATE, ignoreResult, none, null)
      prepFilesUpdate(client.words, client.at, 0, addressOfView(none), 1, direct)
    } catch {
      // The ring is closing, and its table goes with it; or 65,536 requests wait: whoever opens a file here next replaces this one.
    }
  }
}

const slotsOfRings = new WeakMap<RingHandle, DirectSlots>()

/** The ring's places: the same for everybody who has the ring. */
export function directSlotsOf(handle: RingHandle): DirectSlots {
  const slots = slotsOfRings.get(handle) ?? new DirectSlots(handle)
  slotsOfRings.set(handle, slots)
  return slots
}
