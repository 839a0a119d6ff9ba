// No-ops and cancellation on the `threadpool` poller.
import { CancelFlag, nopInjectResult } from '../../../native/abi.ts'
import type { Call, Kit, Request } from '../request.ts'

const ENOENT = -2
const EINVAL = -22
const ECANCELED = -125

export const nop: Call = (request, kit) => {
  const { opFlags } = request
  if ((opFlags & ~nopInjectResult) !== 0) kit.finish(request, EINVAL)
  else kit.finish(request, opFlags === nopInjectResult ? request.words[6]! : 0)
}

function matches(cancel: Request, candidate: Request): boolean {
  const flags = cancel.opFlags
  if (candidate === cancel || candidate.cancelled) return false
  if ((flags & CancelFlag.ANY) !== 0) return true
  const byUserData = (flags & (CancelFlag.FD | CancelFlag.OP)) === 0 || (flags & CancelFlag.USERDATA) !== 0
  if ((flags & CancelFlag.FD) !== 0 && !usesDescriptor(cancel, candidate)) return false
  if ((flags & CancelFlag.OP) !== 0 && candidate.opcode !== cancel.length) return false
  return !byUserData || (candidate.words[8] === cancel.words[4] && candidate.words[9] === cancel.words[5])
}

function usesDescriptor(cancel: Request, candidate: Request): boolean {
  const direct = (cancel.opFlags & CancelFlag.FD_FIXED) !== 0
  return candidate.sqeFd === cancel.sqeFd && candidate.directIndex >= 0 === direct
}

function victims(cancel: Request, kit: Kit): Request[] {
  const found = kit.begun().filter((candidate) => matches(cancel, candidate))
  return (cancel.opFlags & (CancelFlag.ALL | CancelFlag.ANY)) === 0 ? found.slice(0, 1) : found
}

export const asyncCancel: Call = (request, kit) => {
  const found = victims(request, kit)
  const results = found.map((victim) => kit.cancel(victim))
  if ((request.opFlags & (CancelFlag.ALL | CancelFlag.ANY)) !== 0) kit.finish(request, found.length)
  else kit.finish(request, results[0] ?? ENOENT)
}

/** For poll_remove and timeout_remove: ends a request of `opcode` that waits. */
export function removeWaiting(request: Request, kit: Kit, opcode: number): void {
  const target = kit.find(request.words[4]!, request.words[5]!)
  if (target?.opcode !== opcode) kit.finish(request, ENOENT)
  else {
    kit.finish(target, ECANCELED)
    kit.finish(request, 0)
  }
}
