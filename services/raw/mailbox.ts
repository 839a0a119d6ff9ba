// Mailbox: messages that other rings, and threads without one, post to this ring with MSG_RING, as an async iterator. Made by
// RawRing.messages(); send-message.ts sends them.
import { msgRing } from '../../native/operations/registered.ts'
import { abortError, ringErrors } from '../../native/errors.ts'
import { ClientState } from '../../workers/submission.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { addAbortListener, removeAbortListener, throwIfAborted } from '../abort.ts'
import { checkInteger, checkOptionNames, checkSignal } from '../arguments.ts'
import type { DirectDescriptor } from './operation.ts'
import { checkSupported } from './support.ts'

/** One message. Its numbers mean what sender and receiver agree on. */
export interface RingMessage {
  /** A signed 32-bit number: the completion's result. For a descriptor: its slot. */
  readonly data: number
  /** An unsigned 32-bit number of the sender's. */
  readonly tag: number
  /** An unsigned 32-bit number: the completion's flags (6.3). */
  readonly flags: number
  /** A direct descriptor of this ring, yours to close; null for data. */
  readonly descriptor: DirectDescriptor | null
}

export interface MessagesOptions {
  /**
   * Messages that may wait to be read, 1 to 1,048,576. Default 1024. Senders are not held up: what arrives above that is dropped
   * and counted (`dropped`), and a descriptor among it is closed.
   */
  readonly waitingMax?: number
  /** Closes the mailbox; who waits for a message gets an AbortError. */
  readonly signal?: AbortSignal
}

interface Reader {
  resolve(result: IteratorResult<RingMessage, undefined>): void
  reject(error: unknown): void
}

// Of one argument: TypeScript before 5.6 knows no other.
export class Mailbox implements AsyncIterableIterator<RingMessage> {
  /** Where to send to: the ring, and in it this mailbox. Plain numbers, to be told to other threads of the process. */
  readonly ringFd: number
  /** What a message's user_data is: `op.msgRing({ ringFd, userData: address, result })` reaches it. */
  readonly address: number
  /** Messages that were dropped because `waitingMax` others waited. */
  dropped = 0
  private readonly handle: RingHandle
  private readonly waitingMax: number
  private readonly signal: AbortSignal | undefined
  private messages: RingMessage[] = []
  private readers: Reader[] = []
  private closed = false
  private failure: unknown = null
  private readonly onAbort = (): void => {
    this.failure = abortError(this.signal!)
    this.close()
  }

  /** Made by RawRing.messages(). */
  constructor(handle: RingHandle, options: MessagesOptions) {
    checkOptionNames(options, ['waitingMax', 'signal'])
    const signal = checkSignal(options.signal)
    throwIfAborted(signal)
    this.waitingMax = checkInteger(options.waitingMax ?? 1024, 'waitingMax', 1, 1024 * 1024)
    checkSupported(msgRing, handle.client.poller, 0)
    this.handle = handle
    this.ringFd = handle.geometry.ringFd
    this.address = handle.client.openMailbox(this)
    this.signal = signal
    addAbortListener(this.signal, this.onAbort)
  }

  /** @internal The ring is closed or being closed: another may have its descriptor's number soon. @throws ERR_RING_CLOSED */
  checkRing(): void {
    if (this.ringClosed) throw ringErrors.mailboxGone()
  }

  /** @internal */
  get ringClosed(): boolean {
    return this.handle.client.state !== ClientState.open
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next message; `done` when the mailbox or its ring is closed. Somebody who waits keeps the process alive. */
  next(): Promise<IteratorResult<RingMessage, undefined>> {
    return new Promise((resolve, reject) => {
      const message = this.messages.shift()
      if (message !== undefined) resolve({ done: false, value: message })
      else {
        this.readers.push({ resolve, reject })
        if (this.closed) this.end()
        else if (this.readers.length === 1) this.handle.client.countReasons(1)
      }
    })
  }

  /** Closes the mailbox. Messages that nobody read are dropped, their descriptors closed; what is sent from now on gets lost, and is closed. */
  return(): Promise<IteratorResult<RingMessage, undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  private close(): void {
    if (!this.closed) this.handle.client.closeMailbox(this.address)
    for (const { descriptor } of this.messages.splice(0)) this.letGo(descriptor)
    this.ended(null)
  }

  /** @internal A completion for this mailbox; called by the ring client. */
  arrived(data: number, flags: number, tag: number, isDescriptor: boolean): void {
    const message = { data, tag, flags, descriptor: isDescriptor ? { direct: data } : null }
    const reader = this.readers.shift()
    if (reader !== undefined) {
      if (this.readers.length === 0) this.handle.client.countReasons(-1)
      reader.resolve({ done: false, value: message })
    } else if (this.messages.length < this.waitingMax) this.messages.push(message)
    else {
      this.dropped++
      this.letGo(message.descriptor)
    }
  }

  /** @internal The mailbox gets no more messages; what it has can still be read. Called by the ring client. */
  ended(cause: Error | null): void {
    if (this.closed) return
    this.closed = true
    this.failure ??= cause
    removeAbortListener(this.signal, this.onAbort)
    if (this.readers.length > 0) this.handle.client.countReasons(-1)
    this.end()
  }

  private end(): void {
    for (const reader of this.readers.splice(0)) {
      const { failure } = this
      this.failure = null // told once, as generators do
      if (failure === null) reader.resolve({ done: true, value: undefined })
      else reader.reject(failure)
    }
  }

  private letGo(descriptor: DirectDescriptor | null): void {
    if (descriptor !== null) this.handle.client.strays.close(descriptor.direct)
  }
}
