// Which results are less than what was asked for, and cut a soft link as a failure does: those of files and splices always, those
// of sockets only where all was asked for (MSG_WAITALL). Used by the engine of the `threadpool` poller.
import { Op } from '../../native/abi.ts'
import type { Request } from './request.ts'

const MSG_WAITALL = 0x100

const always: ReadonlySet<number> = new Set([
  ...[Op.READ, Op.WRITE, Op.READ_FIXED, Op.WRITE_FIXED],
  ...[Op.SPLICE, Op.TEE],
])
const wholeMessages: ReadonlySet<number> = new Set([Op.SEND, Op.RECV])

export function fallsShort(request: Request, result: number): boolean {
  const { opcode } = request
  if (always.has(opcode)) return result !== request.length
  return wholeMessages.has(opcode) && (request.opFlags & MSG_WAITALL) !== 0 && result !== request.length
}
