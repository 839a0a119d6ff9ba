// Sockets as such: socket, bind, listen, accept, connect, shutdown. Socket commands are in commands.ts. For RawRing.submit()
// and chains.
import { AcceptFlag } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import {
  accept as acceptRow,
  bind as bindRow,
  connect as connectRow,
  listen as listenRow,
  prepAccept,
  prepBind,
  prepConnect,
  prepListen,
  prepShutdown,
  prepSocket,
  shutdown as shutdownRow,
  socket as socketRow,
} from '../../../native/operations/sockets.ts'
import { setDirect, setIoFlags } from '../../../native/operations/row.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import { closeOnExec } from '../../open-flags.ts'
import {
  adviceOnSlots,
  checkDescriptor,
  checkDirect,
  currentDirect,
  checkOptions,
  fitsDirect,
  flagBits,
  namedValue,
  openedAs,
} from '../checks.ts'
import type { IntoDirect, OpenTarget } from '../checks.ts'
import { AddressFamily, SocketFlag, SocketType } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, DirectDescriptor, Operation } from '../operation.ts'
import { decodeAddress, encodeAddress, socketAddressBytesMax } from '../socket-address.ts'
import type { SocketAddress } from '../socket-address.ts'

/** How a descriptor is opened. */
export interface OpenedSocketOptions {
  readonly flags?: Flags<keyof typeof SocketFlag>
  /** Leave the descriptor open in programs that this one starts. Default false: SOCK_CLOEXEC is added. */
  readonly inherit?: boolean
}

/** SOCK_* of what is opened. @throws ERR_INVALID_ARG_* */
export function socketFlags(options: OpenedSocketOptions, direct: OpenTarget | undefined): number {
  const bits = flagBits(options.flags, SocketFlag, 'flags')
  if (direct !== undefined) return bits & ~closeOnExec // EINVAL otherwise
  return checkBoolean(options.inherit, 'inherit') ? bits : bits | closeOnExec
}

export interface SocketOptions extends OpenedSocketOptions {
  readonly family: keyof typeof AddressFamily | number
  readonly type: keyof typeof SocketType | number
  /** IPPROTO_*. Default 0: the usual one. */
  readonly protocol?: number
}

/**
 * socket(2). Resolves with the descriptor, which is yours to close; with `direct` it is a direct descriptor of this ring.
 * Since 5.19. io_uring_prep_socket(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EAFNOSUPPORT, EPROTONOSUPPORT, EMFILE, …
 */
export function socket(options: SocketOptions & { readonly direct?: undefined }): Operation<number>
export function socket(options: SocketOptions & IntoDirect): Operation<DirectDescriptor>
export function socket(
  options: SocketOptions & { readonly direct?: OpenTarget | undefined },
): Operation<number | DirectDescriptor> {
  const { direct, protocol = 0 } = checkOptions(options)
  const family = namedValue(options.family, AddressFamily, 'family')
  const type = namedValue(options.type, SocketType, 'type') | socketFlags(options, direct)
  const number = checkInteger(protocol, 'protocol', 0, 2 ** 31 - 1)
  const index = direct === undefined ? -1 : checkDirect(direct)
  return makeOperation(
    socketRow,
    (words, at, flags) => {
      prepSocket(words, at, flags, family, type, number, 0)
      setDirect(words, at, currentDirect(direct, index))
    },
    { fits: fitsDirect(direct), advice: adviceOnSlots(direct), result: openedAs(direct) },
  )
}

export interface AddressedOptions {
  readonly fd: Descriptor
  readonly address: SocketAddress
}

/**
 * bind(2). Resolves with 0.
 * Since 6.11. io_uring_prep_bind(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EADDRINUSE, EADDRNOTAVAIL, EACCES, …
 */
export function bind(options: AddressedOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const address = encodeAddress(options.address)
  return makeOperation(
    bindRow,
    (words, at, flags) => {
      prepBind(words, at, flags, descriptorNumber(fd), addressOfView(address), address.length)
    },
    { keep: [address], sqeFlags: descriptorFlags(fd) },
  )
}

/**
 * listen(2); `backlog` connections may wait to be accepted, default 511 (as node:net). Resolves with 0.
 * Since 6.11. io_uring_prep_listen(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EADDRINUSE, ENOTSUP (not a stream socket), ENOTSOCK
 */
