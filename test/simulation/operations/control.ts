// Models of nop, async_cancel and msg_ring. Listed in index.ts.
import { CancelFlag, Op, nopInjectResult } from '../../../native/abi.ts'
import { Errno } from '../model.ts'
import type { Kernel, OperationModel, Request } from '../model.ts'

const nop: OperationModel = {
  issue: (kernel, request) => {
    const result = (request.opFlags & nopInjectResult) === 0 ? 0 : request.length
    if (kernel.random.chance(kernel.faults.inline)) kernel.complete(request, result)
    else
      kernel.later(request, () => {
        kernel.complete(request, result)
      })
  },
}

function matches(cancel: Request, request: Request): boolean {
  if (request === cancel) return false
  const { opFlags } = cancel
  if ((opFlags & CancelFlag.ANY) !== 0) return request.opcode !== Op.ASYNC_CANCEL
  if ((opFlags & CancelFlag.FD) !== 0 && request.fd !== cancel.fd) return false
  if ((opFlags & CancelFlag.OP) !== 0 && request.opcode !== cancel.length) return false
  const byUserData = (opFlags & (CancelFlag.FD | CancelFlag.OP)) === 0 || (opFlags & CancelFlag.USERDATA) !== 0
  if (!byUserData) return true
  // The address is the target's user_data: both words came in as one number.
  return (
    cancel.address === (request.slot >>> 0) + (request.generation >>> 0) * 4294967296 &&
    request.opcode !== Op.ASYNC_CANCEL
  )
}

function cancelNow(kernel: Kernel, cancel: Request): void {
  const found = [...kernel.live].filter((request) => matches(cancel, request))
  if ((cancel.opFlags & (CancelFlag.ALL | CancelFlag.ANY)) === 0) {
    let result: number = Errno.ENOENT
    for (const request of found) {
      result = kernel.tryCancel(request)
      if (result !== Errno.ENOENT) break
    }
    kernel.complete(cancel, result)
    return
  }
  let count = 0
  for (const request of found) if (request.phase !== 'over' && kernel.tryCancel(request) === 0) count++
  kernel.complete(cancel, count)
}

const asyncCancel: OperationModel = {
  issue: (kernel, request) => {
    if (kernel.random.chance(kernel.faults.inline)) cancelNow(kernel, request)
    else
      kernel.later(request, () => {
        cancelNow(kernel, request)
      })
  },
}

/** Data for a mailbox of this very ring, the only one there is. The message is there before its sender is told. */
const msgRing: OperationModel = {
  issue: (kernel, request) => {
    const { fd, offset, length } = request
    const send = (): void => {
      kernel.complete(request, kernel.message(fd, offset % 4294967296, Math.floor(offset / 4294967296), length))
    }
    if (kernel.random.chance(kernel.faults.inline)) send()
    else kernel.later(request, send)
  },
}

export const controlModels: readonly (readonly [number, OperationModel])[] = [
  [Op.NOP, nop],
  [Op.ASYNC_CANCEL, asyncCancel],
  [Op.MSG_RING, msgRing],
]
