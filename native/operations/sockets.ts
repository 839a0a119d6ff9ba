// Sockets as such: socket, bind, listen, accept, connect, shutdown, socket commands.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op, SocketCommand, acceptMultishot } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const socket: OperationRow = {
  opcode: Op.SOCKET,
  name: 'socket',
  syscall: 'socket',
  result: 'descriptor',
  keptAlive: [],
  since: '5.19',
  source: 'io_uring_prep_socket(3)',
}

/** As socket(2). `socketFlags` must be 0; SOCK_CLOEXEC and SOCK_NONBLOCK go into `type`. */
export function prepSocket(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  domain: number,
  type: number,
  protocol: number,
  socketFlags: number,
): void {
  writeSqe(words, at, Op.SOCKET, sqeFlags, domain, type, 0, protocol, socketFlags, 0)
}

export const bind: OperationRow = {
  opcode: Op.BIND,
  name: 'bind',
  syscall: 'bind',
  result: 'zero',
  keptAlive: ['struct'],
  since: '6.11',
  source: 'io_uring_prep_bind(3)',
}

export function prepBind(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  addressAddress: number,
  addressLength: number,
): void {
  writeSqe(words, at, Op.BIND, sqeFlags, fd, addressLength, addressAddress, 0, 0, 0)
}

export const listen: OperationRow = {
  opcode: Op.LISTEN,
  name: 'listen',
  syscall: 'listen',
  result: 'zero',
  keptAlive: [],
  since: '6.11',
  source: 'io_uring_prep_listen(3)',
}

export function prepListen(words: Int32Array, at: number, sqeFlags: number, fd: number, backlog: number): void {
  writeSqe(words, at, Op.LISTEN, sqeFlags, fd, 0, 0, backlog, 0, 0)
}

export const accept: OperationRow = {
  opcode: Op.ACCEPT,
  name: 'accept',
  syscall: 'accept',
  result: 'descriptor',
  keptAlive: ['struct'],
  since: '5.5',
  source: 'io_uring_prep_accept(3)',
}

/** Addresses of 0 where nobody wants the peer. `acceptFlags`: SOCK_CLOEXEC, SOCK_NONBLOCK. */
export function prepAccept(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  addressAddress: number,
  lengthAddress: number,
  acceptFlags: number,
): void {
  writeSqe(words, at, Op.ACCEPT, sqeFlags, fd, lengthAddress, addressAddress, 0, acceptFlags, 0)
}

/** One request, a CQE for each connection (5.19). */
export function prepAcceptMultishot(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  acceptFlags: number,
): void {
  writeSqe(words, at, Op.ACCEPT, sqeFlags, fd, 0, 0, 0, acceptFlags, 0)
  words[at] = words[at]! | (acceptMultishot << 16)
}

export const connect: OperationRow = {
  opcode: Op.CONNECT,
  name: 'connect',
  syscall: 'connect',
  result: 'zero',
  keptAlive: ['struct'],
  since: '5.5',
  source: 'io_uring_prep_connect(3)',
}

export function prepConnect(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  addressAddress: number,
  addressLength: number,
): void {
  writeSqe(words, at, Op.CONNECT, sqeFlags, fd, addressLength, addressAddress, 0, 0, 0)
}

export const shutdown: OperationRow = {
  opcode: Op.SHUTDOWN,
  name: 'shutdown',
  syscall: 'shutdown',
  result: 'zero',
  keptAlive: [],
  since: '5.11',
  source: 'io_uring_prep_shutdown(3)',
}

/** `how`: SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. */
export function prepShutdown(words: Int32Array, at: number, sqeFlags: number, fd: number, how: number): void {
  writeSqe(words, at, Op.SHUTDOWN, sqeFlags, fd, 0, 0, how, 0, 0)
}

export const uringCmd: OperationRow = {
  opcode: Op.URING_CMD,
  name: 'uring_cmd',
  syscall: 'uring_cmd',
  result: 'count',
  keptAlive: ['buffer'],
  since: '5.19',
  source: 'io_uring_prep_cmd_sock(3), io_uring_prep_uring_cmd(3)',
}

/** `command`: SocketCommand.*; level, option and value as for getsockopt(2) (6.7). */
export function prepSocketCommand(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  command: number,
  level: number,
  option: number,
  valueAddress: number,
  valueLength: number,
): void {
  writeSqe(words, at, Op.URING_CMD, sqeFlags, fd, command, 0, 0, 0, valueLength)
  words[at + 4] = level
  words[at + 5] = option
  words[at + 12] = valueAddress | 0
  words[at + 13] = (valueAddress / 4294967296) | 0
}

/** Any driver's command: `payload` is its first 16 bytes as words, all that a 64-byte entry has room for. */
export function prepUringCmd(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  command: number,
  address: number,
  length: number,
  payload: Int32Array,
): void {
  writeSqe(words, at, Op.URING_CMD, sqeFlags, fd, 0, address, length, 0, 0)
  words[at + 2] = command
  words[at + 12] = payload[0]!
  words[at + 13] = payload[1]!
  words[at + 14] = payload[2]!
  words[at + 15] = payload[3]!
}

/** getsockname(2), or getpeername(2) where `peer` is 1 (6.19). */
export function prepSocketName(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  addressAddress: number,
  lengthAddress: number,
  peer: number,
): void {
  writeSqe(words, at, Op.URING_CMD, sqeFlags, fd, SocketCommand.GETSOCKNAME, addressAddress, 0, 0, peer)
  words[at + 12] = lengthAddress | 0
  words[at + 13] = (lengthAddress / 4294967296) | 0
}
