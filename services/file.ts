// RingFile: an open file whose reads and writes go through rings. The shape is node:fs/promises' FileHandle. Made by
// Ringmaster.open(). Methods reject, as core's do; they never throw.
import { constants } from 'node:fs'
import type { BigIntStats, Stats } from 'node:fs'
import { At, Op } from '../native/abi.ts'
import { addressOfOwn, addressOfView } from '../native/addresses.ts'
import { invalidArgValue, ringErrors } from '../native/errors.ts'
import { prepRead, prepWrite } from '../native/operations/files.ts'
import { prepReadFixed, prepWriteFixed } from '../native/operations/vectors.ts'
import { fixedIndex, leaseStamp } from '../workers/arena.ts'
import { resultError } from '../workers/completions.ts'
import { ownDescriptor } from '../workers/owned-descriptors.ts'
import type { Completion } from '../workers/slots.ts'
import { abortable, inTurn, throwIfAborted } from './abort.ts'
import { checkEncoding, checkLength, checkOffset, checkPosition, checkSignal, checkView } from './arguments.ts'
import { submitBatch } from './batch.ts'
import type { ReadOptions, ReadResult, WriteOptions, WriteResult } from './file-options.ts'
import type { RequestHandle, Router } from './request-handle.ts'
import { closeDescriptor, requestStat, requestSync } from './requests.ts'
import { isTimed, withTimeout } from './time-limit.ts'
import type { Timed } from './time-limit.ts'

const defaultReadBytes = 16384

// Shared by all reads: what differs is in the slot. owner: the buffer; context: the file.
const settleRead: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, { bytesRead: result, buffer: slots.owner[slot] })
    else slots.reject(slot, resultError(result, 'read'))
    ;(slots.context[slot] as RingFile).requestEnded()
  },
}

const settleWrite: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, { bytesWritten: result, buffer: slots.owner[slot] })
    else slots.reject(slot, resultError(result, 'write'))
    ;(slots.context[slot] as RingFile).requestEnded()
  },
}

/** An open file. Close it, or hold it with `await using`: garbage collection does not. */
export class RingFile {
  private descriptor: number
  private readonly coordinator: Router
  /** Opened with O_DIRECT. */
  private readonly unbuffered: boolean
  /** With `ordered`: the last write asked for. */
  private lastWrite: Promise<unknown> | null
  private requests = 0
  private closing: Promise<void> | null = null
  private onIdle: (() => void) | null = null

  /** The process's descriptor; -1 once closed. */
  get fd(): number {
    return this.descriptor
  }

  /** Called by Ringmaster.open(). @internal */
  constructor(coordinator: Router, fd: number, flags: number, ordered: boolean) {
    this.coordinator = coordinator
    this.descriptor = fd
    ownDescriptor(fd)
    coordinator.files.opened++
    this.unbuffered = (flags & constants.O_DIRECT) !== 0
    this.lastWrite = ordered ? Promise.resolve() : null
  }

