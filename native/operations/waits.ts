// Waiting for memory and for processes: futex_wait, futex_wake, futex_waitv, waitid.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const futexWait: OperationRow = {
  opcode: Op.FUTEX_WAIT,
  name: 'futex_wait',
  syscall: 'futex_wait',
  result: 'zero',
  keptAlive: ['buffer'],
  since: '6.7',
  source: 'io_uring_prep_futex_wait(3)',
}

/** `futexFlags`: FUTEX2_SIZE_U32 2 and so on. Atomics.notify() does not wake it: V8 has its own wait lists. */
export function prepFutexWait(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  address: number,
  value: number,
  mask: number,
  futexFlags: number,
): void {
  writeSqe(words, at, Op.FUTEX_WAIT, sqeFlags, futexFlags, value, address, 0, 0, 0)
  words[at + 12] = mask | 0
  words[at + 13] = (mask / 4294967296) | 0
}

export const futexWake: OperationRow = {
  opcode: Op.FUTEX_WAKE,
  name: 'futex_wake',
  syscall: 'futex_wake',
  result: 'count',
  keptAlive: ['buffer'],
  since: '6.7',
  source: 'io_uring_prep_futex_wake(3)',
}

export function prepFutexWake(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  address: number,
  count: number,
  mask: number,
  futexFlags: number,
): void {
  writeSqe(words, at, Op.FUTEX_WAKE, sqeFlags, futexFlags, count, address, 0, 0, 0)
  words[at + 12] = mask | 0
  words[at + 13] = (mask / 4294967296) | 0
}

export const futexWaitv: OperationRow = {
  opcode: Op.FUTEX_WAITV,
  name: 'futex_waitv',
  syscall: 'futex_waitv',
  result: 'count',
  keptAlive: ['buffer', 'struct'],
  since: '6.7',
  source: 'io_uring_prep_futex_waitv(3)',
}

/** An array of struct futex_waitv; the result is the index of the one that woke. */
export function prepFutexWaitv(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  vectorAddress: number,
  vectorCount: number,
): void {
  writeSqe(words, at, Op.FUTEX_WAITV, sqeFlags, 0, 0, vectorAddress, vectorCount, 0, 0)
}

export const waitid: OperationRow = {
  opcode: Op.WAITID,
  name: 'waitid',
  syscall: 'waitid',
  result: 'zero',
  keptAlive: ['struct'],
  since: '6.7',
  source: 'io_uring_prep_waitid(3)',
}

/** As waitid(2); `infoAddress` points to a siginfo_t or is 0. */
export function prepWaitid(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  idType: number,
  id: number,
  infoAddress: number,
  options: number,
): void {
  writeSqe(words, at, Op.WAITID, sqeFlags, id, infoAddress, 0, idType, 0, options)
}
