// What the `threadpool` poller does for each opcode. An opcode that is not here is refused, with the reason in refusals.ts. Adding one
// means a Call in a neighbour's file and a line here.
import { Op } from '../../../native/abi.ts'
import type { Call } from '../request.ts'
import * as control from './control.ts'
import * as files from './files.ts'
import * as pipes from './pipes.ts'
import * as polls from './polls.ts'
import * as sockets from './sockets.ts'
import * as timeouts from './timeouts.ts'
import * as transfers from './transfers.ts'

export const calls: ReadonlyMap<number, Call> = new Map<number, Call>([
  [Op.NOP, control.nop],
  [Op.ASYNC_CANCEL, control.asyncCancel],
  [Op.READ, transfers.read],
  [Op.WRITE, transfers.write],
  [Op.READV, transfers.readv],
  [Op.WRITEV, transfers.writev],
  [Op.OPENAT, files.openat],
  [Op.OPENAT2, files.openat2],
  [Op.CLOSE, files.close],
  [Op.FSYNC, files.fsync],
  [Op.STATX, files.statx],
  [Op.FALLOCATE, files.fallocate],
  [Op.FTRUNCATE, files.ftruncate],
  [Op.FADVISE, files.fadvise],
  [Op.MADVISE, files.madvise],
  [Op.SYNC_FILE_RANGE, files.syncFileRange],
  [Op.RENAMEAT, files.renameat],
  [Op.UNLINKAT, files.unlinkat],
  [Op.MKDIRAT, files.mkdirat],
  [Op.SYMLINKAT, files.symlinkat],
  [Op.LINKAT, files.linkat],
  [Op.FSETXATTR, files.fsetxattr],
  [Op.SETXATTR, files.setxattr],
  [Op.FGETXATTR, files.fgetxattr],
  [Op.GETXATTR, files.getxattr],
  [Op.SPLICE, pipes.splice],
  [Op.TEE, pipes.tee],
  [Op.PIPE, pipes.pipe],
  [Op.FILES_UPDATE, pipes.filesUpdate],
  [Op.FIXED_FD_INSTALL, pipes.fixedFdInstall],
  [Op.SOCKET, sockets.socket],
  [Op.BIND, sockets.bind],
  [Op.LISTEN, sockets.listen],
  [Op.ACCEPT, sockets.accept],
  [Op.CONNECT, sockets.connect],
  [Op.SHUTDOWN, sockets.shutdown],
  [Op.SEND, sockets.send],
  [Op.RECV, sockets.recv],
  [Op.SENDMSG, sockets.sendmsg],
  [Op.RECVMSG, sockets.recvmsg],
  [Op.URING_CMD, sockets.uringCmd],
  [Op.POLL_ADD, polls.pollAdd],
  [Op.POLL_REMOVE, polls.pollRemove],
  [Op.EPOLL_CTL, polls.epollCtl],
  [Op.EPOLL_WAIT, polls.epollWait],
  [Op.TIMEOUT, timeouts.timeout],
  [Op.TIMEOUT_REMOVE, timeouts.timeoutRemove],
  // Armed and ended by the engine, with the request that it limits; never begun.
  [Op.LINK_TIMEOUT, control.nop],
])

/** Those that node:fs can do, where there is no addon (native/plain/calls.ts). */
const plainOpcodes: readonly number[] = [
  ...[Op.NOP, Op.ASYNC_CANCEL, Op.READ, Op.WRITE, Op.READV, Op.WRITEV, Op.OPENAT, Op.OPENAT2, Op.CLOSE, Op.FSYNC],
  ...[Op.STATX, Op.FTRUNCATE, Op.RENAMEAT, Op.UNLINKAT, Op.MKDIRAT, Op.SYMLINKAT, Op.LINKAT],
  ...[Op.TIMEOUT, Op.TIMEOUT_REMOVE, Op.LINK_TIMEOUT],
]
export const plainCalls: ReadonlyMap<number, Call> = new Map(
  [...calls].filter(([opcode]) => plainOpcodes.includes(opcode)),
)
