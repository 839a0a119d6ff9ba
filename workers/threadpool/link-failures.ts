// Which results cut a soft link: failures, and less than what was asked for; that of files and splices always, that of sockets only
// where all was asked for (MSG_WAITALL). Used by the engine of the `threadpool` poller.
import { Op, TimeoutFlag } from '../../native/abi.ts'
import type { Request } from './request.ts'

const ETIME = -62
const MSG_WAITALL = 0x100

const always: ReadonlySet<number> = new Set([
  ...[Op.READ, Op.WRITE, Op.READ_FIXED, Op.WRITE_FIXED],
  ...[Op.SPLICE, Op.TEE],
])
const wholeMessages: ReadonlySet<number> = new Set([Op.SEND, Op.RECV])

function fallsShort(request: Request, result: number): boolean {
  const { opcode } = request
  if (always.has(opcode)) return result !== request.length
  return wholeMessages.has(opcode) && (request.opFlags & MSG_WAITALL) !== 0 && result !== request.length
}

/** Whether the rest of a request's chain is cancelled. A timeout that ran out has failed unless it says otherwise. */
export function failsChain(request: Request, result: number): boolean {
  if (result >= 0) return fallsShort(request, result)
  const wanted = request.opcode === Op.TIMEOUT && (request.opFlags & TimeoutFlag.ETIME_SUCCESS) !== 0
  return !(wanted && result === ETIME)
}
