// What calls on sockets and pipes share: a call that was told not to wait, and did not, is repeated when the descriptor is ready.
import type { Kit, Request } from '../request.ts'

export const POLLIN = 0x1
export const POLLOUT = 0x4

const EAGAIN = -11
const F_GETFL = 3
const O_NONBLOCK = 0o4000

/** Whether a descriptor was opened not to wait: then nobody waits for it, as with io_uring. */
export function isNonBlocking(kit: Kit, fd: number): boolean {
  const flags = kit.now(kit.calls.fcntl, fd, F_GETFL)
  return flags >= 0 && (flags & O_NONBLOCK) !== 0
}

/** Finishes with `result`, or, where it says EAGAIN, waits for `events` and begins again. */
export function finishOrWait(request: Request, kit: Kit, result: number, events: number): void {
  if (result !== EAGAIN || isNonBlocking(kit, request.callFd) || !kit.wait(request, events)) kit.finish(request, result)
}
