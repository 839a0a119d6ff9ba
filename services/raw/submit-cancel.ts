// A cancellation while requests wait for a place in the ring. The kernel does not know those: they are looked through here, as
// the kernel looks through its own, and the answer counts both. Used by RawRing.submit().
import { CancelFlag } from '../../native/abi.ts'
import type { RequestClient } from '../../workers/lane.ts'
import type { Operation } from './operation.ts'

const sqeWords = 16
const ENOENT = -2

/** Carries out an asyncCancel; `ask` submits an operation to the kernel, ahead of what waits. */
export async function submitCancel<R>(
  client: RequestClient,
  operation: Operation<R>,
  ask: (operation: Operation<R>) => Promise<R>,
): Promise<R> {
  const cancel = new Int32Array(sqeWords)
  cancel.fill(-1, 8, 10) // no request's user_data
  operation.fill(cancel, 0, 0)
  const flags = cancel[7]!
  if ((flags & (CancelFlag.ALL | CancelFlag.ANY)) !== 0) {
    const found = client.cancelWaiting(cancel, true)
    const sum = (inRing: number, cqeFlags: number): R => operation.result(found + Math.max(0, inRing), cqeFlags, 0)
    return ask({ ...operation, expectedErrno: found > 0 ? ENOENT : 0, result: sum })
  }
  const narrowed = flags & (CancelFlag.FD | CancelFlag.OP)
  const one = narrowed === 0 || (flags & CancelFlag.USERDATA) !== 0
  // One request is in one place. Of several that match, those in the ring came first.
  if (one && client.cancelWaiting(cancel, false) > 0) return operation.result(0, 0, 0)
  try {
    return await ask(operation)
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!absent || client.cancelWaiting(cancel, false) === 0) throw error
    return operation.result(0, 0, 0)
  }
}
