// Operations on files by descriptor: read, write, fsync, close. prep*() write an SQE at words[at…]; see writeSqe.
// With SqeFlag.FIXED_FILE in sqeFlags, `fd` is an index into the ring's registered files (a direct descriptor).
import { Op, fsyncDatasync } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const read: OperationRow = {
  opcode: Op.READ,
  name: 'read',
  syscall: 'read',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.6',
  source: 'io_uring_prep_read(3)',
}

/** Reads `length` bytes to `address`; offset -1 reads at, and moves, the file's own position (FEAT_RW_CUR_POS, 5.6). */
export function prepRead(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  offset: number,
): void {
  writeSqe(words, at, Op.READ, sqeFlags, fd, offset, address, length, 0, 0)
}

export const write: OperationRow = {
  opcode: Op.WRITE,
  name: 'write',
  syscall: 'write',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.6',
  source: 'io_uring_prep_write(3)',
}

/** Writes `length` bytes from `address`; offset -1 as for read. */
export function prepWrite(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  offset: number,
): void {
  writeSqe(words, at, Op.WRITE, sqeFlags, fd, offset, address, length, 0, 0)
}

export const fsync: OperationRow = {
  opcode: Op.FSYNC,
  name: 'fsync',
  syscall: 'fsync',
  result: 'zero',
  keptAlive: [],
  since: '5.1',
  source: 'io_uring_prep_fsync(3)',
}

export function prepFsync(words: Int32Array, at: number, sqeFlags: number, fd: number): void {
  writeSqe(words, at, Op.FSYNC, sqeFlags, fd, 0, 0, 0, 0, 0)
}

/** sync of `length` bytes from `offset` (0: to the end); `fsyncFlags`: fsyncDatasync or 0. */
export function prepFsyncRange(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  offset: number,
  length: number,
  fsyncFlags: number,
): void {
  writeSqe(words, at, Op.FSYNC, sqeFlags, fd, offset, 0, length, fsyncFlags, 0)
}

/** fdatasync(2): the same opcode with a flag, so it has no row of its own. */
export function prepFdatasync(words: Int32Array, at: number, sqeFlags: number, fd: number): void {
  writeSqe(words, at, Op.FSYNC, sqeFlags, fd, 0, 0, 0, fsyncDatasync, 0)
}

export const close: OperationRow = {
  opcode: Op.CLOSE,
  name: 'close',
  syscall: 'close',
  result: 'zero',
  keptAlive: [],
  since: '5.6',
  source: 'io_uring_prep_close(3)',
}

export function prepClose(words: Int32Array, at: number, sqeFlags: number, fd: number): void {
  writeSqe(words, at, Op.CLOSE, sqeFlags, fd, 0, 0, 0, 0, 0)
}

/** Closes a direct descriptor: its index plus one goes where the kernel looks for it (5.15). */
export function prepCloseDirect(words: Int32Array, at: number, sqeFlags: number, index: number): void {
  writeSqe(words, at, Op.CLOSE, sqeFlags, 0, 0, 0, 0, 0, index + 1)
}
