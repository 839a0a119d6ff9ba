// Sockets on the `threadpool` poller. What would wait is told not to (MSG_DONTWAIT) and repeated when the socket is ready; accept(2) and
// connect(2) cannot be told, and are left to a thread, which can be interrupted.
import { AcceptFlag, RecvSendFlag, SocketCommand, acceptMultishot } from '../../../native/abi.ts'
import type { Call, Kit, Request } from '../request.ts'
import { finishOpened } from './files.ts'
import { POLLIN, POLLOUT, finishOrWait } from './streams.ts'

const EAGAIN = -11
const EINPROGRESS = -115
const EINVAL = -22
const EOPNOTSUPP = -95
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_WAITALL = 0x100
const MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1
const SO_TYPE = 3
const FIONREAD = 0x541b
const TIOCOUTQ = 0x5411
/** struct msghdr: name, length of it, parts, number of them, control data, length of it, flags. */
const messageHeaderBytes = 56

// What becomes a direct descriptor is one of the process for a moment, in which another thread may start a program.
const cloexecOfDirect = (request: Request): number => (request.fileIndex === 0 ? 0 : SOCK_CLOEXEC)

export const socket: Call = (request, kit) => {
  const { sqeFd, length, opFlags } = request
  const type = request.offset | cloexecOfDirect(request)
  const result = opFlags !== 0 ? EINVAL : kit.now(kit.calls.socket, sqeFd, type, length)
  finishOpened(request, kit, result)
}

export const bind: Call = (request, kit) => {
  kit.finish(request, kit.now(kit.calls.bind, request.fd, request.address, request.offset))
}

export const listen: Call = (request, kit) => {
  kit.finish(request, kit.now(kit.calls.listen, request.fd, request.length))
}

export const shutdown: Call = (request, kit) => {
  kit.finish(request, kit.now(kit.calls.shutdown, request.fd, request.length))
}

export const connect: Call = (request, kit) => {
  request.onDone = connected
  kit.execute(request, kit.calls.connect, request.callFd, request.address, request.offset)
}

// With O_NONBLOCK the call begins it, and the same call says later what became of it.
function connected(request: Request, kit: Kit, result: number): void {
  finishOrWait(request, kit, result === EINPROGRESS ? EAGAIN : result, POLLOUT)
}

const ioFlagsOfAccept = AcceptFlag.DONTWAIT | AcceptFlag.POLL_FIRST | acceptMultishot

export const accept: Call = (request, kit) => {
  const { callFd, ioFlags } = request
  if ((ioFlags & ~ioFlagsOfAccept) !== 0) kit.finish(request, EINVAL)
  else if (kit.ready(callFd, POLLIN) !== 0) {
    request.onDone = accepted
    const acceptFlags = request.opFlags | cloexecOfDirect(request)
    kit.execute(request, kit.calls.accept4, callFd, request.address, request.offset, acceptFlags)
  } else if ((ioFlags & AcceptFlag.DONTWAIT) !== 0) kit.finish(request, EAGAIN)
  else finishOrWait(request, kit, EAGAIN, POLLIN)
}

function accepted(request: Request, kit: Kit, result: number): void {
  if (result === EAGAIN) finishOrWait(request, kit, result, POLLIN)
  else if (result < 0 || (request.ioFlags & acceptMultishot) === 0) finishOpened(request, kit, result)
  else {
    kit.shot(request, result)
    if (request.cancelled) kit.finish(request, -125)
    else accept(request, kit)
  }
}

// Of a message that is wanted whole, what came so far counts, and the rest is waited for.
function moveOrWait(request: Request, kit: Kit, result: number, events: number): void {
  const { opFlags, length } = request
  if (result === EAGAIN && (opFlags & MSG_DONTWAIT) === 0) {
    if (!kit.wait(request, events)) finishMoved(request, kit, EAGAIN)
    return
  }
  if (result > 0 && (opFlags & MSG_WAITALL) !== 0 && request.moved + result < length) {
    request.moved += result
    if (!kit.wait(request, events)) kit.finish(request, request.moved)
    return
  }
  finishMoved(request, kit, result)
}

function finishMoved(request: Request, kit: Kit, result: number): void {
  kit.finish(request, request.moved > 0 ? request.moved + Math.max(0, result) : result)
}

const plainOnly = (request: Request): boolean =>
  (request.ioFlags & ~(RecvSendFlag.POLL_FIRST | RecvSendFlag.FIXED_BUF)) === 0

