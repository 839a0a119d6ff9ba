// What a connection receives: multishot recv into shared buffers while messages are small, plain recv into memory of its own while much
// comes, and nothing while nobody wants any. Half of a Connection (connection.ts).
//
//   idle ──resume()──► armed ──bytes──► armed … ──last CQE──► idle (armed again while wanted) │ ended │ failed
//
// pause() only says that no more is wanted. The kernel is told when something comes all the same: a consumer that is ahead again by then, as
// most are, costs no cancellation. What was received is delivered, whatever was asked for meanwhile: nothing is lost.
import { CqeFlag, Op, RecvSendFlag, SqeFlag } from '../../native/abi.ts'
import { addressOfOwn } from '../../native/addresses.ts'
import { prepRecv } from '../../native/operations/messages.ts'
import { interrupted } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import type { BufferWaiter, ProvidedBuffers } from '../raw/provided-buffers.ts'
import { connectionError } from './errors.ts'

const ENOBUFS = -105
const ECANCELED = -125

/** Bytes of one plain recv: what a socket's buffer holds by default and a little (net.ipv4.tcp_rmem). */
const bulkBytes = 262_144
/** While nothing is known of a connection that cannot share. */
const aloneBytes = 16_384
/** So many pieces of at least this size, one after the other, are bulk. */
const largePieceBytes = 16_384
const largePiecesMin = 4
/** A plain recv that gets less than this is the end of it. */
const bulkEndBytes = 16_384

/** Who gets what comes. */
export interface ReceiverSink {
  /** `bytes` is the sink's for good where `owned`, else until it returns. */
  received(bytes: Buffer, owned: boolean): void
  /** The peer sends no more. */
  ended(): void
  receiveFailed(error: Error): void
  /** stop() was asked for, and nothing is under way any more. */
  receiverIdle(): void
}

export class Receiver implements Completion, BufferWaiter {
  private readonly handle: RingHandle
  private readonly fd: number
  private readonly sink: ReceiverSink
  private readonly buffers: ProvidedBuffers | null
  private slot = -1
  private generation = 0
  private wanted = false
  private cancelling = false
  private over = false
  private stopped = false
  private starved = false
  private largePieces = 0
  private own: Buffer | null = null
  private ownBytes: number
  /** Whether waiting for data keeps the process alive. */
  private referenced = true

  constructor(handle: RingHandle, fd: number, buffers: ProvidedBuffers | null, sink: ReceiverSink) {
    this.handle = handle
    this.fd = fd
    this.buffers = buffers
    this.sink = sink
    this.ownBytes = buffers === null ? aloneBytes : 0
  }

  get idle(): boolean {
    return this.slot < 0
  }

  resume(): void {
    this.wanted = true
    this.arm(false)
  }

  pause(): void {
    this.wanted = false
  }

  /** Nothing is delivered any more; receiverIdle() follows, at once where nothing is under way. */
  stop(): void {
    this.stopped = true
    this.wanted = false
    if (this.starved) this.fed()
    if (this.slot < 0) this.sink.receiverIdle()
    else this.cancel()
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.referenced) return
    if (this.slot >= 0) this.handle.client.countReasons(referenced ? 1 : -1)
    this.referenced = referenced
  }

  private cancel(): void {
    if (this.cancelling) return
    this.cancelling = true
    this.handle.client.cancel(this.slot, this.generation)
  }

  private arm(inTurn: boolean): void {
    if (this.slot >= 0 || !this.wanted || this.over || this.starved) return
    const { buffers } = this
    const alone = this.ownBytes > 0
    if (!alone && !inTurn && buffers!.contended) {
      this.starve()
      return
    }
    const { client } = this.handle
    try {
      const group = alone ? 0 : buffers!.select()
      // Not zeroed: the kernel fills it, and only what it has filled is handed on.
      const own = alone ? Buffer.allocUnsafeSlow(this.ownBytes) : null
      const slot = client.claim(Op.RECV, this, own ?? buffers, null)
      const { words, at } = client
      if (own !== null) prepRecv(words, at, 0, this.fd, addressOfOwn(own), own.length, 0, 0, 0)
      else prepRecv(words, at, SqeFlag.BUFFER_SELECT, this.fd, 0, 0, 0, RecvSendFlag.RECV_MULTISHOT, group)
      this.own = own
      this.slot = slot
      this.generation = client.slots.generation[slot]!
      this.cancelling = false
      if (!this.referenced) client.countReasons(-1)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    const last = (cqeFlags & CqeFlag.MORE) === 0
    const { own } = this
    if (last) {
      this.slot = -1
      this.own = null // who is told may want more at once: then it is the next request's
      if (!this.referenced) this.handle.client.countReasons(1)
    }
    if (own === null) this.shot(result, cqeFlags)
    else this.filled(own, result)
    if (!last) {
      if (!this.wanted || this.stopped || this.ownBytes > 0) this.cancel()
      return
    }
    this.buffers?.wakeSoon() // what this request did not take others may have
    if (this.stopped) this.sink.receiverIdle()
    else this.arm(false)
  }

  /** A completion of the multishot request. */
  private shot(result: number, cqeFlags: number): void {
    const lease = (cqeFlags & CqeFlag.BUFFER) === 0 ? null : this.buffers!.take(result, cqeFlags)
    try {
      if (result > 0 && lease !== null) {
        this.largePieces = result >= largePieceBytes ? this.largePieces + 1 : 0
        if (this.largePieces >= largePiecesMin) this.ownBytes = bulkBytes
        if (!this.stopped) this.sink.received(lease.bytes, false)
      } else this.finish(result)
    } finally {
      lease?.release()
    }
  }

  /** A completion of a plain request. */
  private filled(own: Buffer, result: number): void {
    if (result <= 0) {
      this.finish(result)
      return
    }
    if (this.buffers === null) this.ownBytes = result < this.ownBytes ? aloneBytes : bulkBytes
    else if (result < bulkEndBytes) {
      this.ownBytes = 0
      this.largePieces = 0
    }
    if (this.stopped) return
    // Little in much memory would keep all of it: it is copied, as Node's core does.
    if (result >= own.length >> 1) this.sink.received(own.subarray(0, result), true)
    else this.sink.received(own.subarray(0, result), false)
  }

  private finish(result: number): void {
    if (this.stopped || this.over) return
    if (result === 0) {
      this.over = true
      this.sink.ended()
    } else if (result === ENOBUFS && this.buffers !== null) this.starve()
    else if (!(this.cancelling && (result === ECANCELED || interrupted(result))))
      this.fail(connectionError(result, 'read'))
  }

  private fail(error: Error): void {
    this.over = true
    this.sink.receiveFailed(error)
  }

  private starve(): void {
    this.starved = true
    this.buffers!.whenAvailable(this)
  }

  private fed(): void {
    this.starved = false
    this.buffers!.withdraw(this)
  }

  /** Its turn to take a buffer has come: the line of ProvidedBuffers. @internal */
  buffersFree(): boolean {
    this.fed()
    this.arm(true)
    return this.slot >= 0
  }
}
