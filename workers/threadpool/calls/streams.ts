// What calls on sockets and pipes share: a call that was told not to wait, and did not, is repeated when the descriptor is ready.
import type { Kit, Request } from '../request.ts'

export const POLLIN = 0x1
export const POLLOUT = 0x4

const EAGAIN = -11

/**
 * Finishes with `result`, or, where it says EAGAIN, waits for `events` and begins again: also where the descriptor was opened with
 * O_NONBLOCK, which io_uring takes for leave to poll (seen on 6.18). Whoever wants no waiting says so in the request.
 */
export function finishOrWait(request: Request, kit: Kit, result: number, events: number): void {
  if (result !== EAGAIN || !kit.wait(request, events)) kit.finish(request, result)
}
