// Sender: sends on one socket, in order, deciding for each buffer whether the kernel copies it. Made by RawRing.sender().
//
//   send(view) ─► waiting ─► SEND or SEND_ZC ──result: the next one may go──► … ──notification: the buffer is free──► settled
//
// Without copying, a send has a second completion, the notification, which comes when the network is done with the buffer: on a
// real connection when the peer has acknowledged it. So the next send starts at the result, and promises settle at the
// notification. A zero-copy send costs more than a plain one where it is small, and where the kernel copies all the same: on
// loopback it always does, and says so (IORING_NOTIF_USAGE_ZC_COPIED, 6.2).
import { CqeFlag, Op, RecvSendFlag, zeroCopyCopied } from '../../native/abi.ts'
import { RingError, abortError } from '../../native/errors.ts'
import { prepSend, prepSendZc, send, sendZc } from '../../native/operations/messages.ts'
import { resultError } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { addAbortListener, removeAbortListener, throwIfAborted } from '../abort.ts'
import { checkInteger, checkOptionNames, checkSignal } from '../arguments.ts'
import { checkDescriptor, checkPart, partAddress, partLength } from './checks.ts'
import type { BufferPart } from './checks.ts'
import { MessageFlag } from './flags.ts'
import { descriptorFlags, descriptorNumber } from './operation.ts'
import type { Descriptor } from './operation.ts'
import { isSupported } from './support.ts'

export interface SenderOptions {
  /**
   * From how many bytes on a buffer is sent without copying. Default 8192: the smallest size that gained more than a tenth without
   * registered buffers when it was measured on a 400 Gbit/s network (Jasny et al., PVLDB 19(1), 2026: cycles per byte 1.14
   * copying and 0.95 not; at 4 KiB 1.63 and 1.56). `Infinity`: never.
   */
  readonly zeroCopyThresholdBytes?: number
  /** Sends that may wait for the one before them. Default 1024. */
  readonly waitingMax?: number
  /** Ends the sender: the send that is under way is cancelled and rejects, and so do all behind it, now and later. */
  readonly signal?: AbortSignal
}

/** Whether large buffers are sent without copying, and why not. */
export interface ZeroCopyState {
  readonly active: boolean
  /** `copied`: the kernel copied all the same. `unsupported`: kernel or protocol cannot. `memory`: short of locked memory. */
  readonly reason: 'copied' | 'unsupported' | 'memory' | null
  /** Sends without copying that were accepted, and those of them that the kernel copied all the same. */
  readonly sends: number
  readonly copied: number
}

const ENOMEM = -12
const EINVAL = -22
const EOPNOTSUPP = -95
const ENOBUFS = -105
/** What libuv calls ENOTSUP is EOPNOTSUPP on Linux; the kernel's own ENOTSUPP leaks from some protocols. */
const ENOTSUPP = -524
/** Times in a row that locked memory may be short before zero copy is given up. */
const shortagesMax = 3

/** One call of send(): perhaps several requests, one at a time. Owned by the slot until the kernel lets go of the buffer. */
class Sending implements Completion {
  readonly part: BufferPart
  readonly resolve: (bytes: number) => void
  readonly reject: (error: unknown) => void
  sentBytes = 0
  zeroCopy = false
  /** It was refused without copying. */
  mustCopy = false
  private readonly sender: Sender
  /** Notifications that have not come: while there is one, the kernel may read the buffer. */
  private notifications = 0
  /** Of those, of sends that failed. */
  private failed = 0
  private failure: Error | null = null
  private over = false

  constructor(sender: Sender, part: BufferPart, resolve: (bytes: number) => void, reject: (error: unknown) => void) {
    this.sender = sender
    this.part = part
    this.resolve = resolve
    this.reject = reject
  }

  get leftBytes(): number {
    return Math.max(0, partLength(this.part) - this.sentBytes)
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    if ((cqeFlags & CqeFlag.NOTIF) !== 0) {
      this.notifications--
      // A failed send has its notification too, at once; what that says of copying means nothing.
      if (this.failed > 0) this.failed--
      else this.sender.notified(result === zeroCopyCopied)
      this.settle()
      return
    }
    if ((cqeFlags & CqeFlag.MORE) !== 0) {
      this.notifications++
      if (result < 0) this.failed++
    }
    this.sender.completed(this, result)
  }

  /** No more requests will be made for it. */
  end(failure: Error | null): void {
    this.over = true
    this.failure = failure
    this.settle()
  }

  private settle(): void {
    if (!this.over || this.notifications > 0) return
    if (this.failure === null) this.resolve(this.sentBytes)
    else this.reject(this.failure)
  }
}

export class Sender {
  private readonly handle: RingHandle
  private readonly fd: Descriptor
  private readonly thresholdBytes: number
  private readonly waitingMax: number
  private readonly waiting: Sending[] = []
  private current: Sending | null = null
  private failure: Error | null = null
  private reason: ZeroCopyState['reason']
  private sends = 0
  private copied = 0
  private shortages = 0
  private slot = -1
  private generation = 0
  /** Heard while something is under way only: a signal outlives many senders. */
  private readonly signal: AbortSignal | undefined
  private listening = false
  private readonly onAbort = (): void => {
    this.listening = false
    this.abort(abortError(this.signal!))
  }

