// Names in the file system: renameat, unlinkat, mkdirat, symlinkat, linkat.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const renameat: OperationRow = {
  opcode: Op.RENAMEAT,
  name: 'renameat',
  syscall: 'rename',
  result: 'zero',
  keptAlive: ['path'],
  since: '5.11',
  source: 'io_uring_prep_renameat(3)',
}

/** `renameFlags`: RENAME_*. */
export function prepRenameat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  oldDirFd: number,
  oldPathAddress: number,
  newDirFd: number,
  newPathAddress: number,
  renameFlags: number,
): void {
  writeSqe(words, at, Op.RENAMEAT, sqeFlags, oldDirFd, newPathAddress, oldPathAddress, newDirFd, renameFlags, 0)
}

export const unlinkat: OperationRow = {
  opcode: Op.UNLINKAT,
  name: 'unlinkat',
  syscall: 'unlink',
  result: 'zero',
  keptAlive: ['path'],
  since: '5.11',
  source: 'io_uring_prep_unlinkat(3)',
}

/** `unlinkFlags`: AT_REMOVEDIR (0x200) or 0. */
export function prepUnlinkat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  unlinkFlags: number,
): void {
  writeSqe(words, at, Op.UNLINKAT, sqeFlags, dirFd, 0, pathAddress, 0, unlinkFlags, 0)
}

export const mkdirat: OperationRow = {
  opcode: Op.MKDIRAT,
  name: 'mkdirat',
  syscall: 'mkdir',
  result: 'zero',
  keptAlive: ['path'],
  since: '5.15',
  source: 'io_uring_prep_mkdirat(3)',
}

export function prepMkdirat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  dirFd: number,
  pathAddress: number,
  mode: number,
): void {
  writeSqe(words, at, Op.MKDIRAT, sqeFlags, dirFd, 0, pathAddress, mode, 0, 0)
}

export const symlinkat: OperationRow = {
  opcode: Op.SYMLINKAT,
  name: 'symlinkat',
  syscall: 'symlink',
  result: 'zero',
  keptAlive: ['path'],
  since: '5.15',
  source: 'io_uring_prep_symlinkat(3)',
}

/** Makes a link at `linkPathAddress` that says what is at `targetAddress`. */
export function prepSymlinkat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  targetAddress: number,
  newDirFd: number,
  linkPathAddress: number,
): void {
  writeSqe(words, at, Op.SYMLINKAT, sqeFlags, newDirFd, linkPathAddress, targetAddress, 0, 0, 0)
}

export const linkat: OperationRow = {
  opcode: Op.LINKAT,
  name: 'linkat',
  syscall: 'link',
  result: 'zero',
  keptAlive: ['path'],
  since: '5.15',
  source: 'io_uring_prep_linkat(3)',
}

/** `linkFlags`: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. */
export function prepLinkat(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  oldDirFd: number,
  oldPathAddress: number,
  newDirFd: number,
  newPathAddress: number,
  linkFlags: number,
): void {
  writeSqe(words, at, Op.LINKAT, sqeFlags, oldDirFd, newPathAddress, oldPathAddress, newDirFd, linkFlags, 0)
}
