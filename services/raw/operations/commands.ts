// The opcode uring_cmd in its forms: any driver's command, socket options and queues, discard. For RawRing.submit() and
// chains. Drivers that want 128-byte entries (NVMe passthrough) are refused by the kernel, with the reason.
import { SocketCommand } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType, outOfRange } from '../../../native/errors.ts'
import {
  prepSocketCommand,
  prepSocketName,
  prepUringCmd,
  uringCmd as uringCmdRow,
} from '../../../native/operations/sockets.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import { checkDescriptor, checkOptions, checkPart, namedValue, partAddress, partLength } from '../checks.ts'
import { SocketLevel, SocketOption, UringCommand } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'
import { decodeAddress, socketAddressBytesMax } from '../socket-address.ts'
import type { SocketAddress } from '../socket-address.ts'
import { missingFeature } from '../support.ts'
import type { FeatureName } from '../../../native/features.ts'

const ENOTSUP = -95
const payloadBytes = 16

export interface UringCmdOptions {
  readonly fd: Descriptor
  /** The driver's number for it. */
  readonly command: keyof typeof UringCommand | number
  /** Goes into the entry's addr and len. */
  readonly buffer?: ArrayBufferView
  /** The command's own data: at most 16 bytes fit into an entry of these rings. */
  readonly payload?: ArrayBufferView
}

const driverRefusal = (errno: number): string | undefined =>
  errno === ENOTSUP
    ? "the file's driver has no such io_uring command, or wants the 128-byte entries (IORING_SETUP_SQE128) that NVMe " +
      'passthrough needs and that these rings do not have'
    : undefined

/**
 * A command of the file's driver, in the form that io_uring_cmd takes it. Resolves with what the driver answers.
 * Since 5.19. io_uring_prep_uring_cmd(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ERR_RING_OPERATION_UNSUPPORTED with the
 * kernel's error as cause where the driver will not, EINVAL, …
 */
export function uringCmd(options: UringCmdOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const command = namedValue(options.command, UringCommand, 'command')
  const part = options.buffer === undefined ? null : checkPart(options.buffer, 0, undefined)
  const payload = Buffer.alloc(payloadBytes)
  if (options.payload !== undefined) {
    const { view, length } = checkPart(options.payload, 0, undefined)
    if (length > payloadBytes) throw outOfRange('payload.byteLength', `<= ${payloadBytes}`, length)
    payload.set(new Uint8Array(view.buffer, view.byteOffset, length))
  }
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      const address = part === null ? 0 : partAddress(part)
      const length = part === null ? 0 : partLength(part)
      const own = Int32Array.from([0, 4, 8, 12], (offset) => payload.readInt32LE(offset))
      prepUringCmd(words, at, flags, descriptorNumber(fd), command, address, length, own)
    },
    { keep: [options.buffer], sqeFlags: descriptorFlags(fd), refusal: driverRefusal },
  )
}

/**
 * Throws away a part of a block device's content. Resolves with 0.
 * Since 6.12. io_uring_prep_cmd_discard(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: ERR_RING_OPERATION_UNSUPPORTED (not a block device), EINVAL, EBADF
 */
export function discard(options: {
  readonly fd: Descriptor
  readonly offset: number
  readonly length: number
}): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const offset = checkInteger(options.offset, 'offset', 0, Number.MAX_SAFE_INTEGER)
  const length = checkInteger(options.length, 'length', 0, Number.MAX_SAFE_INTEGER)
  const payload = Int32Array.of(length | 0, (length / 4294967296) | 0, 0, 0)
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      prepUringCmd(words, at, flags, descriptorNumber(fd), UringCommand.BLOCK_URING_CMD_DISCARD, offset, 0, payload)
    },
    { sqeFlags: descriptorFlags(fd), refusal: driverRefusal },
  )
}

/** Sockets of older kernels take no commands at all; those of newer ones say the same of what they cannot do with one. */
const lacks =
  (feature: FeatureName) =>
  (errno: number): string | undefined =>
    errno === ENOTSUP ? missingFeature(feature) : undefined

/** Which option of a socket. */
export interface SocketOptionName {
  readonly fd: Descriptor
  /** Default SOL_SOCKET. Other levels can be set; the kernel gives none of them. */
  readonly level?: keyof typeof SocketLevel | number
  readonly option: keyof typeof SocketOption | number
}

