// Time: timeout, its removal and update, link_timeout.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const timeout: OperationRow = {
  opcode: Op.TIMEOUT,
  name: 'timeout',
  syscall: 'timeout',
  result: 'zero',
  keptAlive: ['struct'],
  since: '5.4',
  source: 'io_uring_prep_timeout(3)',
}

/** A struct __kernel_timespec at `timeAddress`; ends with -ETIME, or with 0 after `count` completions. `timeoutFlags`: TimeoutFlag.*. */
export function prepTimeout(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  timeAddress: number,
  count: number,
  timeoutFlags: number,
): void {
  writeSqe(words, at, Op.TIMEOUT, sqeFlags, -1, count, timeAddress, 1, timeoutFlags, 0)
}

export const timeoutRemove: OperationRow = {
  opcode: Op.TIMEOUT_REMOVE,
  name: 'timeout_remove',
  syscall: 'timeout',
  result: 'zero',
  keptAlive: ['struct'],
  since: '5.5',
  source: 'io_uring_prep_timeout_remove(3), io_uring_prep_timeout_update(3)',
}

export function prepTimeoutRemove(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  slot: number,
  generation: number,
): void {
  writeSqe(words, at, Op.TIMEOUT_REMOVE, sqeFlags, -1, 0, 0, 0, 0, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}

/** `timeoutFlags` get TimeoutFlag.UPDATE or LINK_TIMEOUT_UPDATE (5.11). */
export function prepTimeoutUpdate(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  slot: number,
  generation: number,
  timeAddress: number,
  timeoutFlags: number,
): void {
  writeSqe(words, at, Op.TIMEOUT_REMOVE, sqeFlags, -1, timeAddress, 0, 0, timeoutFlags, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}

export const linkTimeout: OperationRow = {
  opcode: Op.LINK_TIMEOUT,
  name: 'link_timeout',
  syscall: 'timeout',
  result: 'zero',
  keptAlive: ['struct'],
  since: '5.5',
  source: 'io_uring_prep_link_timeout(3)',
}

/** Limits the entry before it, which must be linked to it. */
export function prepLinkTimeout(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  timeAddress: number,
  timeoutFlags: number,
): void {
  writeSqe(words, at, Op.LINK_TIMEOUT, sqeFlags, -1, 0, timeAddress, 1, timeoutFlags, 0)
}
