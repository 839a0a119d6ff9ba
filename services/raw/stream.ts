// Multishot operations as async iterators: one request, a completion for each connection, message or tick. Made by
// RawRing.stream(). A slow consumer stops the stream instead of filling memory.
//
//   idle ──next()──► armed ──shots──► armed … ──last CQE──► idle (armed again when wanted) │ ended │ failed
//                      └─ too many waiting: cancel ─► last CQE ─► idle, armed again when the consumer has caught up
//
// A shot that was posted is delivered, whatever the last CQE says: nothing is lost, nothing comes twice. What ends a request and
// not the stream: our own cancel, no buffer left, a full completion queue (the last CQE is then a shot like any other).
import { CqeFlag } from '../../native/abi.ts'
import { RingError, abortError, invalidArgType, ringErrors } from '../../native/errors.ts'
import { ignoreResult } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { ClientState } from '../../workers/submission.ts'
import { addAbortListener, removeAbortListener, throwIfAborted } from '../abort.ts'
import { checkInteger, checkOptionNames, checkSignal } from '../arguments.ts'
import { fillEntry } from './fill-entry.ts'
import { checkOperation, checkRing, operationError } from './operation.ts'
import type { Operation } from './operation.ts'
import type { ProvidedBuffers } from './provided-buffers.ts'
import { checkSupported } from './support.ts'

/** A multishot operation and what to make of its shots. */
export interface StreamOperation<T> {
  readonly operation: Operation<unknown>
  /** Makes an item of a shot. Null: the shot holds nothing but the end of the stream. */
  item(result: number, cqeFlags: number): T | null
  /** Lets go of an item that nobody will take: closes a socket, releases a buffer. */
  discard(item: T, handle: RingHandle): void
  /** The -errno that a shot carries when all is well (a timeout's -ETIME). */
  readonly shotErrno?: number
  /** Whether the last item was the last of all. Not given: a stream goes on until it is told, or fails. */
  complete?(): boolean
  /** An -errno that ended the request and concerns one item only (a connection that was gone before it was accepted). */
  passes?(errno: number): boolean
  /** Where the shots' buffers come from. */
  readonly buffers?: ProvidedBuffers
  /** Called when a stream is made of it: whatever it counts starts anew. */
  begin?(): void
  /** A bit of the ring's features that the kernel must have, and what it is. */
  readonly needs?: { readonly feature: number; readonly what: string }
}

export interface StreamOptions {
  readonly signal?: AbortSignal
  /**
   * Items that may wait for the consumer before the kernel is told to stop, 1 to 65,536; until it has, a few more may come.
   * Default 64.
   */
  readonly waitingMax?: number
}

/** @throws ERR_INVALID_ARG_TYPE */
function checkSource(source: unknown): void {
  const made = typeof source === 'object' && source !== null && 'operation' in source && 'item' in source
  if (!made) throw invalidArgType('operation', 'what acceptStream(), pollStream(), … make', source)
  checkOperation(source.operation)
}

const EINTR = -4
const ENOBUFS = -105
const ECANCELED = -125
/**
 * Times in a row that the kernel may say that there is no buffer while we know of one, and nobody else has taken or given back
 * any meanwhile: then they are not what we think.
 */
const starvationsMax = 100

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}

// Of one argument: TypeScript before 5.6 knows no other.
export class MultishotStream<T> implements AsyncIterableIterator<T>, Completion {
  private readonly handle: RingHandle
  private readonly source: StreamOperation<T>
  private readonly waitingMax: number
  private readonly signal: AbortSignal | undefined
  private items: T[] = []
  private consumers: Waiting<T>[] = []
  private slot = -1
  private armedSlot = -1
  private generation = 0
  private stopping = false
  private starved = false
  private starvations = 0
  /** What the buffers had seen when there was none for this stream. */
  private turnsSeen = -1
  private ended = false
  private failure: unknown = null
  private onStopped: (() => void)[] = []
  private readonly onAbort = (): void => {
    void this.finish(abortError(this.signal!))
  }
  private readonly onClosing = (): void => {
    void this.finish(ringErrors.closed())
  }

