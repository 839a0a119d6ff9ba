// Operations on paths: openat, openat2, statx. prep*() write an SQE at words[at…]; see writeSqe. Paths end with NUL and,
// like the structs, must stay put until the CQE (io_uring(7), "SQE pointer lifetimes").
import { Op, statxMask } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const openat: OperationRow = {
  opcode: Op.OPENAT,
  name: 'openat',
  syscall: 'open',
  result: 'descriptor',
  keptAlive: ['path'],
  since: '5.6',
  source: 'io_uring_prep_openat(3)',
}

/** Opens into the process's descriptor table. */
export function prepOpenat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  openFlags: number,
  mode: number,
): void {
  writeSqe(words, at, Op.OPENAT, sqeFlags, dirFd, 0, pathAddress, mode, openFlags, 0)
}

/** Opens as direct descriptor `index` of this ring (5.15). O_CLOEXEC must not be set: there is nothing to inherit. */
export function prepOpenatDirect(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  openFlags: number,
  mode: number,
  index: number,
): void {
  writeSqe(words, at, Op.OPENAT, sqeFlags, dirFd, 0, pathAddress, mode, openFlags, index + 1)
}

export const openat2: OperationRow = {
  opcode: Op.OPENAT2,
  name: 'openat2',
  syscall: 'open',
  result: 'descriptor',
  keptAlive: ['path', 'struct'],
  since: '5.6',
  source: 'io_uring_prep_openat2(3), openat2(2)',
}

/** `howAddress` points to a struct open_how of `howSizeBytes`. */
export function prepOpenat2(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  howAddress: number,
  howSizeBytes: number,
): void {
  writeSqe(words, at, Op.OPENAT2, sqeFlags, dirFd, howAddress, pathAddress, howSizeBytes, 0, 0)
}

export const statx: OperationRow = {
  opcode: Op.STATX,
  name: 'statx',
  syscall: 'stat',
  result: 'zero',
  keptAlive: ['path', 'struct'],
  since: '5.6',
  source: 'io_uring_prep_statx(3), statx(2)',
}

/** Writes a struct statx to `statxAddress`. `atFlags`: At.EMPTY_PATH with an empty path stats `dirFd` itself. */
export function prepStatx(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  atFlags: number,
  statxAddress: number,
): void {
  writeSqe(words, at, Op.STATX, sqeFlags, dirFd, statxAddress, pathAddress, statxMask, atFlags, 0)
}
