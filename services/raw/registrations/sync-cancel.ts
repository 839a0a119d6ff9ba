// Cancelling by a call instead of a request: for when the queue is full, or stands still. Used by Registrations.
//
//   struct io_uring_sync_cancel_reg { u64 addr; s32 fd; u32 flags; timespec timeout; u8 opcode; u8 pad[7]; u64 pad2[3] }
//
// The call sleeps in the kernel while a request that is running cannot be stopped. Asleep, this thread would serve nobody, and a
// ring worker that polls would submit nothing: so it is asked without sleeping, again and again, until the time is over.
import { setTimeout as sleep } from 'node:timers/promises'
import { CancelFlag, RegisterOp } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { kernelError } from '../../../native/errors.ts'
import { prepCancelWhere } from '../../../native/operations/control.ts'
import { Poller } from '../../../workers/poller-kind.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import type { Completion } from '../../../workers/slots.ts'
import { checkTimeMs } from '../checks.ts'
import { cancelTarget } from '../cancel-target.ts'
import type { AsyncCancelOptions } from '../cancel-target.ts'
import { checkOpen } from './call.ts'

export interface SyncCancelOptions extends AsyncCancelOptions {
  /** How long to go on asking while a request cannot be stopped, or the kernel has not got to the operation named, in ms. Default 1000. */
  readonly timeoutMs?: number
}

const sqeWords = 16
const ENOENT = -2
const EALREADY = -114
const EINTR = -4
const ETIME = -62
const askAgainMs = 5

/** Two answers to one question: what either found, and "not now" rather than "nothing". */
function together(call: number, request: number): number {
  if (call >= 0 || request >= 0) return Math.max(call, 0) + Math.max(request, 0)
  return call === ENOENT ? request : call
}

/** Asks with an ASYNC_CANCEL, ahead of what waits. -ENOENT where there is no room for it just now. */
function cancelByRequest(handle: RingHandle, cancel: Int32Array): Promise<number> {
  const { client } = handle
  if (client.poller === Poller.caller) return Promise.resolve(ENOENT) // the call has looked there
  return new Promise((resolve) => {
    const complete: Completion['complete'] = (_slots, _slot, result) => {
      resolve(result)
    }
    if (client.claimCancel({ complete }, null, null) < 0) {
      resolve(ENOENT)
      return
    }
    const { words, at } = client
    const [slot, generation] = [words[at + 8]!, words[at + 9]!]
    for (let word = 0; word < sqeWords; word++) words[at + word] = cancel[word]!
    words[at + 8] = slot
    words[at + 9] = generation
  })
}

/** Resolves with how many were cancelled. */
export async function syncCancel(handle: RingHandle, options: SyncCancelOptions): Promise<number> {
  const { target, descriptor, opcode, cancelFlags } = cancelTarget(options)
  const timeoutMs = checkTimeMs(options.timeoutMs ?? 1000, 'timeoutMs')
  const argument = Buffer.alloc(64)
  const { slot, generation, slots } = target?.ticket ?? { slot: 0, generation: 0, slots: null }
  argument.writeInt32LE(slot, 0)
  argument.writeInt32LE(generation, 4)
  argument.writeInt32LE(descriptor, 8)
  argument.writeUInt32LE(cancelFlags, 12)
  argument.writeUInt8(opcode, 32)
  // A timeout of nothing, which is over before the kernel sleeps; -1 would be for ever.
  const waiting = new Int32Array(sqeWords)
  prepCancelWhere(waiting, 0, 0, slot, generation, descriptor, opcode, cancelFlags)
  const every = (cancelFlags & (CancelFlag.ALL | CancelFlag.ANY)) !== 0
  checkOpen(handle)
  // The kernel does not know what waits in the backlog. Of several that match, those in the ring came first.
  let found = every || target !== undefined ? handle.client.cancelWaiting(waiting, every) : 0
  if (found > 0 && !every) return 0
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    checkOpen(handle)
    let result = binding().register(handle.geometry.ringFd, RegisterOp.REGISTER_SYNC_CANCEL, argument, 1)
    // The call looks among the kernel worker threads of the task that calls; those of the ring are its submitter's.
    if (every || result === ENOENT) result = together(result, await cancelByRequest(handle, waiting))
    if (result >= 0) return found + result
    if (result === ENOENT && !every && target === undefined) found = handle.client.cancelWaiting(waiting, false)
    if (result === ENOENT && found > 0) return every ? found : 0
    // On its way to the kernel, where it is not found yet; or over, and its completion is on its way back.
    const underway = result === ENOENT && slots?.holds(slot, generation) === true
    const again = underway || result === ETIME || result === EALREADY || result === EINTR
    if (!again || performance.now() >= deadlineMs) throw kernelError(result, 'io_uring_register')
    await sleep(askAgainMs)
  }
}
