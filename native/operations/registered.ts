// Tables of the ring: files_update, fixed_fd_install, provide_buffers, remove_buffers, msg_ring.
// prep*() write an SQE at words[at…]; see writeSqe.
import { MessageRing, Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const filesUpdate: OperationRow = {
  opcode: Op.FILES_UPDATE,
  name: 'files_update',
  syscall: 'files_update',
  result: 'count',
  keptAlive: ['struct'],
  since: '5.6',
  source: 'io_uring_prep_files_update(3)',
}

/** Puts `count` descriptors (-1: none) into the table of direct descriptors from `index`. */
export function prepFilesUpdate(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  descriptorsAddress: number,
  count: number,
  index: number,
): void {
  writeSqe(words, at, Op.FILES_UPDATE, sqeFlags, -1, index, descriptorsAddress, count, 0, 0)
}

export const fixedFdInstall: OperationRow = {
  opcode: Op.FIXED_FD_INSTALL,
  name: 'fixed_fd_install',
  syscall: 'fixed_fd_install',
  result: 'descriptor',
  keptAlive: [],
  since: '6.8',
  source: 'io_uring_prep_fixed_fd_install(3)',
}

/** Makes a descriptor of the process from direct descriptor `index`; wants SqeFlag.FIXED_FILE. `installFlags`: 1 for no O_CLOEXEC. */
export function prepFixedFdInstall(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  index: number,
  installFlags: number,
): void {
  writeSqe(words, at, Op.FIXED_FD_INSTALL, sqeFlags, index, 0, 0, 0, installFlags, 0)
}

export const provideBuffers: OperationRow = {
  opcode: Op.PROVIDE_BUFFERS,
  name: 'provide_buffers',
  syscall: 'provide_buffers',
  result: 'count',
  keptAlive: ['buffer'],
  since: '5.7',
  source: 'io_uring_prep_provide_buffers(3)',
}

/** The older way of provided buffers: `count` of `length` bytes each, numbered from `bufferId`. */
export function prepProvideBuffers(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  address: number,
  length: number,
  count: number,
  bufferGroup: number,
  bufferId: number,
): void {
  writeSqe(words, at, Op.PROVIDE_BUFFERS, sqeFlags, count, bufferId, address, length, 0, 0)
  words[at + 10] = bufferGroup
}

export const removeBuffers: OperationRow = {
  opcode: Op.REMOVE_BUFFERS,
  name: 'remove_buffers',
  syscall: 'remove_buffers',
  result: 'count',
  keptAlive: [],
  since: '5.7',
  source: 'io_uring_prep_remove_buffers(3)',
}

export function prepRemoveBuffers(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  count: number,
  bufferGroup: number,
): void {
  writeSqe(words, at, Op.REMOVE_BUFFERS, sqeFlags, count, 0, 0, 0, 0, 0)
  words[at + 10] = bufferGroup
}

export const msgRing: OperationRow = {
  opcode: Op.MSG_RING,
  name: 'msg_ring',
  syscall: 'msg_ring',
  result: 'zero',
  keptAlive: [],
  since: '5.18',
  source: 'io_uring_prep_msg_ring(3)',
}

/** Posts a CQE with `result`, `userDataLow` and `userDataHigh` to the ring `ringFd`. */
export function prepMsgRing(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  ringFd: number,
  result: number,
  userDataLow: number,
  userDataHigh: number,
  messageFlags: number,
): void {
  writeSqe(words, at, Op.MSG_RING, sqeFlags, ringFd, 0, 0, result, messageFlags, 0)
  words[at + 2] = userDataLow
  words[at + 3] = userDataHigh
}

/** Passes direct descriptor `sourceIndex` to slot `targetIndex` (allocateDirect: any) of the ring `ringFd` (6.0). */
export function prepMsgRingFd(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  ringFd: number,
  sourceIndex: number,
  targetIndex: number,
  userDataLow: number,
  userDataHigh: number,
  messageFlags: number,
): void {
  writeSqe(words, at, Op.MSG_RING, sqeFlags, ringFd, 0, MessageRing.SEND_FD, 0, messageFlags, targetIndex + 1)
  words[at + 2] = userDataLow
  words[at + 3] = userDataHigh
  words[at + 12] = sourceIndex
}