// One message of several parts is a sendmsg(2): address and length name the parts, offset and file_index the peer.
function sendParts(request: Request, kit: Kit): void {
  const { callFd, address, length, offset, fileIndex, opFlags, scratch, scratchAddress } = request
  for (let word = 0; word < messageHeaderBytes; word += 4) scratch.setUint32(word, 0, true)
  putNumber(scratch, 0, offset)
  scratch.setUint32(8, fileIndex & 0xffff, true)
  putNumber(scratch, 16, address)
  putNumber(scratch, 24, length)
  if ((opFlags & MSG_WAITALL) !== 0) {
    kit.execute(request, kit.calls.sendmsg, callFd, scratchAddress, opFlags | MSG_NOSIGNAL)
    return
  }
  const result = kit.now(kit.calls.sendmsg, callFd, scratchAddress, opFlags | MSG_DONTWAIT | MSG_NOSIGNAL)
  if ((opFlags & MSG_DONTWAIT) !== 0) kit.finish(request, result)
  else finishOrWait(request, kit, result, POLLOUT)
}

function putNumber(scratch: DataView, at: number, value: number): void {
  scratch.setUint32(at, value >>> 0, true)
  scratch.setUint32(at + 4, Math.floor(value / 4294967296), true)
}

export const send: Call = (request, kit) => {
  if ((request.ioFlags & ~RecvSendFlag.POLL_FIRST) === RecvSendFlag.SEND_VECTORIZED) {
    sendParts(request, kit)
    return
  }
  if (!plainOnly(request)) {
    kit.finish(request, EOPNOTSUPP)
    return
  }
  const { callFd, address, length, opFlags, offset, fileIndex, moved } = request
  const flags = opFlags | MSG_DONTWAIT | MSG_NOSIGNAL
  const { calls } = kit
  const result = kit.now(calls.sendto, callFd, address + moved, length - moved, flags, offset, fileIndex & 0xffff)
  moveOrWait(request, kit, result, POLLOUT)
}

export const recv: Call = (request, kit) => {
  if (!plainOnly(request)) {
    kit.finish(request, EOPNOTSUPP)
    return
  }
  const { callFd, address, length, opFlags, moved } = request
  const flags = (opFlags | MSG_DONTWAIT) & ~MSG_WAITALL
  moveOrWait(request, kit, kit.now(kit.calls.recvfrom, callFd, address + moved, length - moved, flags), POLLIN)
}

// Where a message of several parts is wanted whole, a thread waits for it: what came so far would have to be cut off the parts.
function message(request: Request, kit: Kit, call: 'sendmsg' | 'recvmsg', events: number): void {
  const { callFd, address, opFlags } = request
  if (!plainOnly(request)) {
    kit.finish(request, EOPNOTSUPP)
    return
  }
  if ((opFlags & MSG_WAITALL) !== 0) {
    kit.execute(request, kit.calls[call], callFd, address, opFlags | MSG_NOSIGNAL)
    return
  }
  const result = kit.now(kit.calls[call], callFd, address, opFlags | MSG_DONTWAIT | MSG_NOSIGNAL)
  if ((opFlags & MSG_DONTWAIT) !== 0) kit.finish(request, result)
  else finishOrWait(request, kit, result, events)
}

export const sendmsg: Call = (request, kit) => {
  message(request, kit, 'sendmsg', POLLOUT)
}

export const recvmsg: Call = (request, kit) => {
  message(request, kit, 'recvmsg', POLLIN)
}

function isSocket({ fd, scratch, scratchAddress }: Request, kit: Kit): boolean {
  scratch.setUint32(0, 4, true)
  return kit.now(kit.calls.getsockopt, fd, SOL_SOCKET, SO_TYPE, scratchAddress + 8, scratchAddress) === 0
}

/** Commands of sockets; those of other drivers need io_uring. */
export const uringCmd: Call = (request, kit) => {
  const { fd, words, address, address3, fileIndex, scratch, scratchAddress } = request
  const { calls } = kit
  const [level, option] = [words[4]!, words[5]!]
  if (!isSocket(request, kit)) {
    kit.finish(request, EOPNOTSUPP)
    return
  }
  switch (words[2]) {
    case SocketCommand.SIOCINQ:
    case SocketCommand.SIOCOUTQ: {
      const result = kit.now(calls.ioctl, fd, words[2] === SocketCommand.SIOCINQ ? FIONREAD : TIOCOUTQ, scratchAddress)
      kit.finish(request, result < 0 ? result : scratch.getInt32(0, true))
      return
    }
    case SocketCommand.GETSOCKOPT: {
      scratch.setUint32(0, fileIndex, true)
      const result = kit.now(calls.getsockopt, fd, level, option, address3, scratchAddress)
      kit.finish(request, result < 0 ? result : scratch.getUint32(0, true))
      return
    }
    case SocketCommand.SETSOCKOPT:
      kit.finish(request, kit.now(calls.setsockopt, fd, level, option, address3, fileIndex))
      return
    case SocketCommand.GETSOCKNAME:
      kit.finish(request, kit.now(fileIndex === 1 ? calls.getpeername : calls.getsockname, fd, address, address3))
      return
    default:
      kit.finish(request, EOPNOTSUPP)
  }
}
