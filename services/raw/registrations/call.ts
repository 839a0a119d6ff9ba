// How registrations are made: from this thread, or from the one whose requests they are about. Used by every file beside this one.
import { RegisterOp, everyEntry } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { RingError, kernelError, ringErrors } from '../../../native/errors.ts'
import { Poller } from '../../../workers/poller-kind.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { ClientState } from '../../../workers/submission.ts'
import { withoutRing } from '../support.ts'

/** What the kernel answered, or its error. */
function checked(result: number): number {
  if (result < 0) throw kernelError(result, 'io_uring_register')
  return result
}

/** The ring is there. @throws ERR_RING_CLOSED, ERR_RING_LOST */
export function checkAlive(handle: RingHandle): void {
  if (handle.client.state === ClientState.open) return
  throw handle.client.state === ClientState.lost ? ringErrors.lost(handle.client.lossCause) : ringErrors.closed()
}

/**
 * The ring is there, and in the kernel. Its descriptor's number may be another file's after it was closed.
 * @throws ERR_RING_CLOSED, ERR_RING_LOST, ERR_RING_OPERATION_UNSUPPORTED where there is no ring in the kernel
 */
export function checkOpen(handle: RingHandle): void {
  if (handle.client.poller === Poller.threadpool)
    throw withoutRing('io_uring_register(2)', 'there is no ring in the kernel that anything could be registered with')
  checkAlive(handle)
}

/** From this thread, which is any thread's right. @throws SystemError, ERR_RING_CLOSED, ERR_RING_LOST */
export function register(handle: RingHandle, opcode: number, argument: ArrayBufferView | null, count: number): number {
  checkOpen(handle)
  return checked(binding().register(handle.geometry.ringFd, opcode, argument, count))
}

/**
 * From the thread that submits to the kernel, for what the kernel keeps for each task: this thread with the `caller` poller, the
 * ring worker with `worker`; with an SQ thread the kernel means that one, whoever calls. What the kernel writes comes back in
 * `argument`.
 * @throws (rejects) SystemError, ERR_RING_CLOSED, ERR_RING_LOST, ERR_RING_WORKER_LOST
 */
export async function registerAsSubmitter(
  handle: RingHandle,
  opcode: number,
  argument: Uint8Array | null,
  count: number,
): Promise<number> {
  checkOpen(handle)
  const { poller } = handle.client
  // A thread becomes a submitter by its first submission; before it the kernel knows nothing to set. All of nothing will do.
  if (poller === Poller.caller || poller === Poller.worker) binding().enter(handle.geometry.ringFd, everyEntry, 0, 0)
  if (poller !== Poller.worker) return register(handle, opcode, argument, count)
  // With `worker` this thread submits what is little, and the worker the rest. Limits the kernel hands to all of a ring's submitters.
  if (opcode !== RegisterOp.REGISTER_IOWQ_MAX_WORKERS) register(handle, opcode, argument, count)
  return checked(await handle.registerInWorker(opcode, argument, count))
}

/** The name of a registration, as in the table. */
export function registrationName(opcode: number): string {
  const found = Object.entries(RegisterOp).find(([, value]) => value === opcode)
  return found === undefined ? `register_${opcode}` : found[0].toLowerCase()
}

/** A registration that rings of Ringmaster cannot have, and why. */
export function refused(opcode: number, reason: string): RingError {
  return new RingError('ERR_RING_REGISTRATION_REFUSED', `${registrationName(opcode)} is refused: ${reason}`)
}
