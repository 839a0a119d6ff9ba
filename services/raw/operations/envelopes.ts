// Messages with addresses, several buffers, and control data (descriptors among it): sendmsg, recvmsg, sendmsgZc. For
// RawRing.submit() and chains.
import { RecvSendFlag } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType, invalidArgValue } from '../../../native/errors.ts'
import {
  prepRecvmsg,
  prepSendmsg,
  prepSendmsgZc,
  recvmsg as recvmsgRow,
  sendmsg as sendmsgRow,
  sendmsgZc as sendmsgZcRow,
} from '../../../native/operations/messages.ts'
import { checkBoolean, checkInteger, checkView } from '../../arguments.ts'
import { setBuffer } from '../../../native/operations/row.ts'
import { checkDescriptor, checkFd, checkFixedBuffer, checkOptions, whileLeased, flagBits } from '../checks.ts'
import type { FixedBuffer } from '../checks.ts'
import { MessageFlag } from '../flags.ts'
import { addressOrNull, descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { decodeAddress, encodeAddress, socketAddressBytesMax } from '../socket-address.ts'
import type { SocketAddress } from '../socket-address.ts'
import { checkVectors, putU64, vectorsAddress } from '../structs.ts'
import type { Vectors } from '../structs.ts'
import { zeroCopySent } from './messages.ts'
import type { MessageOptions, ZeroCopySent } from './messages.ts'

// struct msghdr and struct cmsghdr on 64-bit.
const headerBytes = 56
const nameLengthAt = 8
const controlLengthAt = 40
const flagsAt = 48
const controlHeaderBytes = 16
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
/** SCM_MAX_FD. */
const descriptorsMax = 253

export interface SendmsgOptions extends MessageOptions {
  /** The message, in pieces; at most 1024. They belong to the kernel until the operation is over. */
  readonly buffers: readonly ArrayBufferView[]
  /** Where to, on a socket that is not connected. */
  readonly to?: SocketAddress
  /** Descriptors that the receiver gets duplicates of (SCM_RIGHTS); Unix sockets only. At most 253. */
  readonly descriptors?: readonly number[]
  /** Control data in the kernel's form (struct cmsghdr …), instead of `descriptors`. */
  readonly control?: ArrayBufferView
}

/** The struct msghdr of a multishot recvmsg: how much room each buffer keeps for the sender's address and control data. */
export function envelopeHeader(nameBytes: number, controlBytes: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(nameBytes, nameLengthAt)
  putU64(header, controlLengthAt, controlBytes)
  return header
}

interface Envelope {
  readonly header: Buffer
  readonly vectors: Vectors
  readonly name: ArrayBufferView | null
  readonly control: ArrayBufferView | null
}

/** Writes the struct msghdr as the buffers are now; returns its address. */
function envelopeAddress({ header, vectors, name, control }: Envelope): number {
  header.fill(0)
  putU64(header, 0, addressOrNull(name))
  header.writeUInt32LE(name?.byteLength ?? 0, nameLengthAt)
  putU64(header, 16, vectorsAddress(vectors))
  putU64(header, 24, vectors.parts.length)
  putU64(header, 32, addressOrNull(control))
  putU64(header, controlLengthAt, control?.byteLength ?? 0)
  return addressOfView(header)
}

function rightsOf(descriptors: unknown): Buffer {
  if (!Array.isArray(descriptors)) throw invalidArgType('descriptors', 'an array of descriptors', descriptors)
  checkInteger(descriptors.length, 'descriptors.length', 1, descriptorsMax)
  const length = controlHeaderBytes + descriptors.length * 4
  const control = Buffer.alloc(Math.ceil(length / 8) * 8)
  putU64(control, 0, length)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  descriptors.forEach((fd: unknown, index) => {
    control.writeInt32LE(checkFd(fd, `descriptors[${index}]`), controlHeaderBytes + index * 4)
  })
  return control
}

function checkSendmsg(options: SendmsgOptions): Envelope {
  const { to, descriptors, control } = checkOptions(options)
  if (descriptors !== undefined && control !== undefined)
    throw invalidArgValue('control', control, 'cannot be given together with descriptors')
  return {
    header: Buffer.alloc(headerBytes),
    vectors: checkVectors(options.buffers),
    name: to === undefined ? null : encodeAddress(to, 'to'),
    control: descriptors === undefined ? (control === undefined ? null : checkView(control)) : rightsOf(descriptors),
  }
}

const pollFirstFlag = (options: MessageOptions): number =>
  checkBoolean(options.pollFirst, 'pollFirst') ? RecvSendFlag.POLL_FIRST : 0

/**
 * sendmsg(2). Resolves with the bytes sent.
 * Since 5.3. io_uring_prep_sendmsg(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EMSGSIZE, EBADF (a descriptor), and as send.
 */
export function sendmsg(options: SendmsgOptions): Operation<number> {
  const envelope = checkSendmsg(options)
  const fd = checkDescriptor(options.fd)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const ioFlags = pollFirstFlag(options)
  return makeOperation(
    sendmsgRow,
    (words, at, flags) => {
      prepSendmsg(words, at, flags, descriptorNumber(fd), envelopeAddress(envelope), messageFlags, ioFlags)
    },
    { keep: [envelope], sqeFlags: descriptorFlags(fd) },
  )
}

export interface SendmsgZcOptions extends SendmsgOptions {
  /** The registered buffer that all of `buffers` lie in, by index or as an arena lease (6.15). */
  readonly bufferIndex?: FixedBuffer
  /** Ask whether the kernel copied the data (6.2). Default false. */
  readonly reportUsage?: boolean
}

/**
 * sendmsg(2) without copying. Resolves when the kernel has let go of the buffers.
 * Since 6.1. io_uring_prep_sendmsg_zc(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects as sendmsg and sendZc.
 */
export function sendmsgZc(options: SendmsgZcOptions): Operation<ZeroCopySent> {
  const envelope = checkSendmsg(options)
  const fd = checkDescriptor(options.fd)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const { bufferIndex } = options
  const reportUsage = checkBoolean(options.reportUsage, 'reportUsage')
  const index = bufferIndex === undefined ? null : checkFixedBuffer(bufferIndex)
  let ioFlags = pollFirstFlag(options)
  if (index !== null) ioFlags |= RecvSendFlag.FIXED_BUF
  if (reportUsage) ioFlags |= RecvSendFlag.SEND_ZC_REPORT_USAGE
  const operation = makeOperation(
    sendmsgZcRow,
    (words, at, flags) => {
      prepSendmsgZc(words, at, flags, descriptorNumber(fd), envelopeAddress(envelope), messageFlags, ioFlags)
      if (index !== null) setBuffer(words, at, index)
    },
    { keep: [envelope], sqeFlags: descriptorFlags(fd), result: zeroCopySent(reportUsage) },
  )
  return whileLeased(operation, options)
}

export interface RecvmsgOptions extends MessageOptions {
  /** Filled one after the other; at most 1024. They belong to the kernel until the operation is over. */
  readonly buffers: readonly ArrayBufferView[]
  /** Room for control data, in bytes; descriptors that come without room for them are closed. Default 0. */
  readonly controlBytes?: number
}

export interface ReceivedMessage {
  readonly bytes: number
  /** Null on a connected stream. */
  readonly from: SocketAddress | null
  /** Control data in the kernel's form. */
  readonly control: Buffer
  /** Descriptors that came with it, yours to close. */
  readonly descriptors: readonly number[]
  /** The message was longer than the buffers, or its control data than `controlBytes`. */
  readonly truncated: boolean
  readonly controlTruncated: boolean
}

/** The descriptors among control data. */
export function receivedDescriptors(control: Buffer): number[] {
  const descriptors: number[] = []
  for (let at = 0; at + controlHeaderBytes <= control.length;) {
    const length = Number(control.readBigUInt64LE(at))
    if (length < controlHeaderBytes || at + length > control.length) break
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let fd = at + controlHeaderBytes; fd + 4 <= at + length; fd += 4) descriptors.push(control.readInt32LE(fd))
    }
    at += Math.ceil(length / 8) * 8
  }
  return descriptors
}