  /** Made by RawRing.sender(). @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
  constructor(handle: RingHandle, fd: Descriptor, options: SenderOptions) {
    checkOptionNames(options, ['zeroCopyThresholdBytes', 'waitingMax', 'signal'])
    const { zeroCopyThresholdBytes = 8192, waitingMax = 1024 } = options
    const signal = checkSignal(options.signal)
    throwIfAborted(signal)
    this.handle = handle
    this.fd = checkDescriptor(fd)
    this.thresholdBytes =
      zeroCopyThresholdBytes === Infinity
        ? Infinity
        : checkInteger(zeroCopyThresholdBytes, 'zeroCopyThresholdBytes', 0, Number.MAX_SAFE_INTEGER)
    this.waitingMax = checkInteger(waitingMax, 'waitingMax', 1, 65536)
    this.reason = isSupported(sendZc, handle.client.poller) ? null : 'unsupported'
    this.signal = signal
  }

  get zeroCopy(): ZeroCopyState {
    return { active: this.reason === null, reason: this.reason, sends: this.sends, copied: this.copied }
  }

  /**
   * Sends all of a buffer (or of a part of it), behind what was given before. It belongs to the kernel until the promise settles.
   * Resolves with its length.
   * @throws (rejects) ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; ERR_RING_SEND_QUEUE_FULL; EPIPE, ECONNRESET, …: then so does every
   * send after it, because its bytes are missing.
   */
  send(buffer: ArrayBufferView, offset?: number, length?: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const part = checkPart(buffer, offset, length)
      if (this.signal?.aborted === true) this.failure ??= abortError(this.signal)
      if (this.failure !== null) throw this.failure
      if (this.waiting.length >= this.waitingMax)
        throw new RingError(
          'ERR_RING_SEND_QUEUE_FULL',
          `${this.waitingMax} sends wait for the one before them: await some, or raise waitingMax`,
        )
      this.waiting.push(new Sending(this, part, resolve, reject))
      if (this.current === null) this.next()
      else this.handle.memoryHolders.add(this)
    })
  }

  private next(): void {
    this.current = this.waiting.shift() ?? null
    this.listen(this.current !== null)
    if (this.current !== null) this.submit(this.current)
    this.tellHolders()
  }

  /** What has its request is in the slot table: this is the rest. @internal */
  *heldViews(): Iterable<ArrayBufferView> {
    for (const { part } of this.waiting) yield part.view
  }

  private tellHolders(): void {
    if (this.waiting.length === 0) this.handle.memoryHolders.delete(this)
    else this.handle.memoryHolders.changed()
  }

  private listen(wanted: boolean): void {
    if (wanted === this.listening || this.signal === undefined) return
    this.listening = wanted
    if (wanted) addAbortListener(this.signal, this.onAbort)
    else removeAbortListener(this.signal, this.onAbort)
  }

  private submit(sending: Sending): void {
    const { client } = this.handle
    const left = sending.leftBytes
    sending.zeroCopy = this.reason === null && left >= this.thresholdBytes && !sending.mustCopy
    try {
      this.slot = client.claim(sending.zeroCopy ? Op.SEND_ZC : Op.SEND, sending, sending.part.view, null)
      this.generation = client.slots.generation[this.slot]!
    } catch (error) {
      this.fail(sending, error instanceof Error ? error : new Error(String(error)))
      return
    }
    const { words, at } = client
    const address = left === 0 ? 0 : partAddress(sending.part) + sending.sentBytes
    const fd = descriptorNumber(this.fd)
    const flags = descriptorFlags(this.fd)
    const { MSG_WAITALL } = MessageFlag
    if (sending.zeroCopy)
      prepSendZc(words, at, flags, fd, address, left, MSG_WAITALL, RecvSendFlag.SEND_ZC_REPORT_USAGE, 0)
    else prepSend(words, at, flags, fd, address, left, MSG_WAITALL, 0)
  }

  /** A request's result is there: go on with this send, or with the next. Sendings call it. */
  completed(sending: Sending, result: number): void {
    if (this.failure !== null) {
      this.fail(sending, this.failure)
      return
    }
    if (result < 0 && sending.zeroCopy && this.fallsBack(result)) {
      sending.mustCopy = true
      this.submit(sending)
      return
    }
    if (result < 0) {
      this.fail(sending, resultError(result, send.syscall))
      return
    }
    if (sending.zeroCopy) {
      this.sends++
      this.shortages = 0
    }
    sending.sentBytes += result
    if (result > 0 && sending.leftBytes > 0) {
      this.submit(sending) // short in spite of MSG_WAITALL: the next request says why, or goes on
      return
    }
    sending.end(null)
    this.next()
  }

  /** Whether to send it by copying instead, because it could not be sent without: nothing of it was. */
  private fallsBack(errno: number): boolean {
    if (errno === EOPNOTSUPP || errno === ENOTSUPP || errno === EINVAL) {
      this.reason = 'unsupported'
      return true
    }
    if (errno !== ENOMEM && errno !== ENOBUFS) return false
    this.shortages++
    if (this.shortages >= shortagesMax) this.reason = 'memory'
    return true
  }

  private abort(failure: Error): void {
    if (this.failure !== null) return
    this.failure = failure
    if (this.current !== null) this.handle.client.cancel(this.slot, this.generation)
  }

  private fail(sending: Sending, failure: Error): void {
    this.failure = failure
    this.current = null
    this.listen(false)
    sending.end(failure)
    for (const waiting of this.waiting.splice(0)) waiting.end(failure)
    this.tellHolders()
  }

  /**
   * Takes no more: the send that is under way is cancelled, and it and all behind it reject with ERR_RING_BUFFERS_CLOSED. The socket
   * stays open. Safe to repeat.
   */
  close(): void {
    this.abort(new RingError('ERR_RING_BUFFERS_CLOSED', 'the sender is closed: make a new one'))
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** A notification came. Sendings call it. */
  notified(copied: boolean): void {
    if (!copied) return
    this.copied++
    this.reason ??= 'copied'
  }
}
