// Models of timeout, its removal, and link_timeout, in virtual time. Listed in index.ts.
import { CqeFlag, Op, TimeoutFlag } from '../../../native/abi.ts'
import { Errno } from '../model.ts'
import type { Kernel, OperationModel, Request } from '../model.ts'

/** struct __kernel_timespec in milliseconds. */
export function timeMs(kernel: Kernel, address: number): number {
  const view = kernel.memory.view(address, 16)
  return view.getUint32(0, true) * 1000 + view.getUint32(8, true) / 1e6
}

function tick(kernel: Kernel, request: Request, intervalMs: number, left: number): void {
  const timer = kernel.time.after(intervalMs, () => {
    kernel.later(request, () => {
      const more = left !== 1 && (request.opFlags & TimeoutFlag.MULTISHOT) !== 0
      if (more && kernel.shot(request, Errno.ETIME, CqeFlag.MORE)) tick(kernel, request, intervalMs, left - 1)
      else kernel.complete(request, Errno.ETIME)
    })
  })
  kernel.wait(request, () => {
    kernel.time.cancel(timer)
  })
}

const timeout: OperationModel = {
  issue: (kernel, request) => {
    tick(kernel, request, timeMs(kernel, request.address), request.offset)
  },
}

const timeoutRemove: OperationModel = {
  issue: (kernel, request) => {
    const target = [...kernel.live].find(
      ({ slot, generation, opcode }) =>
        opcode === Op.TIMEOUT && request.address === (slot >>> 0) + (generation >>> 0) * 4294967296,
    )
    if (target?.phase !== 'waiting') kernel.complete(request, target === undefined ? Errno.ENOENT : Errno.EALREADY)
    else {
      target.stopWaiting()
      kernel.complete(target, Errno.ECANCELED)
      kernel.complete(request, 0)
    }
  },
}

// Armed by the kernel together with what it limits: by itself it is a mistake.
const linkTimeout: OperationModel = {
  issue: (kernel, request) => {
    kernel.complete(request, Errno.EINVAL)
  },
}

export const timeoutModels: readonly (readonly [number, OperationModel])[] = [
  [Op.TIMEOUT, timeout],
  [Op.TIMEOUT_REMOVE, timeoutRemove],
  [Op.LINK_TIMEOUT, linkTimeout],
]