export function listen(options: { readonly fd: Descriptor; readonly backlog?: number }): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const backlog = checkInteger(options.backlog ?? 511, 'backlog', 0, 2 ** 31 - 1)
  return makeOperation(
    listenRow,
    (words, at, flags) => {
      prepListen(words, at, flags, descriptorNumber(fd), backlog)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

export interface AcceptOptions extends OpenedSocketOptions {
  readonly fd: Descriptor
  /** Reject with EAGAIN instead of waiting (6.10). */
  readonly dontWait?: boolean
  /** Wait for a connection before trying: for when there is none yet, as a rule (6.10). */
  readonly pollFirst?: boolean
}

/** A connection and where it comes from. */
export interface AcceptedSocket<D> {
  readonly socket: D
  readonly peer: SocketAddress | null
}

/**
 * accept4(2): one connection; acceptStream() gives one after the other. Resolves with the descriptor, which is yours to close.
 * Since 5.5, `direct` 5.15, 'allocate' 5.19. io_uring_prep_accept(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EINVAL (does not listen), EMFILE, ECONNABORTED, …
 */
export function accept(
  options: AcceptOptions & { readonly direct?: undefined; readonly withPeer?: false },
): Operation<number>
export function accept(
  options: AcceptOptions & { readonly direct?: undefined; readonly withPeer: true },
): Operation<AcceptedSocket<number>>
export function accept(options: AcceptOptions & IntoDirect & { readonly withPeer?: false }): Operation<DirectDescriptor>
export function accept(
  options: AcceptOptions & IntoDirect & { readonly withPeer: true },
): Operation<AcceptedSocket<DirectDescriptor>>
export function accept(
  options: AcceptOptions & { readonly direct?: OpenTarget | undefined; readonly withPeer?: boolean },
): Operation<Descriptor | AcceptedSocket<Descriptor>> {
  const { direct, withPeer = false } = checkOptions(options)
  const fd = checkDescriptor(options.fd)
  const acceptFlags = socketFlags(options, direct)
  const index = direct === undefined ? -1 : checkDirect(direct)
  const ioFlags =
    (checkBoolean(options.dontWait, 'dontWait') ? AcceptFlag.DONTWAIT : 0) |
    (checkBoolean(options.pollFirst, 'pollFirst') ? AcceptFlag.POLL_FIRST : 0)
  const peer = Buffer.alloc(withPeer ? socketAddressBytesMax : 0)
  const length = new Uint32Array(1)
  const opened = openedAs(direct)
  return makeOperation<Descriptor | AcceptedSocket<Descriptor>>(
    acceptRow,
    (words, at, flags) => {
      length[0] = peer.length
      const [peerAt, lengthAt] = withPeer ? [addressOfView(peer), addressOfView(length)] : [0, 0]
      prepAccept(words, at, flags, descriptorNumber(fd), peerAt, lengthAt, acceptFlags)
      setIoFlags(words, at, ioFlags)
      setDirect(words, at, currentDirect(direct, index))
    },
    {
      keep: [peer, length],
      sqeFlags: descriptorFlags(fd),
      fits: fitsDirect(direct),
      advice: adviceOnSlots(direct),
      result: (value) => (withPeer ? { socket: opened(value), peer: decodeAddress(peer, length[0]!) } : opened(value)),
    },
  )
}

/**
 * connect(2). Resolves with 0 when the connection is there.
 * Since 5.5. io_uring_prep_connect(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECONNREFUSED, ETIMEDOUT, ENOENT (no such
 * socket file), EISCONN, …
 */
export function connect(options: AddressedOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const address = encodeAddress(options.address)
  return makeOperation(
    connectRow,
    (words, at, flags) => {
      prepConnect(words, at, flags, descriptorNumber(fd), addressOfView(address), address.length)
    },
    { keep: [address], sqeFlags: descriptorFlags(fd) },
  )
}

const shutdownWays = { SHUT_RD: 0, SHUT_WR: 1, SHUT_RDWR: 2 } as const

/**
 * shutdown(2): ends one or both directions of a connection. Resolves with 0.
 * Since 5.11. io_uring_prep_shutdown(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOTCONN, ENOTSOCK, EBADF
 */
export function shutdown(options: {
  readonly fd: Descriptor
  /** Default 'SHUT_RDWR'. */
  readonly how?: keyof typeof shutdownWays | number
}): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const how = namedValue(options.how ?? 'SHUT_RDWR', shutdownWays, 'how')
  return makeOperation(
    shutdownRow,
    (words, at, flags) => {
      prepShutdown(words, at, flags, descriptorNumber(fd), how)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}
