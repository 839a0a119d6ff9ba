// Registered buffers of one ring: `rings.raw(n).buffers`. Memory that the kernel looked up and pinned once, for readFixed,
// writeFixed, their vectored forms and zero-copy sends. Arenas register theirs by themselves; this is for memory of one's own.
import {
  RingError,
  invalidArgType,
  invalidArgValue,
  kernelError,
  outOfRange,
  ringErrors,
  withAdvice,
} from '../../native/errors.ts'
import { rawBuffers } from '../../native/layout.ts'
import { LossResult } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkInteger, checkView } from '../arguments.ts'
import { memlockRefusal } from '../memlock.ts'
import { checkOptions } from './checks.ts'

/** A buffer that the kernel knows. */
export interface BufferRegistration {
  /** What fixed operations name. */
  readonly index: number
  /** The memory. The kernel may use it until `released`, and it is kept until then. */
  readonly buffer: ArrayBufferView
  /**
   * Resolves when the entry was replaced or emptied and no request uses the memory any more: the kernel's own word (a tag's
   * completion, 5.13). It is about this ring's entry: clones on other rings hold the memory until they are emptied, too. Rejects with ERR_RING_LOST where the ring was lost before.
   */
  readonly released: Promise<void>
}

export interface CloneOptions {
  /** The first entry there. Default 0. */
  readonly fromIndex?: number
  /** The first entry here. Default `fromIndex`. */
  readonly index?: number
  /** How many. Default: to the end of the tables. */
  readonly count?: number
}

const ENOMEM = -12

/** As arenas explain it; `code` stays the kernel's. */
function memlockError(sizeBytes: number): Error {
  return withAdvice(kernelError(ENOMEM, 'io_uring_register'), `${memlockRefusal(sizeBytes)}, or register less`)
}

/** As the kernel has it: one registered buffer is at most 1 GiB. */
const bufferBytesMax = 2 ** 30

export class RegisteredBuffers {
  private readonly handle: RingHandle

  /** Made by RawRing. */
  constructor(handle: RingHandle) {
    this.handle = handle
  }

  /** Entries that can be used: 0 to size - 1. 0: this kernel has no sparse tables (before 5.19), or the poller is `threadpool`. */
  get size(): number {
    return Math.min(rawBuffers, this.handle.buffers.size)
  }

  private checkIndex(index: unknown, name = 'index'): number {
    if (this.size === 0) throw new RingError('ERR_RING_OPERATION_UNSUPPORTED', this.handle.buffers.absence)
    return checkInteger(index, name, 0, this.size - 1)
  }

  /**
   * Registers `buffer` as entry `index`, in place of what was there; with null, empties it. What was there is the kernel's until
   * its `released`. Requests that were made go on with what they had. One system call, which pins the memory; it counts
   * against RLIMIT_MEMLOCK. Not of a resizable ArrayBuffer: the kernel would go on with the old pages. io_uring_register_buffers_update_tag(3); since 5.13, as sparse tables 5.19.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_OPERATION_UNSUPPORTED, ERR_RING_CLOSED, ERR_RING_LOST,
   * ERR_RING_BACKLOG_FULL; SystemError: ENOMEM (locked memory), EOPNOTSUPP (memory of a file), EFAULT
   */
  update(index: number, buffer: ArrayBufferView): BufferRegistration
  update(index: number, buffer: null): void
  update(index: number, buffer: ArrayBufferView | null): BufferRegistration | undefined {
    this.checkIndex(index)
    const { buffers } = this.handle
    if (buffer === null) {
      this.assertDone(buffers.empty(index))
      return undefined
    }
    const { byteLength } = checkView(buffer)
    if (buffer.buffer instanceof ArrayBuffer && Reflect.get(buffer.buffer, 'resizable') === true)
      throw invalidArgValue('buffer', buffer, 'must not be resizable: the kernel would keep the pages that it has now')
    if (byteLength === 0 || byteLength > bufferBytesMax)
      throw outOfRange('buffer.byteLength', `>= 1 && <= ${bufferBytesMax}`, byteLength)
    let settle: (ended: number) => void = () => undefined
    const released = new Promise<void>((resolve, reject) => {
      settle = (ended) => {
        if (ended === LossResult.lost) reject(ringErrors.lost(undefined))
        else if (ended === LossResult.closed) reject(ringErrors.closed())
        else resolve()
      }
    })
    released.catch(() => undefined) // most do not ask
    const result = buffers.put(index, buffer, settle)
    if (result === ENOMEM && this.handle.client.state === 'open') throw memlockError(byteLength)
    this.assertDone(result)
    return { index, buffer, released }
  }

  /**
   * Takes entries of another ring over: the same registration, pinned and charged once. What was in these entries here is
   * replaced; entries that are empty there become empty here.
   * io_uring_clone_buffers_offset(3); since 6.13 (6.12: whole tables only).
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_RING_OPERATION_UNSUPPORTED, ERR_RING_CLOSED; SystemError
   */
  clone(from: { readonly buffers: RegisteredBuffers }, options: CloneOptions = {}): void {
    const source: unknown = checkOptions(from).buffers
    if (!(source instanceof RegisteredBuffers)) throw invalidArgType('from', 'a ring of rings.raw()', from)
    const fromIndex = source.checkIndex(checkOptions(options).fromIndex ?? 0, 'fromIndex')
    const index = this.checkIndex(options.index ?? fromIndex)
    const countMax = Math.min(source.size - fromIndex, this.size - index)
    const count = checkInteger(options.count ?? countMax, 'count', 1, countMax)
    const result = this.handle.buffers.clone(source.handle.buffers, fromIndex, index, count)
    if (result === -22) {
      throw new RingError(
        'ERR_RING_OPERATION_UNSUPPORTED',
        'this kernel cannot clone some of a ring’s registered buffers: that came with Linux 6.13',
        { cause: kernelError(result, 'io_uring_register') },
      )
    }
    this.assertDone(result)
  }

  private assertDone(result: number): void {
    if (result >= 0) return
    const { state } = this.handle.client
    if (state === 'lost') throw ringErrors.lost(undefined)
    if (state !== 'open') throw ringErrors.closed()
    throw kernelError(result, 'io_uring_register')
  }
}
