// Sending and receiving on sockets: send, recv, sendmsg, recvmsg, send_zc, sendmsg_zc, recv_zc.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const send: OperationRow = {
  opcode: Op.SEND,
  name: 'send',
  syscall: 'send',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.6',
  source: 'io_uring_prep_send(3)',
}

/** `messageFlags`: MSG_*. `ioFlags`: RecvSendFlag.*. */
export function prepSend(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  messageFlags: number,
  ioFlags: number,
): void {
  writeSqe(words, at, Op.SEND, sqeFlags, fd, 0, address, length, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
}

/** After prepSend() or prepSendZc(): where to, on a socket that is not connected (6.0). */
export function setDestination(words: Int32Array, at: number, addressAddress: number, addressLength: number): void {
  words[at + 2] = addressAddress | 0
  words[at + 3] = (addressAddress / 4294967296) | 0
  words[at + 11] = addressLength
}

export const recv: OperationRow = {
  opcode: Op.RECV,
  name: 'recv',
  syscall: 'recv',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.6',
  source: 'io_uring_prep_recv(3)',
}

/** As send. With SqeFlag.BUFFER_SELECT from `bufferGroup`; RecvSendFlag.RECV_MULTISHOT then wants a length of 0 (6.0). */
export function prepRecv(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  messageFlags: number,
  ioFlags: number,
  bufferGroup: number,
): void {
  writeSqe(words, at, Op.RECV, sqeFlags, fd, 0, address, length, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
  words[at + 10] = bufferGroup
}

export const sendmsg: OperationRow = {
  opcode: Op.SENDMSG,
  name: 'sendmsg',
  syscall: 'sendmsg',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '5.3',
  source: 'io_uring_prep_sendmsg(3)',
}

export function prepSendmsg(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  messageAddress: number,
  messageFlags: number,
  ioFlags: number,
): void {
  writeSqe(words, at, Op.SENDMSG, sqeFlags, fd, 0, messageAddress, 1, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
}

export const recvmsg: OperationRow = {
  opcode: Op.RECVMSG,
  name: 'recvmsg',
  syscall: 'recvmsg',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '5.3',
  source: 'io_uring_prep_recvmsg(3)',
}

export function prepRecvmsg(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  messageAddress: number,
  messageFlags: number,
  ioFlags: number,
  bufferGroup: number,
): void {
  writeSqe(words, at, Op.RECVMSG, sqeFlags, fd, 0, messageAddress, 1, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
  words[at + 10] = bufferGroup
}

export const sendZc: OperationRow = {
  opcode: Op.SEND_ZC,
  name: 'send_zc',
  syscall: 'send',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '6.0',
  source: 'io_uring_prep_send_zc(3)',
}

/** Two CQEs: the result, then (CqeFlag.NOTIF) that the buffer is free again. */
export function prepSendZc(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  messageFlags: number,
  ioFlags: number,
  bufferIndex: number,
): void {
  writeSqe(words, at, Op.SEND_ZC, sqeFlags, fd, 0, address, length, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
  words[at + 10] = bufferIndex
}

export const sendmsgZc: OperationRow = {
  opcode: Op.SENDMSG_ZC,
  name: 'sendmsg_zc',
  syscall: 'sendmsg',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '6.1',
  source: 'io_uring_prep_sendmsg_zc(3)',
}

/** As send_zc. */
export function prepSendmsgZc(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  messageAddress: number,
  messageFlags: number,
  ioFlags: number,
): void {
  writeSqe(words, at, Op.SENDMSG_ZC, sqeFlags, fd, 0, messageAddress, 1, messageFlags, 0)
  words[at] = words[at]! | (ioFlags << 16)
}

export const recvZc: OperationRow = {
  opcode: Op.RECV_ZC,
  name: 'recv_zc',
  syscall: 'recv',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '6.15',
  source: 'io_uring_enter(2), Documentation/networking/iou-zcrx.rst',
}

/** Wants a NIC with header split and an interface queue registered on the ring. */
export function prepRecvZc(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  length: number,
  ioFlags: number,
  queueId: number,
): void {
  writeSqe(words, at, Op.RECV_ZC, sqeFlags, fd, 0, 0, length, 0, queueId)
  words[at] = words[at]! | (ioFlags << 16)
}