/**
 * recvmsg(2). MSG_CMSG_CLOEXEC is added. Resolves with the message's facts; the data is in the buffers.
 * Since 5.3. io_uring_prep_recvmsg(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects as recv.
 */
export function recvmsg(options: RecvmsgOptions): Operation<ReceivedMessage> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const vectors = checkVectors(options.buffers)
  const name = Buffer.alloc(socketAddressBytesMax)
  const control = Buffer.alloc(checkInteger(options.controlBytes ?? 0, 'controlBytes', 0, 65536))
  const envelope = { header: Buffer.alloc(headerBytes), vectors, name, control: control.length > 0 ? control : null }
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags') | MessageFlag.MSG_CMSG_CLOEXEC
  const ioFlags = pollFirstFlag(options)
  const result = (bytes: number): ReceivedMessage => {
    const { header } = envelope
    const filled = Buffer.from(control.subarray(0, Number(header.readBigUInt64LE(controlLengthAt))))
    const outFlags = header.readInt32LE(flagsAt)
    return {
      bytes,
      from: decodeAddress(name, header.readUInt32LE(nameLengthAt)),
      control: filled,
      descriptors: receivedDescriptors(filled),
      truncated: (outFlags & MessageFlag.MSG_TRUNC) !== 0,
      controlTruncated: (outFlags & MessageFlag.MSG_CTRUNC) !== 0,
    }
  }
  return makeOperation(
    recvmsgRow,
    (words, at, flags) => {
      prepRecvmsg(words, at, flags, descriptorNumber(fd), envelopeAddress(envelope), messageFlags, ioFlags, 0)
    },
    { keep: [envelope], sqeFlags: descriptorFlags(fd), result },
  )
}
