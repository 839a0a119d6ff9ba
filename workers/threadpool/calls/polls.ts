// Readiness as an operation of its own, on the `threadpool` poller: polls, once or again and again, and epoll descriptors.
import { Op, PollFlag } from '../../../native/abi.ts'
import type { Call, Kit, Request } from '../request.ts'
import { removeWaiting } from './control.ts'
import { POLLIN, finishOrWait } from './streams.ts'

const EAGAIN = -11
const EBADF = -9
const EINVAL = -22
const ENOENT = -2
const signalSetBytes = 8
const POLLNVAL = 0x20

function poll(request: Request, kit: Kit): void {
  const { callFd, opFlags: events, length: pollFlags } = request
  if ((pollFlags & ~(PollFlag.ADD_MULTI | PollFlag.ADD_LEVEL)) !== 0) {
    kit.finish(request, EINVAL)
    return
  }
  const found = kit.ready(callFd, events)
  const many = (pollFlags & PollFlag.ADD_MULTI) !== 0
  if (found < 0 || (found & POLLNVAL) !== 0) kit.finish(request, found < 0 ? found : EBADF)
  else if (found !== 0 && !many) kit.finish(request, found)
  else {
    // What is ready when the watch begins is announced by it, and then every change; so not here as well.
    if (found !== 0 && request.waitFd >= 0) kit.shot(request, found)
    if (!kit.wait(request, events, many)) kit.finish(request, found)
  }
}

export const pollAdd: Call = poll

export const pollRemove: Call = (request, kit) => {
  const { length: pollFlags, words } = request
  const updates = pollFlags & (PollFlag.UPDATE_EVENTS | PollFlag.UPDATE_USER_DATA)
  if (updates === 0) {
    removeWaiting(request, kit, Op.POLL_ADD)
    return
  }
  const target = kit.find(words[4]!, words[5]!)
  if (target?.opcode !== Op.POLL_ADD) {
    kit.finish(request, ENOENT)
    return
  }
  if ((updates & PollFlag.UPDATE_EVENTS) !== 0) {
    target.words[7] = request.opFlags
    target.words[6] = pollFlags & (PollFlag.ADD_MULTI | PollFlag.ADD_LEVEL)
  }
  if ((updates & PollFlag.UPDATE_USER_DATA) !== 0) {
    target.words[8] = words[2]!
    target.words[9] = words[3]!
  }
  poll(target, kit)
  kit.finish(request, 0)
}

export const epollCtl: Call = (request, kit) => {
  const { fd, length, offset, address } = request
  kit.finish(request, kit.now(kit.calls.epoll_ctl, fd, length, offset, address))
}

export const epollWait: Call = (request, kit) => {
  const { callFd, address, length } = request
  const count = kit.now(kit.calls.epoll_pwait, callFd, address, length, 0, 0, signalSetBytes)
  finishOrWait(request, kit, count === 0 ? EAGAIN : count, POLLIN)
}
