// RawRing: one ring, every operation its kernel has. What `rings.raw(n)` gives; the home of `ringmaster/raw`.
import { ignoreResult } from '../../workers/completions.ts'
import { CqeFlag, SqeFlag } from '../../native/abi.ts'
import { provideBuffers } from '../../native/operations/registered.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion } from '../../workers/slots.ts'
import { abortable, throwIfAborted } from '../abort.ts'
import { Chain } from './chain.ts'
import { fillEntry } from './fill-entry.ts'
import { operationError, succeeded } from './operation.ts'
import type { Operation } from './operation.ts'
import { ProvidedBuffers } from './provided-buffers.ts'
import type { ProvidedBuffersOptions } from './provided-buffers.ts'
import { MultishotStream } from './stream.ts'
import type { StreamOperation, StreamOptions } from './stream.ts'
import { checkSupported } from './support.ts'

export interface SubmitOptions {
  readonly signal?: AbortSignal
  /** Always hand it to a kernel worker thread (IOSQE_ASYNC) instead of trying without blocking first. */
  readonly async?: boolean
  /** Start it after everything before it is over, and what follows after it (IOSQE_IO_DRAIN): a barrier for the whole ring. */
  readonly drain?: boolean
}

// owner: the operation, which keeps what the kernel uses. tag: the result of a first CQE that announced another.
const settleOperation: Completion = {
  complete(slots, slot, result, cqeFlags) {
    if ((cqeFlags & CqeFlag.MORE) !== 0) {
      slots.tag[slot] = result // zero-copy: the buffer is the kernel's until its notification
      return
    }
    const operation = slots.owner[slot] as Operation<unknown>
    const notified = (cqeFlags & CqeFlag.NOTIF) !== 0
    const outcome = notified ? slots.tag[slot]! : result
    if (succeeded(operation, outcome)) slots.resolve(slot, operation.result(outcome, cqeFlags, notified ? result : 0))
    else slots.reject(slot, operationError(operation, outcome))
  },
}

export class RawRing {
  private readonly handle: RingHandle

  /** Made by Ringmaster.raw(). */
  constructor(handle: RingHandle) {
    this.handle = handle
  }

  /** The ring's number. */
  get ring(): number {
    return this.handle.ring
  }

  /** The ring's descriptor, for msg_ring and epoll. It is the ring's: do not close it. -1 of a `threadpool`, which has none. */
  get ringFd(): number {
    return this.handle.geometry.ringFd
  }

  /**
   * Submits one operation. What it uses belongs to the kernel until the promise settles, which for zero-copy sends is
   * when the kernel has let go of the buffer.
   * @throws (rejects) SystemError; ERR_RING_OPERATION_UNSUPPORTED where this kernel has no such operation; AbortError
   */
  submit<R>(operation: Operation<R>, options: SubmitOptions = {}): Promise<R> {
    try {
      checkSupported(operation.row, this.handle.client.poller, operation.sqeFlags)
      throwIfAborted(options.signal)
      const { client } = this.handle
      const slot = client.claim(operation.row.opcode, settleOperation, operation, null)
      const extra = (options.async === true ? SqeFlag.ASYNC : 0) | (options.drain === true ? SqeFlag.IO_DRAIN : 0)
      const failure = fillEntry(client, operation, operation.sqeFlags | extra)
      if (failure !== null) {
        client.slots.completion[slot] = ignoreResult
        throw failure
      }
      const promise = client.slots.promise<R>(slot)
      return options.signal === undefined ? promise : abortable(client, slot, promise, options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A multishot operation as an async iterator: accept, poll, recv, read, timeout. Armed by the first next(). */
  stream<T>(operation: StreamOperation<T>, options: StreamOptions = {}): MultishotStream<T> {
    return new MultishotStream(this.handle, operation, options)
  }

  /** Registers a ring of provided buffers (5.19). Close it when its streams are over. */
  provideBuffers(options: ProvidedBuffersOptions): ProvidedBuffers {
    checkSupported(provideBuffers, this.handle.client.poller, 0)
    return new ProvidedBuffers(this.ringFd, this.handle.nextBufferGroup(), options)
  }

  /** Starts a chain of linked operations on this ring. */
  chain(): Chain {
    return new Chain(this.handle)
  }
}
