// Space and advice: sync_file_range, fallocate, ftruncate, fadvise, madvise.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const syncFileRange: OperationRow = {
  opcode: Op.SYNC_FILE_RANGE,
  name: 'sync_file_range',
  syscall: 'sync_file_range',
  result: 'zero',
  keptAlive: [],
  since: '5.2',
  source: 'io_uring_prep_sync_file_range(3)',
}

/** `rangeFlags`: SYNC_FILE_RANGE_*. `length` below 4 GiB. */
export function prepSyncFileRange(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  length: number,
  offset: number,
  rangeFlags: number,
): void {
  writeSqe(words, at, Op.SYNC_FILE_RANGE, sqeFlags, fd, offset, 0, length, rangeFlags, 0)
}

export const fallocate: OperationRow = {
  opcode: Op.FALLOCATE,
  name: 'fallocate',
  syscall: 'fallocate',
  result: 'zero',
  keptAlive: [],
  since: '5.6',
  source: 'io_uring_prep_fallocate(3)',
}

/** `mode`: FALLOC_FL_*. */
export function prepFallocate(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  mode: number,
  offset: number,
  length: number,
): void {
  writeSqe(words, at, Op.FALLOCATE, sqeFlags, fd, offset, length, mode, 0, 0)
}

export const ftruncate: OperationRow = {
  opcode: Op.FTRUNCATE,
  name: 'ftruncate',
  syscall: 'ftruncate',
  result: 'zero',
  keptAlive: [],
  since: '6.9',
  source: 'io_uring_prep_ftruncate(3)',
}

export function prepFtruncate(words: Int32Array, at: number, sqeFlags: number, fd: number, length: number): void {
  writeSqe(words, at, Op.FTRUNCATE, sqeFlags, fd, length, 0, 0, 0, 0)
}

export const fadvise: OperationRow = {
  opcode: Op.FADVISE,
  name: 'fadvise',
  syscall: 'fadvise',
  result: 'zero',
  keptAlive: [],
  since: '5.6',
  source: 'io_uring_prep_fadvise(3)',
}

/** `advice`: POSIX_FADV_*. A length of 0 means to the end. */
export function prepFadvise(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  offset: number,
  length: number,
  advice: number,
): void {
  writeSqe(words, at, Op.FADVISE, sqeFlags, fd, offset, 0, length, advice, 0)
}

export const madvise: OperationRow = {
  opcode: Op.MADVISE,
  name: 'madvise',
  syscall: 'madvise',
  result: 'zero',
  keptAlive: ['buffer'],
  since: '5.6',
  source: 'io_uring_prep_madvise(3)',
}

/** `advice`: MADV_*. */
export function prepMadvise(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  address: number,
  length: number,
  advice: number,
): void {
  writeSqe(words, at, Op.MADVISE, sqeFlags, -1, 0, address, length, advice, 0)
}