  /** Made by RawRing.stream(). @throws AbortError, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_RING_OPERATION_UNSUPPORTED */
  constructor(handle: RingHandle, source: StreamOperation<T>, options: StreamOptions) {
    checkSource(source)
    checkOptionNames(options, ['signal', 'waitingMax'])
    checkRing(source.operation, handle)
    checkSupported(source.operation.row, handle.client.poller, source.operation.sqeFlags)
    const { needs } = source
    if (needs !== undefined && (handle.geometry.features & needs.feature) === 0)
      throw new RingError('ERR_RING_OPERATION_UNSUPPORTED', `this kernel has no ${needs.what}`)
    this.waitingMax = checkInteger(options.waitingMax ?? 64, 'waitingMax', 1, 65536)
    this.signal = checkSignal(options.signal)
    throwIfAborted(this.signal)
    this.handle = handle
    this.source = source
    source.begin?.()
    addAbortListener(this.signal, this.onAbort)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.items.length > 0) resolve({ done: false, value: this.items.shift()! })
      else this.consumers.push({ resolve, reject })
      this.proceed()
    })
  }

  /** Cancels and waits for the last completion; items that nobody took are let go. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this.finish(null)
    this.failure = null // who returns does not want to know
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  private end(failure: unknown): void {
    if (!this.ended) this.failure = failure
    this.ended = true
    if (this.starved) this.fed()
    removeAbortListener(this.signal, this.onAbort)
  }

  private async finish(failure: unknown): Promise<void> {
    this.end(failure)
    if (this.slot >= 0) {
      await new Promise<void>((resolve) => {
        this.onStopped.push(resolve)
        this.stop()
      })
    }
    for (const item of this.items.splice(0)) this.source.discard(item, this.handle)
    this.proceed()
  }

  private stop(): void {
    if (this.stopping || this.slot < 0) return
    this.stopping = true
    this.handle.client.cancel(this.slot, this.generation)
  }

  private arm(): void {
    const { client, onClosing } = this.handle
    const { operation } = this.source
    const { ticket } = operation
    // While the last completion is being settled its slot is still taken: by this stream itself.
    const own = ticket.slot === this.armedSlot && ticket.generation === this.generation
    if (!own && ticket.slots?.holds(ticket.slot, ticket.generation) === true)
      throw ringErrors.operationInFlight(operation.row.name)
    const slot = client.claim(operation.row.opcode, this, operation, null)
    const failure = fillEntry(client, operation, operation.sqeFlags, true)
    if (failure !== null) {
      client.slots.completion[slot] = ignoreResult
      throw failure
    }
    this.slot = slot
    this.armedSlot = slot
    this.generation = client.slots.generation[slot]!
    this.stopping = false
    onClosing.add(this.onClosing)
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    const last = (cqeFlags & CqeFlag.MORE) === 0
    if (last) {
      this.slot = -1
      this.handle.onClosing.delete(this.onClosing)
    }
    try {
      if (result >= 0 || result === this.source.shotErrno) this.shot(result, cqeFlags)
      else this.interrupted(result, cqeFlags)
    } catch (error) {
      this.end(error)
      this.stop()
    }
    if (last) {
      for (const stopped of this.onStopped.splice(0)) stopped()
      this.source.buffers?.wakeSoon() // what this request did not take others may have
    }
    if (!last && this.items.length >= this.waitingMax) this.stop()
    this.proceed()
  }

  private shot(result: number, cqeFlags: number): void {
    const item = this.source.item(result, cqeFlags)
    this.starvations = 0
    if (item === null) {
      this.end(null)
      return
    }
    const consumer = this.consumers.shift()
    if (consumer !== undefined) consumer.resolve({ done: false, value: item })
    else this.items.push(item)
    if (this.source.complete?.() === true) this.end(null)
  }

  // Why the request is over without a shot: stopped by us, out of buffers, or failed.
  private interrupted(result: number, cqeFlags: number): void {
    const { buffers, operation } = this.source
    if ((cqeFlags & CqeFlag.BUFFER) !== 0) buffers?.take(result, cqeFlags)?.release()
    // The kernel's private "restart me" errors are its EINTR.
    const cancelled = result === ECANCELED || result === EINTR || (result <= -512 && result >= -516)
    if (this.ended || (this.stopping && cancelled) || this.source.passes?.(result) === true) return
    if (result === ENOBUFS && buffers !== undefined && this.mayStarve(buffers)) {
      if (this.consumers.length > 0) this.starve(buffers)
      return
    }
    const closing = result === ECANCELED && this.handle.client.state !== ClientState.open
    const error = closing ? ringErrors.closed() : operationError(operation, result)
    this.handle.client.slots.explain?.(operation.row.opcode, error)
    this.end(error)
  }

  // None is free: one will be given back. One is free: others were faster, and as long as they go on so may this stream.
  private mayStarve(buffers: ProvidedBuffers): boolean {
    const { turnsTaken } = buffers
    if (buffers.available === 0 || turnsTaken !== this.turnsSeen) this.starvations = 0
    this.turnsSeen = turnsTaken
    return this.starvations++ < starvationsMax
  }

  private starve(buffers: ProvidedBuffers): void {
    this.starved = true
    this.handle.onClosing.add(this.onClosing)
    buffers.whenAvailable(this)
  }

  private fed(): void {
    this.starved = false
    this.source.buffers?.withdraw(this)
    if (this.slot < 0) this.handle.onClosing.delete(this.onClosing)
  }

  /** Its turn to take a buffer has come: the line of ProvidedBuffers. @internal */
  buffersFree(): boolean {
    this.fed()
    this.proceed(true)
    return this.slot >= 0
  }

  /** Serves consumers that wait, ends them, or arms the request again: in its turn, where others wait for a buffer. */
  private proceed(inTurn = false): void {
    if (this.ended) {
      if (this.slot >= 0 || this.items.length > 0) return
      for (const consumer of this.consumers.splice(0)) {
        const { failure } = this
        this.failure = null // told once, as generators do
        if (failure === null) consumer.resolve({ done: true, value: undefined })
        else consumer.reject(failure)
      }
      return
    }
    if (this.slot >= 0 || this.starved || this.consumers.length === 0) return
    const { buffers } = this.source
    if (!inTurn && buffers?.contended === true) {
      this.starve(buffers)
      return
    }
    try {
      this.arm()
    } catch (error) {
      this.end(error)
      this.proceed()
    }
  }
}
