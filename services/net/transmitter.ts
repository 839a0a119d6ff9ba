// What a connection sends: one request at a time, with everything that is waiting when it is made, so that the many small writes of one turn
// are one message to the kernel. Half of a Connection (connection.ts).
//
//   send(views) ─► waiting ─► SEND, SENDMSG or SEND_ZC ──CQE (and notification)──► done, in order │ all that waits fails
//
// Whose memory others want offers it instead: done is then told how much was taken, which is what the socket took at once, or until recall().
import { CqeFlag, Op, RecvSendFlag, zeroCopyCopied } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { prepSend, prepSendmsg, prepSendZc, sendZc, sendmsgZc } from '../../native/operations/messages.ts'
import { prepPollAdd } from '../../native/operations/polls.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { MessageFlag, PollEvent } from '../raw/flags.ts'
import { isSupported } from '../raw/support.ts'
import { connectionError, throwLater } from './errors.ts'

/** EINVAL, EOPNOTSUPP: not on such a socket. ENOMEM, ENOBUFS: no more memory may be locked (RLIMIT_MEMLOCK). */
const refusesZeroCopy: ReadonlySet<number> = new Set([-22, -95, -12, -105])
/** struct msghdr, and how many struct iovec follow it: a turn's writes seldom are more. */
const headerBytes = 56
const vectorsMax = 64
const iovecBytes = 16
const sendFlags = MessageFlag.MSG_WAITALL | MessageFlag.MSG_NOSIGNAL
const briefFlags = MessageFlag.MSG_DONTWAIT | MessageFlag.MSG_NOSIGNAL
/** How much of what is given is to be taken. `room`: it is nothing, and only waited for. */
const Kind = { all: 0, untilRecalled: 1, atOnce: 2, room: 3 } as const
type Kind = (typeof Kind)[keyof typeof Kind]
const EAGAIN = -11
const ECANCELED = -125
const noViews: readonly Uint8Array[] = []
const word = 4_294_967_296
/** A result is a number of 31 bits. */
const requestBytesMax = 2 ** 30

type Done = (error: Error | null, takenBytes: number) => void

/** Messages that nobody has under way: an idle connection holds none. */
const spareMessages: Buffer[] = []
const spareMax = 64

/** Who is told that nothing is under way any more, and nobody is being told of anything. */
export interface TransmitterSink {
  transmitterIdle(): void
}

interface Waiting {
  readonly kind: Kind
  readonly views: readonly Uint8Array[]
  readonly done: Done
}

export class Transmitter implements Completion {
  /** Bytes that the kernel has taken. */
  sentBytes = 0
  private readonly handle: RingHandle
  private readonly fd: number
  private readonly sink: TransmitterSink
  /** From how many bytes on a buffer is sent without copying it; Infinity: never, or not any more. */
  private zeroCopyFromBytes: number
  /** Of an offer. Before 6.1 a send that was cancelled did not say what it had sent before, if it waited for all to be. */
  private readonly offerFlags: number
  private waiting: Waiting[] = []
  /** Those whose bytes are in the request that is under way. */
  private current: Waiting[] = []
  private views: Uint8Array[] = []
  private leftBytes = 0
  private kind: Kind = Kind.all
  /** Of the request that is under way, by the socket. */
  private takenBytes = 0
  private recalled = false
  private message: Buffer | null = null
  private slot = -1
  private generation = 0
  private result = 0
  private withoutCopy = false
  private failure: Error | null = null
  /** Callers are being told: what they send meanwhile goes as one request behind it, and the descriptor is still in use. */
  private telling = false

  constructor(handle: RingHandle, fd: number, zeroCopyFromBytes: number, sink: TransmitterSink) {
    this.handle = handle
    this.fd = fd
    this.zeroCopyFromBytes = isSupported(sendZc, handle.client.poller) ? zeroCopyFromBytes : Infinity
    this.offerFlags = isSupported(sendmsgZc, handle.client.poller) ? sendFlags : MessageFlag.MSG_NOSIGNAL
    this.sink = sink
  }

  get idle(): boolean {
    return this.slot < 0 && !this.telling && this.waiting.length === 0
  }

  /** The memory is the kernel's until `done` is called. */
  send(views: readonly Uint8Array[], done: Done): void {
    this.add(Kind.all, views, done)
  }

  /** As send(), but `done` is told how much was taken: what the socket takes at once where `brief`, else perhaps less because of recall(). */
  offer(views: readonly Uint8Array[], brief: boolean, done: Done): void {
    this.add(brief ? Kind.atOnce : Kind.untilRecalled, views, done)
  }

  /** Tells when the socket takes something. */
  whenWritable(done: Done): void {
    this.add(Kind.room, noViews, done)
  }

  /** What is offered and under way is over as soon as the kernel says how much it took. */
  recall(): void {
    if (this.slot < 0 || this.kind !== Kind.untilRecalled || this.recalled || this.failure !== null) return
    this.recalled = true
    this.handle.client.cancel(this.slot, this.generation)
  }

  private add(kind: Kind, views: readonly Uint8Array[], done: Done): void {
    if (this.failure !== null) {
      done(this.failure, 0)
      return
    }
    this.waiting.push({ kind, views, done })
    if (this.slot < 0 && !this.telling) this.next()
  }

  /** What waits, and what is under way, fails with `error`. */
  stop(error: Error): void {
    this.failure ??= error
    if (this.slot >= 0) this.handle.client.cancel(this.slot, this.generation)
    else if (!this.telling) this.failAll()
  }

  private next(): void {
    const { waiting } = this
    const { kind } = waiting[0]!
    this.kind = kind
    this.takenBytes = 0
    this.recalled = false
    let taken = 0
    while (taken === 0 || this.joins(waiting[taken])) {
      for (const view of waiting[taken]!.views) {
        if (view.byteLength === 0) continue
        this.views.push(view)
        this.leftBytes += view.byteLength
      }
      taken++
    }
    this.current = waiting.splice(0, taken)
    this.proceed()
  }

