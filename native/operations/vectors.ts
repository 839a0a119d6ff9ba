// Vectored and fixed-buffer transfers: readv, writev, read_fixed, write_fixed, readv_fixed, writev_fixed, read_multishot.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const readv: OperationRow = {
  opcode: Op.READV,
  name: 'readv',
  syscall: 'read',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '5.1',
  source: 'io_uring_prep_readv2(3)',
}

/** `vectorAddress`: an array of struct iovec. `rwFlags`: RWF_*. */
export function prepReadv(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  vectorAddress: number,
  vectorCount: number,
  offset: number,
  rwFlags: number,
): void {
  writeSqe(words, at, Op.READV, sqeFlags, fd, offset, vectorAddress, vectorCount, rwFlags, 0)
}

export const writev: OperationRow = {
  opcode: Op.WRITEV,
  name: 'writev',
  syscall: 'write',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '5.1',
  source: 'io_uring_prep_writev2(3)',
}

/** As readv. */
export function prepWritev(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  vectorAddress: number,
  vectorCount: number,
  offset: number,
  rwFlags: number,
): void {
  writeSqe(words, at, Op.WRITEV, sqeFlags, fd, offset, vectorAddress, vectorCount, rwFlags, 0)
}

export const readFixed: OperationRow = {
  opcode: Op.READ_FIXED,
  name: 'read_fixed',
  syscall: 'read',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.1',
  source: 'io_uring_prep_read_fixed(3)',
}

/** Reads into registered buffer `bufferIndex`; `address` lies within it. */
export function prepReadFixed(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  offset: number,
  bufferIndex: number,
): void {
  writeSqe(words, at, Op.READ_FIXED, sqeFlags, fd, offset, address, length, 0, 0)
  words[at + 10] = bufferIndex
}

export const writeFixed: OperationRow = {
  opcode: Op.WRITE_FIXED,
  name: 'write_fixed',
  syscall: 'write',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '5.1',
  source: 'io_uring_prep_write_fixed(3)',
}

/** Writes from registered buffer `bufferIndex`. */
export function prepWriteFixed(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  address: number,
  length: number,
  offset: number,
  bufferIndex: number,
): void {
  writeSqe(words, at, Op.WRITE_FIXED, sqeFlags, fd, offset, address, length, 0, 0)
  words[at + 10] = bufferIndex
}

export const readvFixed: OperationRow = {
  opcode: Op.READV_FIXED,
  name: 'readv_fixed',
  syscall: 'read',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '6.15',
  source: 'io_uring_prep_readv_fixed(3)',
}

/** As readv, every part within registered buffer `bufferIndex`. */
export function prepReadvFixed(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  vectorAddress: number,
  vectorCount: number,
  offset: number,
  rwFlags: number,
  bufferIndex: number,
): void {
  writeSqe(words, at, Op.READV_FIXED, sqeFlags, fd, offset, vectorAddress, vectorCount, rwFlags, 0)
  words[at + 10] = bufferIndex
}

export const writevFixed: OperationRow = {
  opcode: Op.WRITEV_FIXED,
  name: 'writev_fixed',
  syscall: 'write',
  result: 'bytes',
  keptAlive: ['buffer', 'struct'],
  since: '6.15',
  source: 'io_uring_prep_writev_fixed(3)',
}

/** As writev, every part within registered buffer `bufferIndex`. */
export function prepWritevFixed(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  vectorAddress: number,
  vectorCount: number,
  offset: number,
  rwFlags: number,
  bufferIndex: number,
): void {
  writeSqe(words, at, Op.WRITEV_FIXED, sqeFlags, fd, offset, vectorAddress, vectorCount, rwFlags, 0)
  words[at + 10] = bufferIndex
}

export const readMultishot: OperationRow = {
  opcode: Op.READ_MULTISHOT,
  name: 'read_multishot',
  syscall: 'read',
  result: 'bytes',
  keptAlive: ['buffer'],
  since: '6.7',
  source: 'io_uring_prep_read_multishot(3)',
}

/** Reads a pollable file again and again, each time into a buffer of `bufferGroup`; wants SqeFlag.BUFFER_SELECT. */
export function prepReadMultishot(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  length: number,
  offset: number,
  bufferGroup: number,
): void {
  writeSqe(words, at, Op.READ_MULTISHOT, sqeFlags, fd, offset, 0, length, 0, 0)
  words[at + 10] = bufferGroup
}
