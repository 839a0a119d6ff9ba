// Pipes: splice, tee, pipe.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const splice: OperationRow = {
  opcode: Op.SPLICE,
  name: 'splice',
  syscall: 'splice',
  result: 'bytes',
  keptAlive: [],
  since: '5.7',
  source: 'io_uring_prep_splice(3)',
}

/** Offsets of -1 mean a pipe, or the own position of a file. `spliceFlags`: SPLICE_F_*, SPLICE_F_FD_IN_FIXED (1 << 31). */
export function prepSplice(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fdIn: number,
  offsetIn: number,
  fdOut: number,
  offsetOut: number,
  length: number,
  spliceFlags: number,
): void {
  writeSqe(words, at, Op.SPLICE, sqeFlags, fdOut, offsetOut, 0, length, spliceFlags, fdIn)
  words[at + 4] = offsetIn | 0
  words[at + 5] = Math.floor(offsetIn / 4294967296) | 0
}

export const tee: OperationRow = {
  opcode: Op.TEE,
  name: 'tee',
  syscall: 'tee',
  result: 'bytes',
  keptAlive: [],
  since: '5.8',
  source: 'io_uring_prep_tee(3)',
}

export function prepTee(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fdIn: number,
  fdOut: number,
  length: number,
  spliceFlags: number,
): void {
  writeSqe(words, at, Op.TEE, sqeFlags, fdOut, 0, 0, length, spliceFlags, fdIn)
}

export const pipe: OperationRow = {
  opcode: Op.PIPE,
  name: 'pipe',
  syscall: 'pipe2',
  result: 'zero',
  keptAlive: ['struct'],
  since: '6.16',
  source: 'io_uring_prep_pipe(3)',
}

/** Writes two descriptors to `descriptorsAddress`. `pipeFlags`: O_CLOEXEC, O_NONBLOCK, … */
export function prepPipe(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  descriptorsAddress: number,
  pipeFlags: number,
): void {
  writeSqe(words, at, Op.PIPE, sqeFlags, 0, 0, descriptorsAddress, 0, pipeFlags, 0)
}
