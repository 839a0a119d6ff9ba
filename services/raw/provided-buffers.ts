// Provided-buffer rings: memory that the kernel takes from, a buffer at a time, when data has come, so that waiting requests
// hold none. Used by receive and read streams. Classic rings give a whole buffer for each completion; incremental ones
// (IOU_PBUF_RING_INC, 6.12) give the next piece of the same buffer until it is full.
//
//   struct io_uring_buf { u64 addr; u32 len; u16 bid; u16 resv }   the tail is entry 0's resv: never write that field
import { CqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { kernelError, outOfRange, RingError } from '../../native/errors.ts'
import { pageBytes } from '../../native/layout.ts'
import { checkInteger } from '../arguments.ts'
import { requireFeature } from './support.ts'

const registerPbufRing = 22
const unregisterPbufRing = 23
const registerPbufStatus = 26
const incremental = 2
const entryBytes = 16
const tailOffsetBytes = 14
const bufferIdShift = 16

export interface ProvidedBuffersOptions {
  /** Buffers in the ring: a power of two, at most 32,768. */
  count: number
  /** Size of each, in bytes. */
  sizeBytes: number
  /** Let the kernel fill a buffer piece by piece (6.12). Default false. */
  incremental?: boolean
}

/** What arrived, in the memory where it arrived. Release it, or the kernel runs out of buffers; `using` does. */
export interface BufferLease {
  /** The data. Not to be touched after release(). */
  readonly bytes: Buffer
  /** Gives the memory back to the kernel. @throws ERR_RING_LEASE_RELEASED the second time */
  release(): void
  [Symbol.dispose](): void
}

// An ordinary SharedArrayBuffer is aligned to 16 bytes; the kernel wants a page.
function allocatePages(sizeBytes: number): Buffer {
  const memory = Buffer.from(new SharedArrayBuffer(sizeBytes + pageBytes))
  const misaligned = addressOfView(memory) % pageBytes
  return memory.subarray((pageBytes - misaligned) % pageBytes).subarray(0, sizeBytes)
}

export class ProvidedBuffers {
  /** The buffer group: what requests name. */
  readonly group: number
  readonly count: number
  readonly sizeBytes: number
  private readonly ringFd: number
  private readonly incremental: boolean
  private readonly entries: DataView
  private readonly tailWord: Uint16Array
  private readonly memory: Buffer
  /** Leases of each buffer that are out, and whether the kernel may still add to it. */
  private readonly leases: Int32Array
  private readonly growing: Uint8Array
  private readonly consumed: Float64Array
  private tail = 0
  private free: number
  private closed = false
  private onReturned: (() => void)[] = []

  /** Registers the ring of buffers with `ringFd`. @throws SystemError of io_uring_register(2), ERR_OUT_OF_RANGE */
  constructor(ringFd: number, group: number, options: ProvidedBuffersOptions) {
    this.count = checkInteger(options.count, 'count', 1, 32768)
    if ((this.count & (this.count - 1)) !== 0) throw outOfRange('count', 'a power of two', this.count)
    this.sizeBytes = checkInteger(options.sizeBytes, 'sizeBytes', 1, 2 ** 30)
    this.group = group
    this.ringFd = ringFd
    this.incremental = options.incremental === true
    requireFeature(this.incremental ? 'bufferRingIncremental' : 'bufferRing')
    const ring = allocatePages(this.count * entryBytes)
    this.entries = new DataView(ring.buffer, ring.byteOffset, ring.byteLength)
    this.tailWord = new Uint16Array(ring.buffer, ring.byteOffset + tailOffsetBytes, 1)
    this.memory = allocatePages(this.count * this.sizeBytes)
    this.leases = new Int32Array(this.count)
    this.growing = new Uint8Array(this.count)
    this.consumed = new Float64Array(this.count)
    this.free = 0
    this.register(ring)
    for (let id = 0; id < this.count; id++) this.put(id)
    this.publish()
  }

  private register(ring: Buffer): void {
    const argument = Buffer.alloc(40)
    argument.writeBigUInt64LE(BigInt(addressOfView(ring)), 0)
    argument.writeUInt32LE(this.count, 8)
    argument.writeUInt16LE(this.group, 12)
    argument.writeUInt16LE(this.incremental ? incremental : 0, 14)
    const result = binding().register(this.ringFd, registerPbufRing, argument, 1)
    if (result < 0) throw kernelError(result, 'io_uring_register')
  }

  private put(id: number): void {
    const at = (this.tail & (this.count - 1)) * entryBytes
    const address = addressOfView(this.memory) + id * this.sizeBytes
    this.entries.setUint32(at, address >>> 0, true)
    this.entries.setUint32(at + 4, Math.floor(address / 4294967296), true)
    this.entries.setUint32(at + 8, this.sizeBytes, true)
    this.entries.setUint16(at + 12, id, true)
    this.consumed[id] = 0
    this.tail = (this.tail + 1) & 0xffff
    this.free++
  }

  // The kernel reads entries up to the tail: they must be there before it. One producer, so a store and no exchange.
  private publish(): void {
    Atomics.store(this.tailWord, 0, this.tail)
  }

  /** Buffers that the kernel has. */
  get available(): number {
    return this.free
  }

  /** The buffer of a completion: `result` bytes of it. Null where the completion took none. */
  take(result: number, cqeFlags: number): BufferLease | null {
    if ((cqeFlags & CqeFlag.BUFFER) === 0) return null
    const id = cqeFlags >>> bufferIdShift
    const grows = (cqeFlags & CqeFlag.BUF_MORE) !== 0
    if (this.growing[id] === 0) this.free--
    this.growing[id] = grows ? 1 : 0
    const start = id * this.sizeBytes + this.consumed[id]!
    const lengthBytes = Math.max(0, result)
    this.consumed[id]! += lengthBytes
    this.leases[id]! += 1
    return this.lease(id, this.memory.subarray(start, start + lengthBytes))
  }

  private lease(id: number, bytes: Buffer): BufferLease {
    let released = false
    const release = (): void => {
      if (released)
        throw new RingError('ERR_RING_LEASE_RELEASED', 'this buffer was released before: each lease is released once')
      released = true
      this.leases[id]! -= 1
      this.recycle(id)
    }
    return { bytes, release, [Symbol.dispose]: () => (released ? undefined : release()) }
  }

  private recycle(id: number): void {
    if (this.closed || this.leases[id] !== 0 || this.growing[id] !== 0) return
    this.put(id)
    this.publish()
    const waiting = this.onReturned
    this.onReturned = []
    for (const callback of waiting) callback()
  }

  /** Calls back when a buffer has been given back: what to wait for after ENOBUFS. At once if there are some. */
  whenAvailable(callback: () => void): void {
    if (this.free > 0) callback()
    else this.onReturned.push(callback)
  }

  /** Where the kernel's head is (REGISTER_PBUF_STATUS, 6.8). @throws SystemError */
  status(): { head: number } {
    const argument = Buffer.alloc(40)
    argument.writeUInt32LE(this.group, 0)
    const result = binding().register(this.ringFd, registerPbufStatus, argument, 1)
    if (result < 0) throw kernelError(result, 'io_uring_register')
    return { head: argument.readUInt32LE(4) }
  }

  /** Takes the ring of buffers away from the kernel. End the streams that use it first. Safe to repeat. */
  close(): void {
    if (this.closed) return
    this.closed = true
    const argument = Buffer.alloc(40)
    argument.writeUInt16LE(this.group, 12)
    const result = binding().register(this.ringFd, unregisterPbufRing, argument, 1)
    if (result < 0) throw kernelError(result, 'io_uring_register')
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
