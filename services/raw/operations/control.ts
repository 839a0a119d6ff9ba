// Operations on the ring itself: nop, asyncCancel. For RawRing.submit() and chains.
import { CancelFlag } from '../../../native/abi.ts'
import { invalidArgValue } from '../../../native/errors.ts'
import { asyncCancel as asyncCancelRow, nop as nopRow, prepCancelWhere } from '../../../native/operations/control.ts'
import { prepNop, prepNopResult } from '../../../native/operations/control.ts'
import { operations } from '../../../native/operations/index.ts'
import { checkInteger } from '../../arguments.ts'
import { checkDescriptor, checkOptions, checkTarget } from '../checks.ts'
import { makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'

export interface NopOptions {
  /** The result it is to end with, -errno or a count (6.10). Default 0. */
  readonly result?: number
}

/**
 * Does nothing: what the queues cost, and for trying out errors with `result`.
 * Since 5.1. io_uring_prep_nop(3).
 * @throws ERR_OUT_OF_RANGE. Rejects with the error of `result` where that is negative.
 */
export function nop(options: NopOptions = {}): Operation<number> {
  const result = checkInteger(checkOptions(options).result ?? 0, 'result', -4095, 2 ** 31 - 1)
  return makeOperation(nopRow, (words, at, flags) => {
    if (result === 0) prepNop(words, at, flags)
    else prepNopResult(words, at, flags, result)
  })
}

/** What to cancel. Everything that is given must match; `any` matches all requests of the ring. */
export interface AsyncCancelOptions {
  /** The operation that was submitted last as this object. */
  readonly operation?: Operation<unknown>
  /** Requests on this descriptor (5.19; a direct one 6.0). */
  readonly fd?: Descriptor
  /** Requests of this kind, by name as in `ringmaster operations` or by number (6.6). */
  readonly opcode?: string | number
  /** Whatever is on the ring, other users' requests too (5.19). */
  readonly any?: boolean
  /** Every match, not only the first (5.19): the result is how many. */
  readonly all?: boolean
}

/**
 * Asks the kernel to cancel requests. Each still ends with a result of its own, ECANCELED if it was cancelled in time. Requests
 * that wait for a place in the ring are found too (by descriptor: by its number), and the chain of one that is goes with it.
 * Resolves with 0 for one request (1 for a wait on a futex or a process), with the number of matches with `all` or `any`.
 * Since 5.5. io_uring_prep_cancel(3).
 * @throws ERR_INVALID_ARG_VALUE (nothing to match), ERR_INVALID_ARG_TYPE. Rejects: ENOENT (nothing matches), EALREADY (too late)
 */
export function asyncCancel(options: AsyncCancelOptions): Operation<number> {
  const { operation, fd, opcode, any = false, all = false } = checkOptions(options)
  if (operation === undefined && fd === undefined && opcode === undefined && !any)
    throw invalidArgValue('options', options, 'must name what to cancel: operation, fd, opcode or any')
  const target = operation === undefined ? undefined : checkTarget(operation)
  const descriptor = fd === undefined ? -1 : checkDescriptor(fd)
  const code = opcode === undefined ? 0 : opcodeOf(opcode)
  let cancelFlags = all ? CancelFlag.ALL : 0
  if (any) cancelFlags |= CancelFlag.ANY
  if (fd !== undefined) cancelFlags |= CancelFlag.FD
  if (opcode !== undefined) cancelFlags |= CancelFlag.OP
  if (typeof descriptor !== 'number') cancelFlags |= CancelFlag.FD_FIXED
  // The user_data is what matches by default; together with others it has to be asked for.
  if (operation !== undefined && (fd !== undefined || opcode !== undefined)) cancelFlags |= CancelFlag.USERDATA
  const number = typeof descriptor === 'number' ? descriptor : descriptor.direct
  return makeOperation(
    asyncCancelRow,
    (words, at, flags) => {
      const { slot, generation } = target?.ticket ?? { slot: 0, generation: 0 }
      prepCancelWhere(words, at, flags, slot, generation, number, code, cancelFlags)
    },
    { keep: [target] },
  )
}

function opcodeOf(opcode: string | number): number {
  if (typeof opcode === 'number') return checkInteger(opcode, 'opcode', 0, 255)
  const row = operations.find(({ name }) => name === opcode)
  if (row === undefined) throw invalidArgValue('opcode', opcode, 'must be the name of an operation')
  return row.opcode
}