  /**
   * Reads into `buffer`, which belongs to the kernel until the promise settles. Resolves with `bytesRead`, 0 at the end of
   * the file.
   */
  read<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<T>>
  read<T extends ArrayBufferView>(buffer: T, options: ReadOptions): Promise<ReadResult<T>>
  read<T extends ArrayBufferView = Buffer>(options?: ReadOptions<T>): Promise<ReadResult<T>>
  read(
    target?: ArrayBufferView | ReadOptions | null,
    offset?: number | null | ReadOptions,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<ArrayBufferView>> {
    try {
      if (ArrayBuffer.isView(target) && (typeof offset !== 'object' || offset === null)) {
        return this.readInto(target, offset, length, position, undefined, false)
      }
      if (target !== undefined && target !== null && typeof target !== 'object') checkView(target)
      const options = (ArrayBuffer.isView(target) ? offset : target) as ReadOptions | null | undefined
      const given = ArrayBuffer.isView(target) ? target : options?.buffer
      if (options?.timeoutMs !== undefined)
        return withTimeout(given === undefined ? options : { ...options, buffer: given }, (timed) => this.read(timed))
      const buffer = given ?? Buffer.alloc(defaultReadBytes)
      const signal = checkSignal(options?.signal)
      return this.readInto(buffer, options?.offset, options?.length, options?.position, signal, buffer !== given)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private readInto(
    buffer: ArrayBufferView,
    offset: unknown,
    length: unknown,
    position: unknown,
    signal: AbortSignal | undefined,
    own: boolean,
  ): Promise<ReadResult<ArrayBufferView>> {
    checkView(buffer)
    const start = checkOffset(buffer, offset)
    const count = checkLength(buffer, start, length)
    const at = checkPosition(position)
    throwIfAborted(signal)
    if (this.closing !== null) throw ringErrors.fileClosed('read')
    const { client } = this.coordinator.pick()
    // Before the claim: a detached buffer and a lease that was given back throw here.
    const address = (own ? addressOfOwn(buffer) : addressOfView(buffer)) + start
    const index = fixedIndex(this.coordinator.arenas, buffer, this.unbuffered)
    const slot = client.claim(index < 0 ? Op.READ : Op.READ_FIXED, settleRead, buffer, this)
    if (index < 0) prepRead(client.words, client.at, 0, this.descriptor, address, count, at)
    else prepReadFixed(client.words, client.at, 0, this.descriptor, address, count, at, index)
    this.requests++
    const promise = client.slots.promise<ReadResult<ArrayBufferView>>(slot)
    return signal === undefined ? promise : abortable(client, slot, promise, signal)
  }

  /**
   * Writes from `buffer`, which must not change until the promise settles. Resolves with `bytesWritten`, which can be less
   * than asked for. A string is encoded first (`write(string, position, encoding)`).
   */
  write<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<WriteResult<T>>
  write<T extends ArrayBufferView>(buffer: T, options: WriteOptions): Promise<WriteResult<T>>
  write(text: string, position?: number | bigint | null, encoding?: BufferEncoding | null): Promise<WriteResult<string>>
  write(
    data: ArrayBufferView | string,
    offset?: number | bigint | null | WriteOptions,
    length?: number | BufferEncoding | null,
    position?: number | bigint | null,
  ): Promise<WriteResult<ArrayBufferView | string>> {
    try {
      if (typeof data === 'string') {
        const encoding = checkEncoding(length) ?? 'utf8'
        if (encoding === 'hex' && data.length % 2 !== 0) {
          throw invalidArgValue('encoding', encoding, `is invalid for data of length ${data.length}`)
        }
        const bytes = Buffer.from(data, encoding)
        const written = this.writeFrom(bytes, 0, bytes.length, typeof offset === 'object' ? null : offset, undefined)
        return written.then(({ bytesWritten }) => ({ bytesWritten, buffer: data }))
      }
      if (typeof offset === 'object' && offset !== null) {
        if (offset.timeoutMs !== undefined) return withTimeout(offset, (timed) => this.write(data, timed))
        return this.writeFrom(data, offset.offset, offset.length, offset.position, checkSignal(offset.signal))
      }
      return this.writeFrom(data, offset, length, position, undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private writeFrom(
    buffer: ArrayBufferView,
    offset: unknown,
    length: unknown,
    position: unknown,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<ArrayBufferView>> {
    checkView(buffer)
    const start = checkOffset(buffer, offset)
    const count = checkLength(buffer, start, length)
    const at = checkPosition(position)
    throwIfAborted(signal)
    if (this.closing !== null) throw ringErrors.fileClosed('write')
    if (this.lastWrite === null) {
      this.requests++
      return this.submitWrite(buffer, start, count, at, signal)
    }
    const { arenas } = this.coordinator
    const lease = leaseStamp(arenas, buffer)
    this.requests++
    // In order: the next write is published when the one before is over, whatever became of it.
    const submit = (): Promise<WriteResult<ArrayBufferView>> =>
      this.submitWrite(buffer, start, count, at, signal, () => leaseStamp(arenas, buffer) === lease)
    const { turn, outcome } = inTurn(this.lastWrite, submit, signal)
    this.lastWrite = turn
    return outcome
  }

  private submitWrite(
    buffer: ArrayBufferView,
    start: number,
    count: number,
    at: number,
    signal: AbortSignal | undefined,
    stillLeased?: () => boolean,
  ): Promise<WriteResult<ArrayBufferView>> {
    try {
      throwIfAborted(signal)
      // It waited for its turn: by now the memory may hold what somebody else wants to write.
      if (stillLeased?.() === false) throw ringErrors.leaseReleased()
      const { client } = this.coordinator.pick()
      const address = addressOfView(buffer) + start
      const index = fixedIndex(this.coordinator.arenas, buffer, this.unbuffered)
      const slot = client.claim(index < 0 ? Op.WRITE : Op.WRITE_FIXED, settleWrite, buffer, this)
      if (index < 0) prepWrite(client.words, client.at, 0, this.descriptor, address, count, at)
      else prepWriteFixed(client.words, client.at, 0, this.descriptor, address, count, at, index)
      const promise = client.slots.promise<WriteResult<ArrayBufferView>>(slot)
      return signal === undefined ? promise : abortable(client, slot, promise, signal)
    } catch (error) {
      this.requestEnded()
      return Promise.reject(error)
    }
  }

  /**
   * Reads `buffers[i]` full from `positions[i]`, all as one batch with one promise: the cheapest way to read a lot.
   * Resolves with a result for each: bytes read, or a negative errno, -125 (ECANCELED) for what was not over when the signal fired or the
   * time had passed.
   */
  readBatch(
    buffers: readonly ArrayBufferView[],
    positions: ArrayLike<number | bigint | null>,
    options?: Timed,
  ): Promise<Int32Array> {
    return this.batch(Op.READ, 'read', buffers, positions, options)
  }

  /** Writes `buffers[i]` to `positions[i]`, as readBatch() reads. In no particular order. */
  writeBatch(
    buffers: readonly ArrayBufferView[],
    positions: ArrayLike<number | bigint | null>,
    options?: Timed,
  ): Promise<Int32Array> {
    return this.batch(Op.WRITE, 'write', buffers, positions, options)
  }

  private batch(
    opcode: number,
    syscall: string,
    buffers: readonly ArrayBufferView[],
    positions: ArrayLike<number | bigint | null>,
    options: Timed = {},
  ): Promise<Int32Array> {
    let counted = false
    try {
      if (isTimed(options))
        return withTimeout(options, (timed) => this.batch(opcode, syscall, buffers, positions, timed))
      const signal = checkSignal(options.signal)
      throwIfAborted(signal)
      if (this.closing !== null) throw ringErrors.fileClosed(syscall)
      this.requests++
      counted = true
      const { client } = this.coordinator.pick()
      const { arenas } = this.coordinator
      return submitBatch(client, arenas, this.unbuffered, opcode, this.descriptor, buffers, positions, this, signal)
    } catch (error) {
      if (counted) this.requestEnded()
      return Promise.reject(error)
    }
  }

  /** As fs.promises' FileHandle.stat(). */
  stat(options?: Timed & { bigint?: false }): Promise<Stats>
  stat(options: Timed & { bigint: true }): Promise<BigIntStats>
  async stat(given?: (Timed & { bigint?: boolean }) | null): Promise<Stats | BigIntStats> {
    const options = given ?? {}
    if (isTimed(options)) return withTimeout(options, (timed) => this.requestStat(timed))
    return this.requestStat(options)
  }

  private requestStat({ bigint, signal }: Timed & { bigint?: boolean }): Promise<Stats | BigIntStats> {
    const target = {
      dirFd: this.descriptor,
      path: '',
      atFlags: At.EMPTY_PATH,
      bigint: bigint === true,
      syscall: 'fstat',
    } as const
    return this.tracked('fstat', (handle) => requestStat(handle, target, signal), signal)
  }

  /** fsync(2): data and metadata are on the device when it resolves. */
  sync(options: Timed = {}): Promise<void> {
    return this.flush('fsync', false, options)
  }

  /** fdatasync(2). */
  datasync(options: Timed = {}): Promise<void> {
    return this.flush('fdatasync', true, options)
  }

  private async flush(syscall: string, dataOnly: boolean, options: Timed): Promise<void> {
    if (isTimed(options)) return withTimeout(options, (timed) => this.flush(syscall, dataOnly, timed))
    const { signal } = options
    return this.tracked(syscall, (handle) => requestSync(handle, this.descriptor, dataOnly, signal), signal)
  }

  /** Makes a request about this file while the file stays open. Used by its own methods and by openBeneath(). @internal */
  async tracked<T>(syscall: string, request: (handle: RequestHandle) => Promise<T>, signal?: AbortSignal): Promise<T> {
    throwIfAborted(checkSignal(signal))
    if (this.closing !== null) throw ringErrors.fileClosed(syscall)
    this.requests++
    try {
      return await request(this.coordinator.pick())
    } finally {
      this.requestEnded()
    }
  }

  /** Called when a request of this file is over: the last one lets close() go on. @internal */
  requestEnded(): void {
    this.requests--
    if (this.requests === 0 && this.onIdle !== null) this.onIdle()
  }

  /** Closes the file, after the requests it has: a descriptor is never closed while the kernel uses it. Safe to repeat. */
  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    if (this.requests > 0) {
      await new Promise<void>((resolve) => {
        this.onIdle = resolve
      })
    }
    const { fd } = this
    this.descriptor = -1
    this.coordinator.files.closed++ // whatever close(2) says, the descriptor is gone
    await closeDescriptor(() => this.coordinator.pick(), fd)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
