// Files, paths, space, links and extended attributes on the `threadpool` poller: one system call each, on a thread.
import { fsyncDatasync } from '../../../native/abi.ts'
import type { Call, Kit, Request } from '../request.ts'

const EBADF = -9
const EINVAL = -22
const F_SETFD = 2
const FD_CLOEXEC = 1
const O_CLOEXEC = 0o2000000

/** What was opened becomes what the SQE says: a descriptor of the process, or a direct one, whose number then is ours alone. */
export function finishOpened(request: Request, kit: Kit, result: number): void {
  const { fileIndex } = request
  if (result < 0 || fileIndex === 0) {
    kit.finish(request, result)
    return
  }
  kit.now(kit.calls.fcntl, result, F_SETFD, FD_CLOEXEC)
  const index = kit.direct.install(fileIndex, result)
  kit.finish(request, index < 0 || fileIndex === -1 ? index : 0)
}

export const openat: Call = (request, kit) => {
  if (request.fileIndex !== 0 && (request.opFlags & O_CLOEXEC) !== 0) kit.finish(request, EINVAL)
  else {
    request.onDone = finishOpened
    // What becomes a direct descriptor is one of the process for a moment, in which another thread may start a program.
    const openFlags = request.fileIndex === 0 ? request.opFlags : request.opFlags | O_CLOEXEC
    kit.execute(request, kit.calls.openat, request.fd, request.address, openFlags, request.length)
  }
}

export const openat2: Call = (request, kit) => {
  const { address, offset, length } = request
  if (request.fileIndex !== 0) {
    kit.now(kit.calls.copy, kit.bufferAddress, offset, 4)
    if ((kit.buffer.getUint32(0, true) & O_CLOEXEC) !== 0) {
      kit.finish(request, EINVAL)
      return
    }
  }
  request.onDone = finishOpened
  kit.execute(request, kit.calls.openat2, request.fd, address, offset, length)
}

export const close: Call = (request, kit) => {
  if (request.directIndex >= 0)
    kit.finish(request, EBADF) // a direct descriptor is named by file_index
  else if (request.fileIndex === 0) kit.execute(request, kit.calls.close, request.fd)
  else kit.finish(request, request.sqeFd !== 0 ? EINVAL : kit.direct.remove(request.fileIndex - 1))
}

export const fsync: Call = (request, kit) => {
  const { opFlags } = request
  if ((opFlags & ~fsyncDatasync) !== 0) kit.finish(request, EINVAL)
  else kit.execute(request, opFlags === fsyncDatasync ? kit.calls.fdatasync : kit.calls.fsync, request.fd)
}

export const statx: Call = (request, kit) => {
  const { fd, address, opFlags, length, offset } = request
  kit.execute(request, kit.calls.statx, fd, address, opFlags, length, offset)
}

export const fallocate: Call = (request, kit) => {
  kit.execute(request, kit.calls.fallocate, request.fd, request.length, request.offset, request.address)
}

export const ftruncate: Call = (request, kit) => {
  kit.execute(request, kit.calls.ftruncate, request.fd, request.offset)
}

export const fadvise: Call = (request, kit) => {
  const { fd, offset, address, length, opFlags } = request
  kit.execute(request, kit.calls.fadvise64, fd, offset, address === 0 ? length : address, opFlags)
}

export const madvise: Call = (request, kit) => {
  const { offset, address, length, opFlags } = request
  kit.execute(request, kit.calls.madvise, address, offset === 0 ? length : offset, opFlags)
}

export const syncFileRange: Call = (request, kit) => {
  kit.execute(request, kit.calls.sync_file_range, request.fd, request.offset, request.length, request.opFlags)
}

export const renameat: Call = (request, kit) => {
  const { fd, address, words, offset, opFlags } = request
  kit.execute(request, kit.calls.renameat2, fd, address, words[6], offset, opFlags)
}

export const unlinkat: Call = (request, kit) => {
  kit.execute(request, kit.calls.unlinkat, request.fd, request.address, request.opFlags)
}

export const mkdirat: Call = (request, kit) => {
  kit.execute(request, kit.calls.mkdirat, request.fd, request.address, request.length)
}

export const symlinkat: Call = (request, kit) => {
  kit.execute(request, kit.calls.symlinkat, request.address, request.fd, request.offset)
}

export const linkat: Call = (request, kit) => {
  const { fd, address, words, offset, opFlags } = request
  kit.execute(request, kit.calls.linkat, fd, address, words[6], offset, opFlags)
}

export const fsetxattr: Call = (request, kit) => {
  const { fd, address, offset, length, opFlags } = request
  kit.execute(request, kit.calls.fsetxattr, fd, address, offset, length, opFlags)
}

export const setxattr: Call = (request, kit) => {
  const { address3, address, offset, length, opFlags } = request
  kit.execute(request, kit.calls.setxattr, address3, address, offset, length, opFlags)
}

export const fgetxattr: Call = (request, kit) => {
  kit.execute(request, kit.calls.fgetxattr, request.fd, request.address, request.offset, request.length)
}

export const getxattr: Call = (request, kit) => {
  kit.execute(request, kit.calls.getxattr, request.address3, request.address, request.offset, request.length)
}
