// RawRing: one ring, every operation its kernel has. What `rings.raw(n)` gives; the home of `ringmaster/raw`.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { invalidArgType } from '../../native/errors.ts'
import { ignoreResult } from '../../workers/completions.ts'
import { CqeFlag, Op, SqeFlag } from '../../native/abi.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion } from '../../workers/slots.ts'
import { ClientState } from '../../workers/submission.ts'
import { abortable, throwIfAborted } from '../abort.ts'
import { checkBoolean, checkInteger, checkOptionNames, checkSignal } from '../arguments.ts'
import type { RequestHandle } from '../request-handle.ts'
import { withTimeout } from '../time-limit.ts'
import type { Timed } from '../time-limit.ts'
import { Chain } from './chain.ts'
import { directSlotsOf } from './direct-slots.ts'
import type { DirectSlots } from './direct-slots.ts'
import { fillEntry } from './fill-entry.ts'
import { Mailbox } from './mailbox.ts'
import type { MessagesOptions } from './mailbox.ts'
import { checkOperation, checkRing, operationError, succeeded } from './operation.ts'
import type { Descriptor, DirectDescriptor, Operation } from './operation.ts'
import { dataMessage, descriptorMessage, explained } from './send-message.ts'
import type { MailboxAddress, MessageContent, SendDescriptorOptions } from './send-message.ts'
import { OutgoingBuffers } from './outgoing-buffers.ts'
import type { OutgoingBuffersOptions } from './outgoing-buffers.ts'
import { ProvidedBuffers } from './provided-buffers.ts'
import type { ProvidedBuffersOptions } from './provided-buffers.ts'
import { Sender } from './sender.ts'
import type { SenderOptions } from './sender.ts'
import { rawUsers } from './raw-users.ts'
import { RegisteredBuffers } from './registered-buffers.ts'
import { MultishotStream } from './stream.ts'
import type { StreamOperation, StreamOptions } from './stream.ts'
import { submitCancel } from './submit-cancel.ts'
import { register } from './registrations/call.ts'
import { personalityId, setPersonality } from './registrations/personality.ts'
import type { Personality } from './registrations/personality.ts'
import { Registrations } from './registrations/registrations.ts'
import { checkSupported } from './support.ts'

export interface SubmitOptions extends Timed {
  /** Always hand it to a kernel worker thread (IOSQE_ASYNC) instead of trying without blocking first. */
  readonly async?: boolean
  /**
   * Start it after everything before it is over, and what follows after it (what IOSQE_IO_DRAIN does): a barrier for the whole ring.
   * A stream, a poll, whatever is in flight and does not end holds it up, and all behind it; cancellations go ahead.
   */
  readonly drain?: boolean
  /** Carry it out with these credentials instead of the ring's own: registrations.personality(), or its id (5.6). */
  readonly personality?: Personality | number
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
    else {
      if ((cqeFlags & CqeFlag.BUFFER) !== 0) operation.spoiled(outcome, cqeFlags)
      slots.reject(slot, operationError(operation, outcome))
    }
  },
}

const noOptions: SubmitOptions = {}