/**
 * getsockopt(2). Resolves with the option's bytes, for most a 32-bit number.
 * Since 6.7. io_uring_prep_cmd_sock(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOTSUP (level), ENOPROTOOPT (option), …;
 * ERR_RING_OPERATION_UNSUPPORTED before 6.7
 */
export function getsockopt(options: SocketOptionName & { readonly length?: number }): Operation<Buffer> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const level = namedValue(options.level ?? 'SOL_SOCKET', SocketLevel, 'level')
  const option = namedValue(options.option, SocketOption, 'option')
  const value = Buffer.alloc(checkInteger(options.length ?? 4, 'length', 1, 65536))
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      const [number, address] = [descriptorNumber(fd), addressOfView(value)]
      prepSocketCommand(words, at, flags, number, SocketCommand.GETSOCKOPT, level, option, address, value.length)
    },
    {
      keep: [value],
      sqeFlags: descriptorFlags(fd),
      result: (length) => Buffer.from(value.subarray(0, length)),
      refusal: lacks('socketGetsockopt'),
    },
  )
}

/**
 * setsockopt(2); a number is set as 32 bits. Resolves with 0.
 * Since 6.7. io_uring_prep_cmd_sock(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOPROTOOPT, EINVAL, EPERM, …;
 * ERR_RING_OPERATION_UNSUPPORTED before 6.7
 */
export function setsockopt(
  options: SocketOptionName & { readonly value: number | ArrayBufferView },
): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const level = namedValue(options.level ?? 'SOL_SOCKET', SocketLevel, 'level')
  const option = namedValue(options.option, SocketOption, 'option')
  const { value } = options
  const given: unknown = value
  if (typeof value !== 'number' && !ArrayBuffer.isView(given))
    throw invalidArgType('value', 'of type number or an instance of Buffer, TypedArray, or DataView', given)
  const view = typeof value === 'number' ? Int32Array.of(checkInteger(value, 'value', -(2 ** 31), 2 ** 32 - 1)) : value
  const part = checkPart(view, 0, undefined)
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      const [number, address] = [descriptorNumber(fd), partAddress(part)]
      prepSocketCommand(words, at, flags, number, SocketCommand.SETSOCKOPT, level, option, address, partLength(part))
    },
    { keep: [part.view], sqeFlags: descriptorFlags(fd), refusal: lacks('socketGetsockopt') },
  )
}

const socketQueues: Readonly<Record<'received' | 'unsent', number>> = {
  received: SocketCommand.SIOCINQ,
  unsent: SocketCommand.SIOCOUTQ,
}

/**
 * How many bytes wait in a socket: received and not read, or sent and not acknowledged. Resolves with the number.
 * Since 6.7. io_uring_prep_cmd_sock(3), tcp(7) SIOCINQ and SIOCOUTQ.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOTSUP, EINVAL (a socket that listens);
 * ERR_RING_OPERATION_UNSUPPORTED before 6.7
 */
export function socketQueue(options: {
  readonly fd: Descriptor
  readonly queue: keyof typeof socketQueues
}): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const command = namedValue(options.queue, socketQueues, 'queue')
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      prepSocketCommand(words, at, flags, descriptorNumber(fd), command, 0, 0, 0, 0)
    },
    { sqeFlags: descriptorFlags(fd), refusal: lacks('socketInq') },
  )
}

/**
 * getsockname(2), or getpeername(2) with `peer`. Resolves with the address.
 * Since 6.19. io_uring_prep_cmd_getsockname(3).
 * @throws ERR_INVALID_ARG_TYPE. Rejects: ERR_RING_OPERATION_UNSUPPORTED before 6.19, ENOTCONN
 */
export function getsockname(options: {
  readonly fd: Descriptor
  readonly peer?: boolean
}): Operation<SocketAddress | null> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const peer = checkBoolean(options.peer, 'peer') ? 1 : 0
  const address = Buffer.alloc(socketAddressBytesMax)
  const length = new Uint32Array(1)
  return makeOperation(
    uringCmdRow,
    (words, at, flags) => {
      length[0] = address.length
      prepSocketName(words, at, flags, descriptorNumber(fd), addressOfView(address), addressOfView(length), peer)
    },
    {
      keep: [address, length],
      sqeFlags: descriptorFlags(fd),
      result: () => decodeAddress(address, length[0]!),
      refusal: (errno) => (errno === ENOTSUP ? 'the name of a socket can be asked for since Linux 6.19' : undefined),
    },
  )
}
