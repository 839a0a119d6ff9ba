// The multishot operations that bring data, each piece in provided buffers: recv, recvmsg, read. Made for RawRing.stream().
import { Feature, RecvSendFlag, SqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { invalidArgValue, outOfRange } from '../../native/errors.ts'
import { prepRecv, prepRecvmsg, recv, recvmsg } from '../../native/operations/messages.ts'
import { prepReadMultishot, readMultishot } from '../../native/operations/vectors.ts'
import { checkBoolean, checkInteger } from '../arguments.ts'
import { checkDescriptor, checkOptions, flagBits } from './checks.ts'
import { MessageFlag } from './flags.ts'
import type { Flags } from './flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from './operation.ts'
import type { Descriptor } from './operation.ts'
import { envelopeHeader, receivedDescriptors } from './operations/envelopes.ts'
import { checkBuffers } from './operations/selection.ts'
import type { BufferLease, BundleLease } from './buffer-lease.ts'
import type { ProvidedBuffers } from './provided-buffers.ts'
import { decodeAddress, socketAddressBytesMax } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'
import type { StreamOperation } from './stream.ts'
import { requireFeature } from './support.ts'

const noBuffer = Buffer.alloc(0)

/** The lease of a request that took no buffer: a message of nothing. */
const nothing: BufferLease = { bytes: noBuffer, release: () => undefined, [Symbol.dispose]: () => undefined }

interface Releasable {
  release(): void
}

const release = (lease: Releasable): void => {
  lease.release()
}

/** Pieces of a stream of bytes: nothing is its end. */
function leased(buffers: ProvidedBuffers): Pick<StreamOperation<BufferLease>, 'item' | 'discard' | 'buffers'> {
  return {
    item: (result, cqeFlags) => {
      const lease = buffers.take(result, cqeFlags)
      if (result > 0 && lease !== null) return lease
      lease?.release() // the end may have taken a buffer all the same
      return null
    },
    discard: release,
    buffers,
  }
}

/** What streams of socket data have. */
export interface ReceiveStreamOptions {
  readonly fd: Descriptor
  readonly buffers: ProvidedBuffers
  /** MSG_*. MSG_WAITALL is refused: each piece comes when it comes. */
  readonly flags?: Flags<keyof typeof MessageFlag>
  /** Wait until there is data before trying: for when there is none yet, as a rule. */
  readonly pollFirst?: boolean
}

function receiveFlags(options: ReceiveStreamOptions): { messageFlags: number; ioFlags: number } {
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  if ((messageFlags & MessageFlag.MSG_WAITALL) !== 0)
    throw invalidArgValue('flags', options.flags, 'cannot have MSG_WAITALL in a stream')
  const ioFlags =
    RecvSendFlag.RECV_MULTISHOT | (checkBoolean(options.pollFirst, 'pollFirst') ? RecvSendFlag.POLL_FIRST : 0)
  return { messageFlags, ioFlags }
}

export interface RecvStreamOptions extends ReceiveStreamOptions {
  /**
   * At most so many bytes an item (6.14); 0, the default: as many as the buffer holds. Refused with `bundle`: the kernel (6.18) then
   * misses the end of a connection that was closed before its last bytes were received.
   */
  readonly itemBytesMax?: number
  /**
   * Other sockets of the ring get their turn after so many bytes: the request ends and is started again (6.18). 0, the default: the
   * kernel's own limit, 32 shots at a time.
   */
  readonly turnBytesMax?: number
  /** The socket is SOCK_DGRAM: a message of nothing is a message, and not the end. Default false. */
  readonly datagrams?: boolean
}

/**
 * What a socket receives, each piece in a provided buffer. Ends when the peer has. With `bundle` an item is all that had come, in as
 * many buffers as it took (6.10): fewer items where much comes in small buffers.
 *
 * Without a free buffer the stream waits until one is released, and so does what the peer sends.
 * Since 6.0. io_uring_prep_recv_multishot(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECONNRESET, ENOTCONN, ERR_RING_BUFFERS_CLOSED, …
 */
export function recvStream(options: RecvStreamOptions & { readonly bundle?: false }): StreamOperation<BufferLease>
export function recvStream(options: RecvStreamOptions & { readonly bundle: true }): StreamOperation<BundleLease>
export function recvStream(
  options: RecvStreamOptions & { readonly bundle?: boolean },
): StreamOperation<BufferLease | BundleLease>
export function recvStream(
  options: RecvStreamOptions & { readonly bundle?: boolean },
): StreamOperation<BufferLease | BundleLease> {
  requireFeature(checkBoolean(checkOptions(options).bundle, 'bundle') ? 'recvBundle' : 'multishotRecv')
  const fd = checkDescriptor(options.fd)
  const buffers = checkBuffers(options.buffers)
  const { messageFlags, ioFlags } = receiveFlags(options)
  const { bundle = false, datagrams = false } = options
  if (bundle && datagrams) throw invalidArgValue('bundle', bundle, 'is for streams of bytes: it would join messages')
  const itemBytesMax = checkInteger(options.itemBytesMax ?? 0, 'itemBytesMax', 0, 2 ** 31 - 1)
  if (bundle && itemBytesMax > 0) throw invalidArgValue('itemBytesMax', itemBytesMax, 'cannot limit bundles')
  const turnBytesMax = checkInteger(options.turnBytesMax ?? 0, 'turnBytesMax', 0, 2 ** 31 - 1)
  const allFlags = ioFlags | (bundle ? RecvSendFlag.BUNDLE : 0)
  const operation = makeOperation(
    recv,
    (words, at, flags) => {
      prepRecv(words, at, flags, descriptorNumber(fd), 0, itemBytesMax, messageFlags, allFlags, buffers.select())
      words[at + 11] = turnBytesMax
    },
    { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [buffers], buffers },
  )
  if (bundle) {
    return {
      operation,
      item: (result, cqeFlags) => buffers.takeBundle(result, cqeFlags),
      discard: release,
      buffers,
      needs: { feature: Feature.RECVSEND_BUNDLE, what: 'bundles: they came with Linux 6.10' },
    }
  }
  if (!datagrams) return { operation, ...leased(buffers) }
  return {
    operation,
    item: (result, cqeFlags) => buffers.take(result, cqeFlags) ?? nothing,
    discard: release,
    buffers,
  }
}

/**
 * What a pipe, a terminal or another pollable file gives, each piece in a provided buffer. Ends with the file. Regular files are
 * refused by the kernel (EBADFD). Since 6.7. io_uring_prep_read_multishot(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADFD, EIO, ERR_RING_BUFFERS_CLOSED, …
 */
export function readStream(options: {
  readonly fd: Descriptor
  readonly buffers: ProvidedBuffers
}): StreamOperation<BufferLease> {
  requireFeature('multishotRead')
  const fd = checkDescriptor(checkOptions(options).fd)
  const buffers = checkBuffers(options.buffers)
  return {
    operation: makeOperation(
      readMultishot,
      (words, at, flags) => {
        prepReadMultishot(words, at, flags, descriptorNumber(fd), 0, -1, buffers.select())
      },
      { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [buffers], buffers },
    ),
    ...leased(buffers),
  }
}

// struct io_uring_recvmsg_out { u32 namelen, controllen, payloadlen, flags }, then name, control and payload.
const outBytes = 16

/** A message with its envelope. Release it as any lease; its descriptors are yours to close. */
export interface MessageLease {
  /** The data. Not to be touched after release(). */
  readonly bytes: Buffer
  /** Null where the sender has no address (a connected stream, an unnamed socket). */
  readonly from: SocketAddress | null
  /** Control data in the kernel's form; a copy. */
  readonly control: Buffer
  /** Descriptors that came with it. */
  readonly descriptors: readonly number[]
  /** The message was longer than what the buffer has room for: the rest is lost. */
  readonly truncated: boolean
  /** Control data was longer than `controlBytes`; descriptors among it that had no room were closed. */
  readonly controlTruncated: boolean
  /** Gives the memory back to the kernel. @throws ERR_RING_LEASE_RELEASED the second time */
  release(): void
  [Symbol.dispose](): void
}

export interface RecvmsgStreamOptions extends ReceiveStreamOptions {
  /** Room for control data in every buffer, in bytes. Default 0. */
  readonly controlBytes?: number
  /** Keep room for the sender's address (128 bytes) in every buffer. Default true. */
  readonly withAddress?: boolean
  /**
   * The socket is SOCK_DGRAM: a message of nothing is never the end. Default: it is not where it has a sender, as UDP's always do
   * unless `withAddress` is false.
   */
  readonly datagrams?: boolean
}

/**
 * Messages that a socket receives, each with sender and control data. MSG_CMSG_CLOEXEC is added. A buffer must hold 16 bytes, the
 * room for address and control data, and the message; incremental buffers are refused, because the kernel fails where the rest
 * of one is too small for that (EFAULT; liburing #1433).
 * Since 6.0. io_uring_prep_recvmsg_multishot(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECONNREFUSED, ERR_RING_BUFFERS_CLOSED, …
 */
export function recvmsgStream(options: RecvmsgStreamOptions): StreamOperation<MessageLease> {
  requireFeature('multishotRecvmsg')
  const fd = checkDescriptor(checkOptions(options).fd)
  const buffers = checkBuffers(options.buffers)
  const { messageFlags, ioFlags } = receiveFlags(options)
  const nameBytes = options.withAddress === false ? 0 : socketAddressBytesMax
  const controlBytes = checkInteger(options.controlBytes ?? 0, 'controlBytes', 0, 65536)
  const payloadAt = outBytes + nameBytes + controlBytes
  if (buffers.incremental) throw invalidArgValue('buffers', buffers, 'must not be incremental')
  if (buffers.sizeBytes <= payloadAt)
    throw outOfRange('buffers.sizeBytes', `> ${payloadAt} (header, address, control data)`, buffers.sizeBytes)
  const header = envelopeHeader(nameBytes, controlBytes)
  return {
    operation: makeOperation(
      recvmsg,
      (words, at, flags) => {
        const address = addressOfView(header)
        const bits = messageFlags | MessageFlag.MSG_CMSG_CLOEXEC
        prepRecvmsg(words, at, flags, descriptorNumber(fd), address, bits, ioFlags, buffers.select())
      },
      { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [buffers, header], buffers },
    ),
    item: (result, cqeFlags) => {
      const lease = buffers.take(result, cqeFlags)
      if (lease === null) return null // no message, no buffer: the end
      const message = openMessage(lease, nameBytes, payloadAt)
      if (message.bytes.length > 0 || options.datagrams === true || message.from !== null) return message
      message.release()
      return null
    },
    discard: (message) => {
      for (const descriptor of message.descriptors) binding().closeFd(descriptor)
      message.release()
    },
    buffers,
  }
}

function openMessage(lease: BufferLease, nameBytes: number, payloadAt: number): MessageLease {
  const { bytes } = lease
  const controlAt = outBytes + nameBytes
  const outFlags = bytes.readUInt32LE(12)
  const control = Buffer.from(bytes.subarray(controlAt, Math.min(controlAt + bytes.readUInt32LE(4), payloadAt)))
  return {
    bytes: bytes.subarray(payloadAt),
    from: decodeAddress(bytes.subarray(outBytes, controlAt), Math.min(bytes.readUInt32LE(0), nameBytes)),
    control,
    descriptors: receivedDescriptors(control),
    truncated: (outFlags & MessageFlag.MSG_TRUNC) !== 0,
    controlTruncated: (outFlags & MessageFlag.MSG_CTRUNC) !== 0,
    release: () => {
      lease.release()
    },
    [Symbol.dispose]: () => {
      lease[Symbol.dispose]()
    },
  }
}