/** Before a place is taken. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
function checkSubmitOptions(options: SubmitOptions): void {
  checkOptionNames(options, ['signal', 'timeoutMs', 'async', 'drain', 'personality'])
  const { signal, async, drain, personality } = options
  checkSignal(signal)
  checkBoolean(async, 'async')
  checkBoolean(drain, 'drain')
  if (personality !== undefined) personalityId(personality)
}

export class RawRing {
  /** What io_uring_register(2) sets on this ring. */
  readonly registrations: Registrations
  /** The ring's table of registered buffers. */
  readonly buffers: RegisteredBuffers
  private readonly handle: RingHandle
  /** Whose requests submit() and chains make: the ring's, or a view's. */
  private readonly requests: RequestHandle

  /** Made by Ringmaster.raw() and RingView.raw(). `kept`: whether somebody is to have the ring as it is, so that it cannot be moved. */
  constructor(handle: RingHandle, requests: RequestHandle = handle, kept = true) {
    this.handle = handle
    this.requests = requests
    if (kept) rawUsers.add(handle)
    this.registrations = new Registrations(handle)
    this.buffers = new RegisteredBuffers(handle)
  }

  /** The ring's number. */
  get ring(): number {
    return this.handle.ring
  }

  /**
   * The ring's descriptor, for msg_ring and epoll. It is the ring's: do not close it, and do not use it once the ring is closed: the number may be another
   * file's then. -1 of a `threadpool`, which has none.
   */
  get ringFd(): number {
    return this.handle.geometry.ringFd
  }

  /**
   * Submits one operation. What it uses belongs to the kernel until the promise settles, which for zero-copy sends is
   * when the kernel has let go of the buffer.
   * @throws (rejects) SystemError; ERR_RING_OPERATION_UNSUPPORTED where this kernel has no such operation; AbortError;
   * ERR_RING_OPERATION_IN_FLIGHT where this very operation is not over yet; ERR_INVALID_ARG_VALUE for a multishot one
   */
  submit<R>(operation: Operation<R>, options: SubmitOptions = noOptions): Promise<R> {
    try {
      checkOperation(operation)
      checkRing(operation, this.handle)
      if (options !== noOptions) checkSubmitOptions(options)
      checkSupported(operation.row, this.handle.client.poller, operation.sqeFlags)
      throwIfAborted(options.signal)
      if (options.timeoutMs !== undefined) return withTimeout(options, (timed) => this.submit(operation, timed))
      const { client } = this.requests
      if (operation.row.opcode === Op.ASYNC_CANCEL && options.drain !== true && client.full) {
        return submitCancel(client, operation, (cancel) => this.submitAhead(cancel, options))
      }
      if (options.drain === true) client.barrier(1)
      return this.begin(operation, options, client.claim(operation.row.opcode, settleOperation, operation, null))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private begin<R>(operation: Operation<R>, options: SubmitOptions, slot: number): Promise<R> {
    const { client } = this.requests
    const failure = fillEntry(client, operation, operation.sqeFlags | (options.async === true ? SqeFlag.ASYNC : 0))
    if (failure !== null) {
      client.slots.completion[slot] = ignoreResult
      throw failure
    }
    if (options.personality !== undefined) {
      setPersonality(client.words, client.at, personalityId(options.personality))
    }
    const promise = client.slots.promise<R>(slot)
    return options.signal === undefined ? promise : abortable(client, slot, promise, options.signal)
  }

  /** A cancellation, ahead of what waits. Room for it comes as the poller consumes entries and others like it end. */
  private async submitAhead<R>(operation: Operation<R>, options: SubmitOptions): Promise<R> {
    const { client } = this.requests
    for (;;) {
      throwIfAborted(options.signal)
      const open = client.state === ClientState.open // otherwise claim() says why not
      const slot = open
        ? client.claimCancel(settleOperation, operation, null)
        : client.claim(operation.row.opcode, settleOperation, operation, null)
      if (slot >= 0) return this.begin(operation, options, slot)
      await nextTurn()
    }
  }

  /** A multishot operation as an async iterator: accept, poll, recv, read, timeout. Armed by the first next(). */
  stream<T>(operation: StreamOperation<T>, options: StreamOptions = {}): MultishotStream<T> {
    return new MultishotStream(this.handle, operation, options)
  }

  /** Registers a ring of provided buffers (5.19). Close it when its streams are over. */
  provideBuffers(options: ProvidedBuffersOptions): ProvidedBuffers {
    return new ProvidedBuffers(this.handle, options)
  }

  /** What is to be sent on a socket, in order, many buffers in one request (6.10). Close it when all is sent. */
  outgoing(options: OutgoingBuffersOptions): OutgoingBuffers {
    return new OutgoingBuffers(this.handle, options)
  }

  /** Sends on a socket, in order, copying or not by size and by what the kernel says of it (6.0). */
  sender(fd: Descriptor, options: SenderOptions = {}): Sender {
    return new Sender(this.handle, fd, options)
  }

  /**
   * Opens a mailbox on this ring: what other rings send to it, as an async iterator. Closing the ring ends it.
   * Since 5.18, flags 6.3. io_uring_prep_msg_ring(3).
   * @throws ERR_OUT_OF_RANGE, ERR_RING_CLOSED, ERR_RING_LOST, AbortError
   */
  messages(options: MessagesOptions = {}): Mailbox {
    return new Mailbox(this.handle, options)
  }

  /**
   * Sends a message to a mailbox, of this ring or of another one of the process. Resolves when it is in the other's queue.
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: ERR_RING_CLOSED (the mailbox's ring), EBADF, EBADFD (no ring there: it was closed), EOVERFLOW (no memory left to queue it)
   */
  async sendMessage(to: MailboxAddress, message: MessageContent): Promise<void> {
    await explained(to, this.submit(dataMessage(to, message)))
  }

  /**
   * Gives a direct descriptor of this ring to another ring, into any free slot of its table, and tells the mailbox. This ring
   * keeps its own. Resolves with the slot there. Since 6.0.
   * @throws as sendMessage. Rejects: EBADF (empty slot), ENFILE (no free slot there), EINVAL (the same ring), and as sendMessage;
   * EOVERFLOW: the other ring has the descriptor and does not know
   */
  async sendDescriptor(
    to: MailboxAddress,
    descriptor: DirectDescriptor,
    options: SendDescriptorOptions = {},
  ): Promise<number> {
    return explained(to, this.submit(descriptorMessage(to, descriptor, options)))
  }

  /**
   * io_uring_register(2) as it is, for what has no function of its own: `argument` must be laid out as the kernel wants it, and memory that it
   * points to must live as long as the kernel uses it. Nothing is checked. A sharp tool: unregistering the eventfd, or other
   * people's files, stops everybody on this ring. Returns the kernel's answer.
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, SystemError, ERR_RING_CLOSED, ERR_RING_LOST
   */
  register(opcode: number, argument: ArrayBufferView | null, count: number): number {
    checkInteger(opcode, 'opcode', 0, 2 ** 31 - 1)
    const given: unknown = argument
    if (given !== null && !ArrayBuffer.isView(given))
      throw invalidArgType('argument', 'null or an instance of Buffer, TypedArray, or DataView', given)
    checkInteger(count, 'count', 0, 2 ** 32 - 1)
    return register(this.handle, opcode, argument, count)
  }

  /**
   * How many direct descriptors raw operations have on this ring, from 0: what `direct: 'allocate'` finds free ones among, and
   * `direct: n` may name. Option rawDirectDescriptors of Ringmaster.start().
   */
  get directDescriptors(): number {
    return this.handle.rawDescriptors
  }

  /** Places for direct descriptors, for chains that open, use and close a file. */
  get directSlots(): DirectSlots {
    return directSlotsOf(this.handle)
  }

  /** Starts a chain of linked operations on this ring. */
  chain(): Chain {
    return new Chain(this.requests)
  }
}