  /** Whether it goes along with what is gathered for one request. */
  private joins(next: Waiting | undefined): boolean {
    if (next === undefined || next.kind !== Kind.all || this.kind !== Kind.all) return false
    return this.views.length + next.views.length <= vectorsMax
  }

  private proceed(): void {
    if (this.leftBytes === 0 && this.kind !== Kind.room) {
      this.finish()
      return
    }
    try {
      this.submit()
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
      this.failAll()
    }
  }

  private submit(): void {
    const { client } = this.handle
    const { views, fd, kind } = this
    const flags = kind === Kind.all ? sendFlags : kind === Kind.atOnce ? briefFlags : this.offerFlags
    this.withoutCopy = false
    if (kind === Kind.room) {
      this.slot = client.claim(Op.POLL_ADD, this, null, null)
      prepPollAdd(client.words, client.at, 0, fd, PollEvent.POLLOUT, 0)
    } else if (views.length > 1) {
      const message = this.describe()
      this.slot = client.claim(Op.SENDMSG, this, views, null)
      prepSendmsg(client.words, client.at, 0, fd, addressOfView(message), flags, 0)
    } else {
      const first = views[0]!
      this.withoutCopy = kind === Kind.all && first.byteLength >= this.zeroCopyFromBytes
      this.slot = client.claim(this.withoutCopy ? Op.SEND_ZC : Op.SEND, this, first, null)
      const { words, at } = client
      const address = addressOfView(first)
      const length = Math.min(first.byteLength, requestBytesMax)
      if (this.withoutCopy)
        prepSendZc(words, at, 0, fd, address, length, sendFlags, RecvSendFlag.SEND_ZC_REPORT_USAGE, 0)
      else prepSend(words, at, 0, fd, address, length, flags, 0)
    }
    this.generation = client.slots.generation[this.slot]!
  }

  /** struct msghdr with one iovec for each view. It is this object's until the CQE, as the views are. */
  private describe(): Buffer {
    const message = (this.message ??= spareMessages.pop() ?? Buffer.alloc(headerBytes + vectorsMax * iovecBytes))
    const count = Math.min(this.views.length, vectorsMax)
    const at = addressOfView(message)
    writePointer(message, 16, at + headerBytes)
    message.writeUInt32LE(count, 24)
    for (let index = 0; index < count; index++) {
      const view = this.views[index]!
      const vectorAt = headerBytes + index * iovecBytes
      writePointer(message, vectorAt, addressOfView(view))
      message.writeUInt32LE(Math.min(view.byteLength, requestBytesMax), vectorAt + 8)
    }
    return message
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    if ((cqeFlags & CqeFlag.NOTIF) !== 0) {
      // The kernel copied all the same, as it always does on loopback: then that costs more than it saves.
      if (result === zeroCopyCopied) this.zeroCopyFromBytes = Infinity
    } else {
      this.result = result
      if ((cqeFlags & CqeFlag.MORE) !== 0) return // the buffer is the kernel's until its notification
    }
    this.slot = -1
    this.sent(this.result)
  }

  private sent(result: number): void {
    if (this.withoutCopy && refusesZeroCopy.has(result) && this.failure === null) {
      this.zeroCopyFromBytes = Infinity
      this.proceed()
      return
    }
    if (this.kind === Kind.room) {
      if (result < 0) this.failure ??= connectionError(result, 'write')
      if (this.failure !== null) this.failAll()
      else this.finish()
      return
    }
    if (result > 0) {
      this.sentBytes += result
      this.takenBytes += result
      this.advance(result)
    } else if (!this.isRefusal(result)) this.failure ??= connectionError(result, 'write')
    const isOver = this.kind === Kind.atOnce || this.recalled
    if (isOver && this.failure === null) this.finish()
    else if (this.failure !== null && this.leftBytes > 0) this.failAll()
    else this.proceed()
  }

  /** Whether a result says that nothing was taken of what was offered, and not that nothing can be. */
  private isRefusal(result: number): boolean {
    return this.kind === Kind.atOnce ? result === EAGAIN : this.recalled && result === ECANCELED
  }

  private advance(bytes: number): void {
    this.leftBytes -= bytes
    if (this.leftBytes === 0) return
    let left = bytes
    let whole = 0
    while (left >= this.views[whole]!.byteLength) left -= this.views[whole++]!.byteLength
    this.views.splice(0, whole)
    this.views[0] = this.views[0]!.subarray(left)
  }

  private finish(): void {
    const done = this.current
    this.current = []
    this.views = []
    this.leftBytes = 0
    if (this.message !== null && spareMessages.length < spareMax) spareMessages.push(this.message)
    this.message = null
    this.tell(done, null)
    if (this.failure !== null) this.failAll()
    else if (this.waiting.length > 0) this.next()
    else this.sink.transmitterIdle()
  }

  private failAll(): void {
    const failed = [...this.current, ...this.waiting]
    this.current = []
    this.waiting = []
    this.views = []
    this.leftBytes = 0
    this.tell(failed, this.failure)
    this.sink.transmitterIdle()
  }

  private tell(whom: readonly Waiting[], error: Error | null): void {
    this.telling = true
    const takenBytes = error === null ? this.takenBytes : 0
    for (const { done } of whom) {
      try {
        done(error, takenBytes)
      } catch (thrown) {
        throwLater(thrown)
      }
    }
    this.telling = false
  }
}

function writePointer(message: Buffer, at: number, address: number): void {
  message.writeUInt32LE(address % word, at)
  message.writeUInt32LE(Math.floor(address / word), at + 4)
}
