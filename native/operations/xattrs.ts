// Extended attributes by descriptor and by path.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const fsetxattr: OperationRow = {
  opcode: Op.FSETXATTR,
  name: 'fsetxattr',
  syscall: 'fsetxattr',
  result: 'zero',
  keptAlive: ['path', 'buffer'],
  since: '5.19',
  source: 'io_uring_prep_fsetxattr(3)',
}

/** `xattrFlags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
export function prepFsetxattr(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  nameAddress: number,
  valueAddress: number,
  valueLength: number,
  xattrFlags: number,
): void {
  writeSqe(words, at, Op.FSETXATTR, sqeFlags, fd, valueAddress, nameAddress, valueLength, xattrFlags, 0)
}

export const setxattr: OperationRow = {
  opcode: Op.SETXATTR,
  name: 'setxattr',
  syscall: 'setxattr',
  result: 'zero',
  keptAlive: ['path', 'buffer'],
  since: '5.19',
  source: 'io_uring_prep_setxattr(3)',
}

/** As fsetxattr, by path. */
export function prepSetxattr(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  pathAddress: number,
  nameAddress: number,
  valueAddress: number,
  valueLength: number,
  xattrFlags: number,
): void {
  writeSqe(words, at, Op.SETXATTR, sqeFlags, 0, valueAddress, nameAddress, valueLength, xattrFlags, 0)
  words[at + 12] = pathAddress | 0
  words[at + 13] = (pathAddress / 4294967296) | 0
}

export const fgetxattr: OperationRow = {
  opcode: Op.FGETXATTR,
  name: 'fgetxattr',
  syscall: 'fgetxattr',
  result: 'bytes',
  keptAlive: ['path', 'buffer'],
  since: '5.19',
  source: 'io_uring_prep_fgetxattr(3)',
}

/** A length of 0 asks for the size. */
export function prepFgetxattr(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  nameAddress: number,
  valueAddress: number,
  valueLength: number,
): void {
  writeSqe(words, at, Op.FGETXATTR, sqeFlags, fd, valueAddress, nameAddress, valueLength, 0, 0)
}

export const getxattr: OperationRow = {
  opcode: Op.GETXATTR,
  name: 'getxattr',
  syscall: 'getxattr',
  result: 'bytes',
  keptAlive: ['path', 'buffer'],
  since: '5.19',
  source: 'io_uring_prep_getxattr(3)',
}

/** As fgetxattr, by path. */
export function prepGetxattr(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  pathAddress: number,
  nameAddress: number,
  valueAddress: number,
  valueLength: number,
): void {
  writeSqe(words, at, Op.GETXATTR, sqeFlags, 0, valueAddress, nameAddress, valueLength, 0, 0)
  words[at + 12] = pathAddress | 0
  words[at + 13] = (pathAddress / 4294967296) | 0
}
