// Operations on the ring itself: nop, async_cancel. prep*() write an SQE at words[at…]; see writeSqe.
import { Op, nopInjectResult } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const nop: OperationRow = {
  opcode: Op.NOP,
  name: 'nop',
  syscall: 'nop',
  result: 'zero',
  keptAlive: [],
  since: '5.1',
  source: 'io_uring_prep_nop(3)',
}

/** Ends with `result` where that is not 0 (IORING_NOP_INJECT_RESULT, 6.10). */
export function prepNopResult(words: Int32Array, at: number, sqeFlags: number, result: number): void {
  writeSqe(words, at, Op.NOP, sqeFlags, -1, 0, 0, result, nopInjectResult, 0)
}

export function prepNop(words: Int32Array, at: number, sqeFlags: number): void {
  writeSqe(words, at, Op.NOP, sqeFlags, -1, 0, 0, 0, 0, 0)
}

export const asyncCancel: OperationRow = {
  opcode: Op.ASYNC_CANCEL,
  name: 'async_cancel',
  syscall: 'cancel',
  result: 'count',
  keptAlive: [],
  since: '5.5',
  source: 'io_uring_prep_cancel64(3)',
}

/** Asks the kernel to cancel the request whose user_data is slot and generation. The request still gets its own CQE. */
export function prepCancel(words: Int32Array, at: number, slot: number, generation: number): void {
  writeSqe(words, at, Op.ASYNC_CANCEL, 0, -1, 0, 0, 0, 0, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}

/** Cancels by `cancelFlags` (CancelFlag.ANY | ALL: everything on the ring; 5.19). */
export function prepCancelMatching(words: Int32Array, at: number, fd: number, cancelFlags: number): void {
  writeSqe(words, at, Op.ASYNC_CANCEL, 0, fd, 0, 0, 0, cancelFlags, 0)
}

/**
 * Cancels by slot and generation, descriptor, opcode, or everything, as `cancelFlags` (CancelFlag.*; 5.19, opcode 6.6) say.
 * A descriptor is a direct one with CancelFlag.FD_FIXED.
 */
export function prepCancelWhere(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  slot: number,
  generation: number,
  fd: number,
  opcode: number,
  cancelFlags: number,
): void {
  writeSqe(words, at, Op.ASYNC_CANCEL, sqeFlags, fd, 0, 0, opcode, cancelFlags, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}
