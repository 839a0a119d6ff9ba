// Operations on the ring itself: nop, asyncCancel. For RawRing.submit() and chains.
import { asyncCancel as asyncCancelRow, nop as nopRow, prepCancelWhere } from '../../../native/operations/control.ts'
import { prepNop, prepNopResult } from '../../../native/operations/control.ts'
import { checkInteger } from '../../arguments.ts'
import { checkOptions } from '../checks.ts'
import { cancelTarget } from '../cancel-target.ts'
import type { AsyncCancelOptions } from '../cancel-target.ts'
import { makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'

export type { AsyncCancelOptions }

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

/**
 * Asks the kernel to cancel requests. Each still ends with a result of its own, ECANCELED if it was cancelled in time. Requests
 * that wait for a place in the ring are found too (by descriptor: by its number), and the chain of one that is goes with it.
 * Resolves with 0 for one request (1 for a wait on a futex or a process), with the number of matches with `all` or `any`.
 * Since 5.5. io_uring_prep_cancel(3).
 * @throws ERR_INVALID_ARG_VALUE (nothing to match, or `any` with something to match), ERR_INVALID_ARG_TYPE,
 * ERR_RING_OPERATION_UNSUPPORTED (opcode, or operation with something else, before 6.6). Rejects: ENOENT (nothing
 * matches; also where it was on its way from one place to another), EALREADY (it runs in a kernel worker thread and has been interrupted,
 * or it is completing): in both cases its own result says what became of it
 */
export function asyncCancel(options: AsyncCancelOptions): Operation<number> {
  const { target, descriptor, opcode, cancelFlags } = cancelTarget(options)
  return makeOperation(
    asyncCancelRow,
    (words, at, flags) => {
      const { slot, generation } = target?.ticket ?? { slot: 0, generation: 0 }
      prepCancelWhere(words, at, flags, slot, generation, descriptor, opcode, cancelFlags)
    },
    { keep: [target] },
  )
}
