// Pipes and the table of direct descriptors on the `threadpool` poller.
import type { Call, Kit, Request } from '../request.ts'

const EBADF = -9
const EINVAL = -22
const ENFILE = -23
const F_DUPFD = 0
const F_DUPFD_CLOEXEC = 1030
const O_CLOEXEC = 0o2000000
/** SPLICE_F_FD_IN_FIXED: the source is a direct descriptor. */
const sourceIsDirect = 1 << 31
const int32Bytes = 4
/** FILES_UPDATE's descriptors: leave the entry as it is. */
const leaveEntry = -2

/** The descriptor to read from, as the process knows it; it stays in use until the request is over. -EBADF */
function sourceOf(request: Request, kit: Kit): number {
  if ((request.opFlags & sourceIsDirect) === 0) return request.fileIndex
  return kit.direct.use(request.fileIndex)
}

function letGo(request: Request, kit: Kit, source: number): void {
  if ((request.opFlags & sourceIsDirect) !== 0 && source >= 0) kit.direct.unuse(source)
}

/** A position for splice(2), which wants it in memory: 0 where there is none. */
function offsetAddress(request: Request, at: number, low: number, high: number): number {
  if (low === -1 && high === -1) return 0
  request.scratch.setInt32(at, low, true)
  request.scratch.setInt32(at + 4, high, true)
  return request.scratchAddress + at
}

export const splice: Call = (request, kit) => {
  const { words, length, opFlags } = request
  const source = sourceOf(request, kit)
  if (source < 0) {
    kit.finish(request, EBADF)
    return
  }
  const from = offsetAddress(request, 16, words[4]!, words[5]!)
  const to = offsetAddress(request, 24, words[2]!, words[3]!)
  request.onDone = (ended, kitThen, result) => {
    letGo(ended, kitThen, source)
    kitThen.finish(ended, result)
  }
  kit.execute(request, kit.calls.splice, source, from, request.fd, to, length, opFlags & ~sourceIsDirect)
}

export const tee: Call = (request, kit) => {
  const { length, opFlags } = request
  const source = sourceOf(request, kit)
  if (source < 0) {
    kit.finish(request, EBADF)
    return
  }
  request.onDone = (ended, kitThen, result) => {
    letGo(ended, kitThen, source)
    kitThen.finish(ended, result)
  }
  kit.execute(request, kit.calls.tee, source, request.fd, length, opFlags & ~sourceIsDirect)
}

export const pipe: Call = (request, kit) => {
  const { address, opFlags, fileIndex, scratch, scratchAddress } = request
  if (fileIndex === 0) {
    kit.finish(request, kit.now(kit.calls.pipe2, address, opFlags))
    return
  }
  const made = kit.now(kit.calls.pipe2, scratchAddress, opFlags | O_CLOEXEC)
  if (made < 0) {
    kit.finish(request, made)
    return
  }
  const reader = kit.direct.install(fileIndex, scratch.getInt32(0, true))
  const writer = kit.direct.install(fileIndex === -1 ? -1 : fileIndex + 1, scratch.getInt32(4, true))
  if (reader < 0 || writer < 0) {
    if (reader >= 0) kit.direct.remove(reader)
    if (writer >= 0) kit.direct.remove(writer)
    kit.finish(request, Math.min(reader, writer))
    return
  }
  scratch.setInt32(0, reader, true)
  scratch.setInt32(4, writer, true)
  kit.now(kit.calls.copy, address, scratchAddress, 2 * int32Bytes)
  kit.finish(request, 0)
}

export const fixedFdInstall: Call = (request, kit) => {
  if (request.directIndex < 0) kit.finish(request, EBADF)
  else kit.finish(request, kit.now(kit.calls.fcntl, request.fd, request.opFlags === 1 ? F_DUPFD : F_DUPFD_CLOEXEC, 0))
}

export const filesUpdate: Call = (request, kit) => {
  const { address, length, words } = request
  const first = words[2]!
  if (first !== -1 && (first < 0 || first + length > kit.direct.size)) {
    kit.finish(request, EINVAL)
    return
  }
  let done = 0
  for (; done < length; done++) {
    const failed = updateEntry(request, kit, address + done * int32Bytes, first === -1 ? -1 : first + done)
    if (failed < 0) {
      kit.finish(request, done > 0 ? done : failed)
      return
    }
  }
  kit.finish(request, done)
}

/** One descriptor at `address` into entry `index`, or into a free one (-1), whose number then replaces the descriptor. */
function updateEntry(request: Request, kit: Kit, address: number, index: number): number {
  const { scratch, scratchAddress } = request
  kit.now(kit.calls.copy, scratchAddress, address, int32Bytes)
  const fd = scratch.getInt32(0, true)
  if (fd === leaveEntry && index >= 0) return 0
  if (fd < 0) {
    if (index < 0 || fd !== -1) return EBADF
    kit.direct.remove(index)
    return 0
  }
  const copy = kit.now(kit.calls.fcntl, fd, F_DUPFD_CLOEXEC, 0)
  if (copy < 0) return copy
  const entry = kit.direct.install(index < 0 ? -1 : index + 1, copy)
  if (index < 0 && entry >= 0) {
    scratch.setInt32(0, entry, true)
    kit.now(kit.calls.copy, address, scratchAddress, int32Bytes)
  }
  return entry < 0 ? ENFILE : 0
}
