// Timeouts on the `threadpool` poller; link timeouts are the engine's, which arms them with the request that they limit.
import { Op, TimeoutFlag } from '../../../native/abi.ts'
import type { Call, Kit, Request } from '../request.ts'
import { readDueMs } from '../timespec.ts'
import { removeWaiting } from './control.ts'

const ENOENT = -2
const EINVAL = -22
const ETIME = -62

export const timeout: Call = (request, kit) => {
  if (request.dueMs > 0) {
    expired(request, kit)
    return
  }
  const { opFlags, offset } = request
  const many = (opFlags & TimeoutFlag.MULTISHOT) !== 0
  const dueMs = request.length !== 1 || (many && (opFlags & TimeoutFlag.ABS) !== 0) ? EINVAL : due(request, kit)
  if (dueMs < 0) {
    kit.finish(request, dueMs)
    return
  }
  if (many) request.countdown = offset
  else if (offset > 0) kit.countCompletions(request, offset)
  kit.sleepUntil(request, dueMs)
}

// Never 0, which stands for "not begun".
const due = (request: Request, kit: Kit): number => {
  const dueMs = readDueMs(kit, request.address, request.opFlags)
  return dueMs < 0 ? dueMs : Math.max(Number.MIN_VALUE, dueMs)
}

function expired(request: Request, kit: Kit): void {
  const many = (request.opFlags & TimeoutFlag.MULTISHOT) !== 0
  if (!many || request.countdown === 1) {
    kit.finish(request, ETIME)
    return
  }
  if (request.countdown > 0) request.countdown--
  kit.shot(request, ETIME)
  kit.sleepUntil(request, due(request, kit))
}

export const timeoutRemove: Call = (request, kit) => {
  const { opFlags, words, offset } = request
  if ((opFlags & (TimeoutFlag.UPDATE | TimeoutFlag.LINK_TIMEOUT_UPDATE)) === 0) {
    removeWaiting(request, kit, Op.TIMEOUT)
    return
  }
  const dueMs = readDueMs(kit, offset, opFlags)
  const limits = (opFlags & TimeoutFlag.LINK_TIMEOUT_UPDATE) !== 0
  const target = limits ? kit.findLimit(words[4]!, words[5]!) : kit.find(words[4]!, words[5]!)
  if (dueMs < 0) kit.finish(request, EINVAL)
  else if (target === null || target.opcode !== (limits ? Op.LINK_TIMEOUT : Op.TIMEOUT)) kit.finish(request, ENOENT)
  else {
    if (limits) kit.limitUntil(target, dueMs)
    else kit.sleepUntil(target, Math.max(Number.MIN_VALUE, dueMs))
    kit.finish(request, 0)
  }
}
