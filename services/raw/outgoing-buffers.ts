// OutgoingBuffers: what is to be sent on one socket, in order, sent as bundles. Made by RawRing.outgoing(). The kernel takes the
// queued buffers from a ring of provided buffers, up to 256 at a time, and sends them in one request: many small pieces cost
// one entry and few completions, and the next piece never overtakes the one before.
//
//   put(view) ─► waiting ──flush()──► in the group, SEND with BUNDLE ──CQEs with MORE … last──► sent │ waiting again │ failed
//
// The kernel takes a buffer out of the group when it begins to send it, whole, so a short send would lose its rest: MSG_WAITALL
// makes it go on, and a send that is short all the same (an error, a cancel) ends the queue.
import { CqeFlag, Feature, RecvSendFlag, SqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { RingError, abortError } from '../../native/errors.ts'
import { prepSend, send } from '../../native/operations/messages.ts'
import { ignoreResult, resultError } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { addAbortListener, removeAbortListener, throwIfAborted } from '../abort.ts'
import { checkInteger, checkOptionNames, checkSignal } from '../arguments.ts'
import {
  allocatePages,
  bufferEntryBytes,
  bufferTailOffsetBytes,
  closeGroup,
  groupHead,
  openGroup,
} from './buffer-groups.ts'
import type { GroupMemory } from './buffer-groups.ts'
import { checkDescriptor, checkMemory, checkOptions } from './checks.ts'
import { fillEntry } from './fill-entry.ts'
import { MessageFlag } from './flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from './operation.ts'
import type { Descriptor, Operation } from './operation.ts'
import { checkSupported } from './support.ts'

export interface OutgoingBuffersOptions {
  /** A connected stream socket. Nobody else should send on it meanwhile. */
  readonly fd: Descriptor
  /** Buffers that may wait, rounded up to a power of two, at most 32,768. Default 256. */
  readonly count?: number
}

interface Flush {
  /** How many bytes must have been sent in all for it to be over. */
  readonly untilBytes: number
  readonly startBytes: number
  resolve(bytes: number): void
  reject(error: unknown): void
}

const lengthMax = 2 ** 31 - 1

const closedError = (): RingError =>
  new RingError('ERR_RING_BUFFERS_CLOSED', 'the outgoing buffers are closed: make new ones')

const cutShort = (unsentBytes: number): RingError =>
  new RingError(
    'ERR_RING_SEND_SHORT',
    `the connection took all but ${unsentBytes} bytes of a bundle: it is about to fail, or something else sent on it`,
  )

export class OutgoingBuffers implements Completion {
  readonly count: number
  private readonly handle: RingHandle
  private readonly operation: Operation
  private readonly entries: DataView
  private readonly tailWord: Uint16Array
  private readonly shared: GroupMemory
  private readonly group: number
  private waiting: ArrayBufferView[] = []
  /** What the kernel has: kept alive by this object, which the slot owns while a request is in flight. */
  private sending: ArrayBufferView[] = []
  private lengths: number[] = []
  private firstPlace = 0
  private unsentBytes = 0
  private flushes: Flush[] = []
  private tail = 0
  private slot = -1
  private generation = 0
  private sent = 0
  private accepted = 0
  private failure: Error | null = null
  /** Asked for; whether it came in time is told by the request's end. */
  private aborted: Error | null = null
  private closed = false

  /** Made by RawRing.outgoing(). @throws ERR_RING_OPERATION_UNSUPPORTED before Linux 6.10; ERR_INVALID_ARG_*, SystemError */
  constructor(handle: RingHandle, options: OutgoingBuffersOptions) {
    checkOptionNames(options, ['fd', 'count'])
    const fd = checkDescriptor(options.fd)
    const count = checkInteger(options.count ?? 256, 'count', 1, 32768)
    checkSupported(send, handle.client.poller, SqeFlag.BUFFER_SELECT)
    if ((handle.geometry.features & Feature.RECVSEND_BUNDLE) === 0)
      throw new RingError('ERR_RING_OPERATION_UNSUPPORTED', 'this kernel has no bundles: they came with Linux 6.10')
    this.count = 2 ** Math.ceil(Math.log2(count))
    this.handle = handle
    const ring = allocatePages(this.count * bufferEntryBytes)
    this.entries = new DataView(ring.buffer, ring.byteOffset, ring.byteLength)
    this.tailWord = new Uint16Array(ring.buffer, ring.byteOffset + bufferTailOffsetBytes, 1)
    this.shared = { ring, count: this.count, incremental: false, keep: [ring, this] }
    this.group = openGroup(handle, this.shared, undefined)
    this.operation = makeOperation(
      send,
      (words, at, flags) => {
        if (this.unsentBytes === 0) this.offer()
        prepSend(words, at, flags, descriptorNumber(fd), 0, 0, MessageFlag.MSG_WAITALL, RecvSendFlag.BUNDLE)
        words[at + 10] = this.group
      },
      { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [this] },
    )
  }

  /** Buffers that wait or are being sent; put() takes them up to `count`. */
  get queued(): number {
    return this.waiting.length + this.sending.length
  }

  /** Bytes sent so far. */
  get sentBytes(): number {
    return this.sent
  }

  /**
   * Adds a buffer behind those that wait. It belongs to the kernel until a flush() that covers it has settled.
   * @throws ERR_RING_SEND_QUEUE_FULL, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; what ended the queue, once it is over
   */
  put(view: ArrayBufferView): void {
    if (this.closed) throw closedError()
    if (this.failure !== null) throw this.failure
    if (checkInteger(checkMemory(view).byteLength, 'view.byteLength', 0, lengthMax) === 0) return
    if (this.queued >= this.count)
      throw new RingError(
        'ERR_RING_SEND_QUEUE_FULL',
        `${this.count} buffers wait to be sent: await flush() before more, or raise count`,
      )
    this.waiting.push(view)
    this.handle.memoryHolders.add(this)
    this.accepted += view.byteLength
  }

  /**
   * Sends everything that was put so far. Resolves with the bytes that this took; those put meanwhile go with the next flush().
   * @throws (rejects) EPIPE, ECONNRESET, …; AbortError. After either the queue is over, and `sentBytes` says how far it came.
   */
  flush(options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    try {
      const signal = checkSignal(checkOptions(options).signal)
      throwIfAborted(signal)
      if (this.failure !== null) throw this.failure
      return this.startFlush(signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private async startFlush(signal: AbortSignal | undefined): Promise<number> {
    const startBytes = this.flushes.at(-1)?.untilBytes ?? this.sent
    if (this.accepted === startBytes && this.flushes.length === 0) return 0
    const onAbort = (): void => {
      this.aborted = abortError(signal!)
      this.handle.client.cancel(this.slot, this.generation)
    }
    try {
      return await new Promise<number>((resolve, reject) => {
        this.flushes.push({ untilBytes: this.accepted, startBytes, resolve, reject })
        addAbortListener(signal, onAbort)
        this.proceed()
      })
    } finally {
      removeAbortListener(signal, onAbort)
    }
  }

  // Gives the waiting buffers to the kernel: addresses as they are now, the tail behind them.
  private offer(): void {
    this.sending = this.waiting
    this.waiting = []
    this.firstPlace = this.tail
    this.lengths = this.sending.map((view) => view.byteLength)
    this.sending.forEach((view, id) => {
      const at = (this.tail & (this.count - 1)) * bufferEntryBytes
      const address = view.byteLength === 0 ? 0 : addressOfView(view) // detached since: nothing is left of it
      this.entries.setUint32(at, address >>> 0, true)
      this.entries.setUint32(at + 4, Math.floor(address / 4294967296), true)
      this.entries.setUint32(at + 8, view.byteLength, true)
      this.entries.setUint16(at + 12, id, true)
      this.unsentBytes += view.byteLength
      this.tail = (this.tail + 1) & 0xffff
    })
    Atomics.store(this.tailWord, 0, this.tail)
  }

  private proceed(): void {
    if (this.slot >= 0 || this.failure !== null || this.flushes.length === 0) return
    const { client } = this.handle
    const { operation } = this
    try {
      const slot = client.claim(operation.row.opcode, this, operation, null)
      const failure = fillEntry(client, operation, operation.sqeFlags, true)
      if (failure !== null) {
        client.slots.completion[slot] = ignoreResult
        throw failure
      }
      this.slot = slot
      this.generation = client.slots.generation[slot]!
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
      this.fail()
    }
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    if (result > 0) {
      this.sent += result
      this.unsentBytes -= result
    }
    if ((cqeFlags & CqeFlag.MORE) !== 0) return
    this.slot = -1
    const tooLateToAbort = result > 0 && this.unsentBytes === 0
    if (this.aborted !== null && !tooLateToAbort) this.failure ??= this.aborted
    else if (result < 0) this.failure ??= resultError(result, 'send')
    else if (this.unsentBytes > 0 && this.failure === null && !this.restIsThere())
      this.failure ??= cutShort(this.unsentBytes)
    this.aborted = null
    if (this.failure !== null) {
      this.fail()
      return
    }
    if (this.unsentBytes === 0) this.sending = []
    this.tellHolders()
    while (this.flushes.length > 0 && this.flushes[0]!.untilBytes <= this.sent) {
      const flush = this.flushes.shift()!
      flush.resolve(flush.untilBytes - flush.startBytes)
    }
    this.proceed()
  }

  /** What waits, and what is in the group: more than one request may be needed for it. @internal */
  *heldViews(): Iterable<ArrayBufferView> {
    yield* this.waiting
    yield* this.sending
  }

  private tellHolders(): void {
    if (this.queued === 0) this.handle.memoryHolders.delete(this)
    else this.handle.memoryHolders.changed()
  }

  // A request takes 256 buffers at most, and ends where the socket made it wait: then the others are still in the group. Where it
  // took more than it sent, they are not. Only the kernel knows.
  private restIsThere(): boolean {
    const taken = (groupHead(this.handle, this.group) - this.firstPlace) & 0xffff
    let leftBytes = 0
    for (const length of this.lengths.slice(taken)) leftBytes += length
    return leftBytes === this.unsentBytes
  }

  private fail(): void {
    this.waiting = []
    this.sending = []
    this.tellHolders()
    for (const flush of this.flushes.splice(0)) flush.reject(this.failure)
  }

  /** Takes the group away from the kernel. What waits is dropped; flush() first. Safe to repeat. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.failure ??= closedError()
    if (this.slot >= 0) this.handle.client.cancel(this.slot, this.generation)
    else this.fail()
    closeGroup(this.handle, this.group, this.shared)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
