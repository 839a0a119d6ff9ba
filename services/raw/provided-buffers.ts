// Provided-buffer rings: memory that the kernel takes from, a buffer at a time, when data has come, so that waiting requests
// hold none. Used by receive and read streams. Classic rings give a whole buffer for each completion; incremental ones
// (IOU_PBUF_RING_INC, 6.12) give the next piece of the same buffer until it is full; a bundle (6.10) takes several at once.
//
// The kernel takes buffers in the order in which they were put and says only which was first and how many bytes came: what is
// where is known from the mirror kept here (order, position, consumed). Entries are written as leases are released; the tail,
// which makes them the kernel's, is stored once for all that were released in one turn of the microtask queue.
import { CqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { RingError, invalidArgType, invalidArgValue, outOfRange } from '../../native/errors.ts'
import { provideBuffers } from '../../native/operations/registered.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkInteger, checkOptionNames } from '../arguments.ts'
import {
  allocatePages,
  bufferEntryBytes,
  bufferTailOffsetBytes,
  closeGroup,
  groupHead,
  openGroup,
} from './buffer-groups.ts'
import type { GroupMemory } from './buffer-groups.ts'
import { PieceLease, PiecesLease } from './buffer-lease.ts'
import type { BufferLease, BundleLease, LeaseOwner } from './buffer-lease.ts'
import { checkSupported, requireFeature } from './support.ts'

const optionNames = ['count', 'sizeBytes', 'incremental', 'bufferGroup']
const bufferIdShift = 16
const countMax = 32768
/** All buffers of a group together. */
const totalBytesMax = 2 ** 30

export interface ProvidedBuffersOptions {
  /** Buffers in the ring: a power of two, at most 32,768. */
  readonly count: number
  /** Size of each, in bytes. All together at most 1 GiB. */
  readonly sizeBytes: number
  /**
   * Let the kernel fill a buffer piece by piece (6.12). Default false. Pieces are known by the order of completions, so no two
   * requests that a kernel worker thread carries out (reads of regular files, `async`) may use the group at a time.
   */
  readonly incremental?: boolean
  /** The group's number, 0 to 65,535: for a group that something else must know. Default: one that is free. */
  readonly bufferGroup?: number
}

/** The kernel's own account of a group. */
export interface ProvidedBuffersStatus {
  /** Entries taken from the ring so far, modulo 65,536. */
  readonly head: number
  /** Buffers that it has, those it is filling among them. */
  readonly available: number
}

/** Somebody who waits for a buffer. Told once, then no longer in the line. */
export interface BufferWaiter {
  /** There is a buffer, or the group was closed. Returns whether a request was made that may take it. */
  buffersFree(): boolean
}

/** The groups that are open, on each ring. */
const openGroups = new WeakMap<RingHandle, Set<ProvidedBuffers>>()

/** Of each group that is open on a ring: its number, its buffers, and those that the kernel has. For the live page. */
export function providedBuffersOf(handle: RingHandle): (readonly [number, number, number])[] {
  return [...(openGroups.get(handle) ?? [])].map(({ group, count, available }) => [group, count, available] as const)
}

const settled = Promise.resolve()
/** Who was told of a buffer and has not taken it by then perhaps never will: the next one is told. */
const nextWaiterMs = 5

export class ProvidedBuffers implements LeaseOwner {
  /** The buffer group: what requests name. */
  readonly group: number
  readonly count: number
  readonly sizeBytes: number
  readonly incremental: boolean
  private readonly handle: RingHandle
  private readonly shared: GroupMemory
  private readonly entries: DataView
  private readonly tailWord: Uint16Array
  private readonly memory: Buffer
  private readonly address: number
  /** Which buffer was put at each place of the ring last, and where each buffer was put last. */
  private readonly order: Uint16Array
  private readonly position: Uint16Array
  /** Of each buffer: bytes used, leases that are out, and whether the kernel may still add to it. */
  private readonly consumed: Uint32Array
  private readonly leases: Int32Array
  private readonly growing: Uint8Array
  private tail = 0
  private publishedTail = 0
  private free = 0
  private isClosed = false
  private publishing = false
  private waking = false
  private readonly waiters = new Set<BufferWaiter>()
  private turns = 0
  private nextWaiter: NodeJS.Timeout | null = null

  /** Made by RawRing.provideBuffers(). @throws SystemError of io_uring_register(2), ERR_OUT_OF_RANGE, ERR_RING_* */
  constructor(handle: RingHandle, options: ProvidedBuffersOptions) {
    checkOptionNames(options, optionNames)
    this.count = checkInteger(options.count, 'count', 1, countMax)
    if ((this.count & (this.count - 1)) !== 0) throw outOfRange('count', 'a power of two', this.count)
    this.sizeBytes = checkInteger(options.sizeBytes, 'sizeBytes', 1, totalBytesMax)
    const totalBytes = this.count * this.sizeBytes
    if (totalBytes > totalBytesMax) throw outOfRange('count * sizeBytes', `<= ${totalBytesMax}`, totalBytes)
    const wanted = options.bufferGroup
    if (wanted !== undefined) checkInteger(wanted, 'bufferGroup', 0, 65535)
    const incremental: unknown = options.incremental ?? false
    if (typeof incremental !== 'boolean') throw invalidArgType('incremental', 'of type boolean', incremental)
    this.handle = handle
    this.incremental = incremental
    checkSupported(provideBuffers, handle.client.poller, 0)
    requireFeature(this.incremental ? 'bufferRingIncremental' : 'bufferRing')
    const ring = allocatePages(this.count * bufferEntryBytes)
    this.entries = new DataView(ring.buffer, ring.byteOffset, ring.byteLength)
    this.tailWord = new Uint16Array(ring.buffer, ring.byteOffset + bufferTailOffsetBytes, 1)
    this.memory = allocatePages(totalBytes)
    this.address = addressOfView(this.memory)
    this.order = new Uint16Array(this.count)
    this.position = new Uint16Array(this.count)
    this.consumed = new Uint32Array(this.count)
    this.leases = new Int32Array(this.count)
    this.growing = new Uint8Array(this.count)
    this.shared = { ring, count: this.count, incremental: this.incremental, keep: [ring, this.memory] }
    this.group = openGroup(handle, this.shared, wanted)
    for (let id = 0; id < this.count; id++) this.put(id)
    this.publish()
    const groups = openGroups.get(handle) ?? new Set()
    openGroups.set(handle, groups.add(this))
  }

  /** Buffers that the kernel has, those it is filling among them, and those released that it is about to get. */
  get available(): number {
    return this.free
  }

  get closed(): boolean {
    return this.isClosed
  }

  /** Its memory is its own: no arena's is in it. @internal */
  heldViews(): Iterable<ArrayBufferView> {
    return [this.memory]
  }

  // A full entry each time: the kernel rewrites address and length of what it uses in pieces.
  private put(id: number): void {
    const place = this.tail & (this.count - 1)
    const at = place * bufferEntryBytes
    const address = this.address + id * this.sizeBytes
    this.entries.setUint32(at, address >>> 0, true)
    this.entries.setUint32(at + 4, Math.floor(address / 4294967296), true)
    this.entries.setUint32(at + 8, this.sizeBytes, true)
    this.entries.setUint16(at + 12, id, true)
    this.order[place] = id
    this.position[id] = place
    this.consumed[id] = 0
    this.tail = (this.tail + 1) & 0xffff
    this.free++
  }

  // The kernel reads entries up to the tail: they must be there before it. One producer, so a store and no exchange.
  private publish(): void {
    if (this.publishedTail === this.tail) return
    this.publishedTail = this.tail
    Atomics.store(this.tailWord, 0, this.tail)
    this.wakeSoon()
  }

  private readonly publishLater = (): void => {
    this.publishing = false
    if (!this.isClosed) this.publish()
  }

  /** There may be a buffer for who waits: streams say so when a request of theirs is over. @internal */
  wakeSoon(): void {
    if (this.waking || this.waiters.size === 0 || (this.free === 0 && !this.isClosed)) return
    this.waking = true
    void settled.then(this.wake)
  }

  // Never from within publish(): select() calls that while an entry is being written, and who is called submits others. As many
  // make requests as there are buffers, in the order of asking: the others would find none and wait again. A request may end
  // without a buffer, or find that its data is gone: so the others are not left alone with a buffer that is free.
  private readonly wake = (): void => {
    this.waking = false
    let left = this.isClosed ? Infinity : this.free
    for (const waiter of this.waiters) {
      if (left <= 0) break
      this.waiters.delete(waiter)
      if (waiter.buffersFree()) left--
    }
    if (this.waiters.size === 0 || this.free === 0 || this.nextWaiter !== null) return
    this.nextWaiter = setTimeout(() => {
      this.nextWaiter = null
      this.wakeSoon()
    }, nextWaiterMs).unref()
  }

  /**
   * For the SQE of a request that takes from the group: its number. What was released is the kernel's from here on, so that a
   * request which is submitted after a release finds the buffer. @throws ERR_RING_BUFFERS_CLOSED
   */
  select(): number {
    if (this.isClosed)
      throw new RingError('ERR_RING_BUFFERS_CLOSED', 'the provided buffers are closed: make new ones for new requests')
    this.publish()
    return this.group
  }

  /** @throws ERR_INVALID_ARG_VALUE where `handle` is not the ring whose buffers these are. @internal */
  checkRing(handle: Pick<RingHandle, 'ring' | 'geometry'>): void {
    if (handle.geometry === this.handle.geometry) return // views have handles of their own
    const here = handle.ring === this.handle.ring ? `ring ${handle.ring} of another Ringmaster` : `ring ${handle.ring}`
    const reason = `are those of ring ${this.handle.ring}, and this is ${here}: provide buffers on the ring that takes from them`
    throw invalidArgValue('buffers', this, reason)
  }

  /** What the kernel still sees of a buffer's entry: it takes from the length what it uses up. */
  private entryLength(id: number): number {
    return this.entries.getUint32(this.position[id]! * bufferEntryBytes + 8, true)
  }

  /**
   * The buffer of a completion: `result` bytes of it. Null where the completion took none. Users get it from operations.
   * `askedBytes`: what a read asked for. Of a file that cannot be polled the kernel uses up that much, whatever it reads.
   */
  take(result: number, cqeFlags: number, askedBytes = 0): BufferLease | null {
    if ((cqeFlags & CqeFlag.BUFFER) === 0) return null
    const id = cqeFlags >>> bufferIdShift
    const before = this.consumed[id]!
    const grows = this.keepsGrowing(id, result, cqeFlags)
    const bytes = this.piece(id, Math.max(0, result), grows)
    if (grows && askedBytes > result && this.sizeBytes - this.entryLength(id) >= before + askedBytes)
      this.consumed[id] = before + askedBytes
    return new PieceLease(this, id, bytes)
  }

  /**
   * The buffers of a completion of a bundle: `result` bytes in the buffer that it names and those that were put behind it. Null
   * where nothing came: then the kernel names a buffer, and has not taken it.
   */
  takeBundle(result: number, cqeFlags: number): BundleLease | null {
    if ((cqeFlags & CqeFlag.BUFFER) === 0 || result <= 0) return null
    const ids: number[] = []
    const parts: Buffer[] = []
    let id = cqeFlags >>> bufferIdShift
    for (let left = result; ;) {
      // A bundle with a limit may have shortened a classic buffer, which its entry tells.
      const room = this.incremental ? this.sizeBytes - this.consumed[id]! : this.entryLength(id)
      const length = Math.min(left, room)
      if (length === 0 || ids.length === this.count)
        throw new RingError('ERR_RING_BUFFERS_CONFUSED', `a completion of ${result} bytes does not fit the buffers`)
      ids.push(id)
      parts.push(this.piece(id, length, this.incremental && length < room))
      left -= length
      if (left === 0) return new PiecesLease(this, ids, parts, result)
      id = this.order[(this.position[id]! + 1) & (this.count - 1)]!
    }
  }

  private keepsGrowing(id: number, result: number, cqeFlags: number): boolean {
    if (!this.incremental) return false
    if ((cqeFlags & CqeFlag.BUF_MORE) !== 0) return true
    // Before about 6.19 kernels forgot the flag where nothing came (liburing #1545): then the entry tells.
    return result <= 0 && this.entryLength(id) !== 0
  }

  private piece(id: number, lengthBytes: number, grows: boolean): Buffer {
    const start = id * this.sizeBytes + this.consumed[id]!
    this.consumed[id]! += lengthBytes
    this.leases[id]! += 1
    this.growing[id] = grows ? 1 : 0
    this.turns++
    if (!grows) this.free--
    return this.memory.subarray(start, start + lengthBytes)
  }

  /** A lease of the buffer was released; leases call it. */
  giveBack(id: number): void {
    this.leases[id]! -= 1
    this.turns++
    if (this.isClosed || this.leases[id] !== 0 || this.growing[id] !== 0) return
    this.put(id)
    if (this.publishing) return
    this.publishing = true
    void settled.then(this.publishLater)
  }

  /** Somebody waits: who comes now stands behind them. @internal */
  get contended(): boolean {
    return this.waiters.size > 0 && !this.isClosed
  }

  /** Buffers taken and given back so far: whether there is progress. @internal */
  get turnsTaken(): number {
    return this.turns
  }

  /** Tells `waiter`, soon, when there are buffers or the group was closed, in the order of asking. @internal */
  whenAvailable(waiter: BufferWaiter): void {
    this.waiters.add(waiter)
    this.wakeSoon()
  }

  /** Who does not want one any more leaves the line. @internal */
  withdraw(waiter: BufferWaiter): void {
    this.waiters.delete(waiter)
  }

  /** What the kernel says of the group (REGISTER_PBUF_STATUS, 6.8). @throws SystemError, ERR_RING_CLOSED */
  status(): ProvidedBuffersStatus {
    const head = groupHead(this.handle, this.group)
    return { head, available: (this.publishedTail - head) & 0xffff }
  }

  /**
   * Takes the buffers away from the kernel. Streams that use them end with ERR_RING_BUFFERS_CLOSED when they need the next one;
   * leases that are out stay readable, and the memory is freed when no request can hold it any more. Safe to repeat.
   */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    openGroups.get(this.handle)?.delete(this)
    closeGroup(this.handle, this.group, this.shared)
    if (this.nextWaiter !== null) clearTimeout(this.nextWaiter)
    this.wake()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
