// Multishot operations as async iterators: one request, a completion for each connection, message or tick. Made by
// RawRing.stream(). A slow consumer stops the stream instead of filling memory.
//
//   idle ──next()──► armed ──shots──► armed … ──last CQE──► idle (armed again when wanted) │ ended │ failed
//                      └─ too many waiting: cancel ─► last CQE ─► idle, armed again when the consumer has caught up
//
// A shot that was posted is delivered, whatever the last CQE says: nothing is lost, nothing comes twice.
import { CqeFlag } from '../../native/abi.ts'
import { abortError } from '../../native/errors.ts'
import { ignoreResult, resultError } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { throwIfAborted } from '../abort.ts'
import { fillEntry } from './fill-entry.ts'
import type { Operation } from './operation.ts'
import type { ProvidedBuffers } from './provided-buffers.ts'
import { checkSupported } from './support.ts'

/** A multishot operation and what to make of its shots. */
export interface StreamOperation<T> {
  readonly operation: Operation<unknown>
  /** Makes an item of a shot; `result` is not negative. */
  item(result: number, cqeFlags: number): T
  /** Lets go of an item that nobody will take: closes a socket, releases a buffer. */
  discard(item: T): void
  /** Whether a result of 0 is the end (a stream that was closed) and not an item. */
  readonly zeroEnds: boolean
  /** The -errno that a shot carries when all is well (a timeout's -ETIME); the last one ends the stream. */
  readonly shotErrno?: number
  /** Where the shots' buffers come from. */
  readonly buffers?: ProvidedBuffers
}

export interface StreamOptions {
  readonly signal?: AbortSignal
  /** Items that may wait for the consumer before the kernel is told to stop. Default 64. */
  readonly waitingMax?: number
}

const ECANCELED = -125
const ENOBUFS = -105

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

export class MultishotStream<T> implements AsyncIterableIterator<T, undefined>, Completion {
  private readonly handle: RingHandle
  private readonly source: StreamOperation<T>
  private readonly waitingMax: number
  private readonly signal: AbortSignal | undefined
  private items: T[] = []
  private consumers: Waiting<T>[] = []
  private slot = -1
  private generation = 0
  private stopping = false
  private starved = false
  private ended = false
  private failure: unknown = null
  private onStopped: (() => void) | null = null
  private readonly onAbort = (): void => {
    void this.finish(abortError(this.signal!))
  }

  /** Made by RawRing.stream(). */
  constructor(handle: RingHandle, source: StreamOperation<T>, options: StreamOptions) {
    checkSupported(source.operation.row, handle.client.poller, source.operation.sqeFlags)
    throwIfAborted(options.signal)
    this.handle = handle
    this.source = source
    this.waitingMax = options.waitingMax ?? 64
    this.signal = options.signal
    this.signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      const item = this.items.shift()
      if (item !== undefined) resolve({ done: false, value: item })
      else this.consumers.push({ resolve, reject })
      this.proceed()
    })
  }

  /** Cancels and waits for the last completion; items that nobody took are let go. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this.finish(null)
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  private async finish(failure: unknown): Promise<void> {
    this.ended = true
    this.failure ??= failure
    this.signal?.removeEventListener('abort', this.onAbort)
    if (this.slot >= 0) {
      await new Promise<void>((resolve) => {
        this.onStopped = resolve
        this.stop()
      })
    }
    for (const item of this.items.splice(0)) this.source.discard(item)
    this.proceed()
  }

  private stop(): void {
    if (this.stopping || this.slot < 0) return
    this.stopping = true
    this.handle.client.cancel(this.slot, this.generation)
  }

  private arm(): void {
    const { client } = this.handle
    const { operation } = this.source
    const slot = client.claim(operation.row.opcode, this, operation, null)
    const failure = fillEntry(client, operation, operation.sqeFlags)
    if (failure !== null) {
      client.slots.completion[slot] = ignoreResult
      throw failure
    }
    this.slot = slot
    this.generation = client.slots.generation[slot]!
    this.stopping = false
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    const last = (cqeFlags & CqeFlag.MORE) === 0
    if (result === this.source.shotErrno) {
      this.deliver(this.source.item(result, cqeFlags))
      if (last) this.ended = true
    } else if (result > 0 || (result === 0 && !this.source.zeroEnds)) this.deliver(this.source.item(result, cqeFlags))
    else if (result === 0) {
      this.source.buffers?.take(0, cqeFlags)?.release() // a CQE of nothing may have taken a buffer all the same
      this.ended = true
    } else if (last) this.interrupted(result)
    if (last) {
      this.slot = -1
      this.onStopped?.()
    }
    if (!last && this.items.length >= this.waitingMax) this.stop()
    this.proceed()
  }

  // Why the request is over without having ended: stopped by us, out of buffers, or failed.
  private interrupted(result: number): void {
    if (result === ECANCELED && this.stopping) return
    if (result === ENOBUFS && this.source.buffers !== undefined) {
      this.starved = true
      this.source.buffers.whenAvailable(() => {
        this.starved = false
        this.proceed()
      })
      return
    }
    this.ended = true
    this.failure ??= resultError(result, this.source.operation.row.syscall, this.source.operation.path)
  }

  private deliver(item: T): void {
    const consumer = this.consumers.shift()
    if (consumer !== undefined) consumer.resolve({ done: false, value: item })
    else this.items.push(item)
  }

  /** Serves consumers that wait, ends them, or arms the request again. */
  private proceed(): void {
    if (this.ended) {
      if (this.slot >= 0 || this.items.length > 0) return
      const { failure } = this
      for (const consumer of this.consumers.splice(0)) {
        if (failure === null) consumer.resolve({ done: true, value: undefined })
        else {
          this.failure = null // told once, as generators do
          consumer.reject(failure)
        }
      }
      return
    }
    if (this.slot >= 0 || this.starved || this.consumers.length === 0) return
    try {
      this.arm()
    } catch (error) {
      this.ended = true
      this.failure = error
      this.proceed()
    }
  }
}
