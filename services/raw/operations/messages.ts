// Sending and receiving: send, recv, sendZc, recvZc. With addresses, several buffers and descriptors: see envelopes.ts. For
// RawRing.submit() and chains; recvStream() receives on and on.
import { RecvSendFlag, zeroCopyCopied } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import {
  prepRecv,
  prepRecvZc,
  prepSend,
  prepSendZc,
  recv as recvRow,
  recvZc as recvZcRow,
  send as sendRow,
  sendZc as sendZcRow,
  setDestination,
} from '../../../native/operations/messages.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import { checkDescriptor, checkFixedBuffer, checkOptions, checkPart, whileLeased } from '../checks.ts'
import { flagBits, partAddress, partLength } from '../checks.ts'
import type { FixedBuffer } from '../checks.ts'
import { MessageFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'
import type { BufferLease, BundleLease } from '../buffer-lease.ts'
import { encodeAddress } from '../socket-address.ts'
import type { SocketAddress } from '../socket-address.ts'
import { bundleOf, checkBuffers, checkSelection } from './selection.ts'
import type { FromBuffers, FromGroup, SelectedBuffer } from './selection.ts'

/** What all sends and receives have. */
export interface MessageOptions {
  readonly fd: Descriptor
  /** MSG_*. The kernel adds MSG_NOSIGNAL. */
  readonly flags?: Flags<keyof typeof MessageFlag>
  /** Wait until the socket is ready before trying: for when it is not, as a rule (5.19). */
  readonly pollFirst?: boolean
}

/** Part of a buffer. */
export interface BufferOptions {
  /** Belongs to the kernel until the operation is over. */
  readonly buffer: ArrayBufferView
  /** Where in the buffer to begin, in bytes. Default 0. */
  readonly offset?: number
  /** How many bytes at most. Default: to the end of the buffer. */
  readonly length?: number
}

const pollFirstFlag = (options: MessageOptions): number =>
  checkBoolean(options.pollFirst, 'pollFirst') ? RecvSendFlag.POLL_FIRST : 0

// Only with MSG_WAITALL does the kernel take a short transfer for a failure of the link.
const wanted = (messageFlags: number, length: number): number =>
  (messageFlags & MessageFlag.MSG_WAITALL) === 0 ? -1 : length

export interface SendOptions extends MessageOptions, BufferOptions {
  /** Where to, on a socket that is not connected (6.0). */
  readonly to?: SocketAddress
}

/**
 * send(2) or sendto(2). Resolves with the bytes sent, which may be fewer without MSG_WAITALL.
 * Since 5.6. io_uring_prep_send(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EPIPE, ECONNRESET, EDESTADDRREQ, EMSGSIZE, …
 */
export function send(options: SendOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const part = checkPart(options.buffer, options.offset, options.length)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const ioFlags = pollFirstFlag(options)
  const to = options.to === undefined ? null : encodeAddress(options.to, 'to')
  return makeOperation(
    sendRow,
    (words, at, flags) => {
      prepSend(words, at, flags, descriptorNumber(fd), partAddress(part), partLength(part), messageFlags, ioFlags)
      if (to !== null) setDestination(words, at, addressOfView(to), to.length)
    },
    {
      keep: [part.view, to],
      sqeFlags: descriptorFlags(fd),
      wantedBytes: wanted(messageFlags, part.length),
    },
  )
}

/**
 * recv(2) into `buffer`, or into a buffer that the kernel takes from a group when there is data.
 * Resolves with the bytes received, 0 when the peer has ended (with `buffers`: the lease or null). With `bundle` it takes as many
 * buffers as there is data for (6.10). Since 5.6. io_uring_prep_recv(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECONNRESET, ENOTCONN, ENOBUFS (no buffer left), …
 */
export function recv(options: MessageOptions & BufferOptions): Operation<number>
export function recv(options: MessageOptions & FromBuffers & { readonly bundle?: false }): Operation<BufferLease | null>
export function recv(options: MessageOptions & FromBuffers & { readonly bundle: true }): Operation<BundleLease | null>
export function recv(
  options: MessageOptions & FromBuffers & { readonly bundle?: boolean },
): Operation<BufferLease | BundleLease | null>
export function recv(options: MessageOptions & FromGroup): Operation<SelectedBuffer>
export function recv(
  options: MessageOptions & (BufferOptions | (FromBuffers & { readonly bundle?: boolean }) | FromGroup),
): Operation<number | BufferLease | BundleLease | SelectedBuffer | null> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const ioFlags = pollFirstFlag(options)
  const sqeFlags = descriptorFlags(fd)
  if ('buffers' in options || 'bufferGroup' in options) {
    const { select, length, keep, buffers, result, spoiled, sqeFlags: selectFlags } = checkSelection(options)
    const bundled = 'bundle' in options && checkBoolean(options.bundle, 'bundle')
    const bundleFlag = bundled ? RecvSendFlag.BUNDLE : 0
    return makeOperation<BufferLease | BundleLease | SelectedBuffer | null>(
      recvRow,
      (words, at, flags) => {
        prepRecv(words, at, flags, descriptorNumber(fd), 0, length, messageFlags, ioFlags | bundleFlag, select())
      },
      {
        keep,
        buffers,
        sqeFlags: sqeFlags | selectFlags,
        result: bundled ? bundleOf(checkBuffers(options.buffers)) : result,
        spoiled: bundled ? () => undefined : spoiled,
      },
    )
  }
  const part = checkPart(options.buffer, options.offset, options.length)
  return makeOperation(
    recvRow,
    (words, at, flags) => {
      prepRecv(words, at, flags, descriptorNumber(fd), partAddress(part), partLength(part), messageFlags, ioFlags, 0)
    },
    { keep: [part.view], sqeFlags, wantedBytes: wanted(messageFlags, part.length) },
  )
}

