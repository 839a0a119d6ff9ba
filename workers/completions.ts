// The completions that every part uses: settle the slot's promise with the bare result, or ignore the result.
import { kernelError, ringErrors } from '../native/errors.ts'
import { operationSyscall } from '../native/operations/index.ts'
import type { Completion, SlotTable } from './slots.ts'

const EINTR = -4

/**
 * Results that no kernel gives: the request was settled without a CQE, or (`worker`) the CQE only said that the ring worker's death
 * has ended it. `revived` settles nothing: the request has been submitted again.
 */
export const LossResult = { lost: -100_001, closed: -100_002, worker: -100_003, revived: -100_004 } as const

// The kernel's private "restart me" errors leak from cancelled requests: to users they are EINTR (include/linux/errno.h).
const restarts = (result: number): boolean => result <= -512 && result >= -516

/** Whether the request says that it was interrupted: by nothing else than a cancellation. */
export function interrupted(result: number): boolean {
  return result === EINTR || restarts(result)
}

/** A request's error by its result: the kernel's, or ours where there was no CQE. */
export function resultError(result: number, syscall: string, path?: string): Error {
  if (result === LossResult.lost) return ringErrors.lost(undefined)
  if (result === LossResult.closed) return ringErrors.closed()
  if (result === LossResult.worker) return ringErrors.workerLost(undefined)
  return kernelError(restarts(result) ? EINTR : result, syscall, path)
}

/** The error of a failed request: named after its operation, with its path where the slot has one. */
export function slotError(slots: SlotTable, slot: number, result: number): Error {
  const path = slots.context[slot]
  return resultError(result, operationSyscall(slots.opcode[slot]!), typeof path === 'string' ? path : undefined)
}

/** Resolves with the result, or rejects with the kernel's error. */
export const settleWithResult: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, result)
    else slots.reject(slot, slotError(slots, slot, result))
  },
}

/** The same of a descriptor that is this thread's: owned-descriptors.ts. */
export const settleWithOwned: Completion = { ...settleWithResult, ownsDescriptors: true }

/** Resolves with nothing, or rejects with the kernel's error. */
export const settleEmpty: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, undefined)
    else slots.reject(slot, slotError(slots, slot, result))
  },
}

/** Nobody waits for it: a cancellation, a close whose result changes nothing. */
export const ignoreResult: Completion = { complete: () => undefined }
