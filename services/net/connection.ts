// A connected socket on one ring: bytes in, bytes out, an orderly end. What net.Socket is made of (socket.ts), and what a server uses that
// wants neither copies nor streams: the kernel's own views of what came, and one callback for each thing that happens.
//
// The descriptor is closed when the last request on it is over, never before: the kernel would keep the connection open for it, and the
// number could be another file's.
import { Op } from '../../native/abi.ts'
import { ringErrors } from '../../native/errors.ts'
import { prepShutdown } from '../../native/operations/sockets.ts'
import { acknowledgedBytes, resetOnClose } from '../../native/sockets.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion } from '../../workers/slots.ts'
import { ClientState } from '../../workers/submission.ts'
import { closeDescriptor } from './descriptors.ts'
import { connectionError, socketErrors } from './errors.ts'
import { leaseReceiveBuffers, releaseReceiveBuffers } from './receive-buffers.ts'
import { Receiver } from './receiver.ts'
import { countConnection } from './ring-room.ts'
import { Transmitter } from './transmitter.ts'

/** What a connection tells. None of these may throw. */
export interface ConnectionHandler {
  /**
   * Bytes have come. Where not `owned` they are the kernel's memory, or will be again: they may be used until this returns. `owned` ones are
   * yours for good.
   */
  dataReceived(bytes: Buffer, owned: boolean): void
  /** The peer sends no more. */
  peerEnded(): void
  /** Nothing can be received any more: ECONNRESET, ERR_RING_CLOSED, … Close it. Sends that fail tell their callers. */
  connectionFailed(error: Error): void
  /** The descriptor is closed, or about to be. Nothing follows. Told once, after close() or reset() only. */
  connectionClosed(): void
}

export interface ConnectionOptions {
  /**
   * From how many bytes on a buffer is sent without copying it (6.0). Default Infinity: never. The memory is then the kernel's, and the write
   * not over, until the peer has acknowledged it all, and a process that ends meanwhile waits for that: an SQ thread spins until then.
   */
  readonly zeroCopyFromBytes?: number
}

const SHUT_WR = 1
/** To who sends all the same. Most connections end with nothing to send: they need no error of their own. */
const destroyedBefore = socketErrors.destroyed()

type Done = (error: Error | null) => void
export type OfferDone = (error: Error | null, takenBytes: number) => void

const settleShutdown: Completion = {
  complete: (slots, slot, result) => {
    const done = slots.context[slot] as Done
    done(result < 0 ? connectionError(result, 'shutdown') : null)
  },
}

export class Connection {
  readonly fd: number
  bytesReceived = 0
  private readonly handle: RingHandle
  private readonly handler: ConnectionHandler
  private readonly receiver: Receiver
  private readonly transmitter: Transmitter
  private shares: boolean
  /** Ends of what is sent that are under way: each looks the descriptor up when its thread of the kernel comes to it. */
  private ending = 0
  private closing = false
  private isClosed = false
  private readonly onClosing = (): void => {
    const { client } = this.handle
    this.handler.connectionFailed(
      client.state === ClientState.lost ? ringErrors.lost(client.lossCause) : ringErrors.closed(),
    )
  }

  /** Takes over the descriptor of a connected stream socket. Nothing is received before resume(). */
  constructor(handle: RingHandle, fd: number, handler: ConnectionHandler, options: ConnectionOptions = {}) {
    this.handle = handle
    this.fd = fd
    this.handler = handler
    const buffers = leaseReceiveBuffers(handle)
    this.shares = buffers !== null
    this.receiver = new Receiver(handle, fd, buffers, this)
    const { zeroCopyFromBytes = Infinity } = options
    this.transmitter = new Transmitter(handle, fd, zeroCopyFromBytes, this)
    handle.onClosing.add(this.onClosing)
    ownDescriptor(fd)
    countConnection(handle, 1)
  }

  /** Bytes that the kernel has taken to be sent. */
  get bytesSent(): number {
    return this.transmitter.sentBytes
  }

  /** A number that changes while the peer takes what is sent; 0 where nothing is under way. */
  progress(): number {
    return this.transmitter.idle || this.closing ? 0 : this.bytesSent + acknowledgedBytes(this.fd)
  }

  /** What comes is wanted. */
  resume(): void {
    if (!this.closing) this.receiver.resume()
  }

  /** No more is wanted for now. What is on its way may still come: at most what the shared buffers hold. */
  pause(): void {
    this.receiver.pause()
  }

  /** Sends all of it, behind what was given before. The memory is the kernel's until `done` is called, which it is once. */
  send(views: readonly Uint8Array[], done: Done): void {
    this.transmitter.send(views, done)
  }

  /**
   * As send(), but it may be over before all of it is taken: at once where `brief`, else because of recall(). `done` is told how many bytes the
   * kernel took. One at a time.
   */
  offer(views: readonly Uint8Array[], brief: boolean, done: OfferDone): void {
    this.transmitter.offer(views, brief, done)
  }

  /** Somebody else needs the memory that is offered: the offer is over as soon as the kernel lets it go. */
  recall(): void {
    this.transmitter.recall()
  }

  /** Tells when the peer takes bytes again. */
  whenWritable(done: Done): void {
    this.transmitter.whenWritable(done)
  }

  /** Ends what is sent, behind all that was sent. The peer may go on. */
  shutdown(done: Done): void {
    const over: Done = (error) => {
      this.ending--
      done(error)
      if (this.closing) this.closeWhenIdle()
    }
    try {
      const { client } = this.handle
      client.claim(Op.SHUTDOWN, settleShutdown, this, over)
      this.ending++
      prepShutdown(client.words, client.at, 0, this.fd, SHUT_WR)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Whether the connection is a reason for the process to stay alive. */
  setReferenced(referenced: boolean): void {
    this.receiver.setReferenced(referenced)
  }

  /**
   * Closes it; sends that are not over fail with `error`, or because of this. The handler's connectionClosed() follows, perhaps at once.
   * Safe to repeat.
   */
  close(error: Error | null = null): void {
    if (this.closing) return
    this.closing = true
    this.handle.onClosing.delete(this.onClosing)
    this.receiver.stop()
    this.transmitter.stop(error ?? (this.transmitter.idle ? destroyedBefore : socketErrors.destroyed()))
  }

  /** As close(), and the peer gets a reset instead of an end. */
  reset(error: Error | null = null): void {
    if (!this.closing) resetOnClose(this.fd)
    this.close(error)
  }

  private closeWhenIdle(): void {
    if (this.isClosed || this.ending > 0 || !this.receiver.idle || !this.transmitter.idle) return
    this.isClosed = true
    countConnection(this.handle, -1)
    if (this.shares) releaseReceiveBuffers(this.handle)
    closeDescriptor(this.handle, this.fd)
    this.handler.connectionClosed()
  }

  /** @internal */
  received(bytes: Buffer, owned: boolean): void {
    this.bytesReceived += bytes.length
    this.handler.dataReceived(bytes, owned)
  }

  /** @internal */
  ended(): void {
    this.handler.peerEnded()
  }

  /** @internal */
  receiveFailed(error: Error): void {
    this.handler.connectionFailed(error)
  }

  /** @internal */
  receiverIdle(): void {
    this.closeWhenIdle()
  }

  /** @internal */
  transmitterIdle(): void {
    if (this.closing) this.closeWhenIdle()
  }
}