/** How a zero-copy send ended. */
export interface ZeroCopySent {
  readonly bytes: number
  /** Whether the kernel copied the data after all (loopback does): then send is cheaper. Null: not asked for. */
  readonly copied: boolean | null
}

/** What the second completion, the notification, says. */
export function zeroCopySent(
  reportUsage: boolean,
): (bytes: number, cqeFlags: number, notification: number) => ZeroCopySent {
  return (bytes, _cqeFlags, notification) => ({ bytes, copied: reportUsage ? notification === zeroCopyCopied : null })
}

export interface SendZcOptions extends SendOptions {
  /** The registered buffer that `buffer` lies in, by index or as an arena lease: cheaper still. */
  readonly bufferIndex?: FixedBuffer
  /** Ask whether the kernel copied the data (6.2). Default false. */
  readonly reportUsage?: boolean
}

/**
 * send(2) without copying: pays off from some KiB on. Resolves when the kernel has let go of the buffer.
 * Since 6.0. io_uring_prep_send_zc(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOTSUP (protocol without zero copy, as Unix
 * sockets), ENOMEM (locked memory), and as send.
 */
export function sendZc(options: SendZcOptions): Operation<ZeroCopySent> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const part = checkPart(options.buffer, options.offset, options.length)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const { bufferIndex } = options
  const reportUsage = checkBoolean(options.reportUsage, 'reportUsage')
  const index = bufferIndex === undefined ? null : checkFixedBuffer(bufferIndex)
  let ioFlags = pollFirstFlag(options)
  if (index !== null) ioFlags |= RecvSendFlag.FIXED_BUF
  if (reportUsage) ioFlags |= RecvSendFlag.SEND_ZC_REPORT_USAGE
  const to = options.to === undefined ? null : encodeAddress(options.to, 'to')
  const operation = makeOperation(
    sendZcRow,
    (words, at, flags) => {
      const [address, length] = [partAddress(part), partLength(part)]
      prepSendZc(words, at, flags, descriptorNumber(fd), address, length, messageFlags, ioFlags, index ?? 0)
      if (to !== null) setDestination(words, at, addressOfView(to), to.length)
    },
    {
      keep: [part.view, to],
      sqeFlags: descriptorFlags(fd),
      wantedBytes: wanted(messageFlags, part.length),
      result: zeroCopySent(reportUsage),
    },
  )
  return whileLeased(operation, options)
}

const EINVAL = -22

/**
 * Receives without copying, into memory that a network card fills. The card needs header/data split and a queue of its own,
 * registered with the ring (REGISTER_ZCRX_IFQ), and the ring DEFER_TASKRUN and 32-byte completions. Rings of Ringmaster are
 * not made like that: it is refused, and says so. Since 6.15. Documentation/networking/iou-zcrx.rst.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: ERR_RING_OPERATION_UNSUPPORTED with the kernel's error as cause
 */
export function recvZc(options: {
  readonly fd: Descriptor
  /** The registered interface queue. */
  readonly queueId: number
  /** At most so many bytes; 0, the default: no limit. */
  readonly length?: number
}): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const queueId = checkInteger(options.queueId, 'queueId', 0, 2 ** 31 - 1)
  const length = checkInteger(options.length ?? 0, 'length', 0, 2 ** 31 - 1)
  return makeOperation(
    recvZcRow,
    (words, at, flags) => {
      prepRecvZc(words, at, flags, descriptorNumber(fd), length, RecvSendFlag.RECV_MULTISHOT, queueId)
    },
    {
      sqeFlags: descriptorFlags(fd),
      refusal: (errno) =>
        errno === EINVAL
          ? `there is no network interface queue ${queueId} on this ring: zero-copy receive needs a card with header/data ` +
            'split, a queue registered with REGISTER_ZCRX_IFQ, and a ring with DEFER_TASKRUN and CQE32'
          : undefined,
    },
  )
}
