// The table of operations: one row per opcode. Used for names in metrics and errors, and by `ringmaster operations`.
import { Op } from '../abi.ts'
import { asyncCancel, nop } from './control.ts'
import { close, fsync, read, write } from './files.ts'
import { linkat, mkdirat, renameat, symlinkat, unlinkat } from './links.ts'
import { recv, recvZc, recvmsg, send, sendZc, sendmsg, sendmsgZc } from './messages.ts'
import { openat, openat2, statx } from './paths.ts'
import { pipe, splice, tee } from './pipes.ts'
import { epollCtl, epollWait, pollAdd, pollRemove } from './polls.ts'
import { filesUpdate, fixedFdInstall, msgRing, provideBuffers, removeBuffers } from './registered.ts'
import { accept, bind, connect, listen, shutdown, socket, uringCmd } from './sockets.ts'
import { fadvise, fallocate, ftruncate, madvise, syncFileRange } from './space.ts'
import { linkTimeout, timeout, timeoutRemove } from './timeouts.ts'
import { readFixed, readMultishot, readv, readvFixed, writeFixed, writev, writevFixed } from './vectors.ts'
import { futexWait, futexWaitv, futexWake, waitid } from './waits.ts'
import { fgetxattr, fsetxattr, getxattr, setxattr } from './xattrs.ts'
import type { OperationRow } from './row.ts'

/** Every operation, by family. Each opcode of abi.ts has a row. */
export const operations: readonly OperationRow[] = [
  // control
  nop,
  asyncCancel,
  // files
  read,
  write,
  fsync,
  close,
  // paths
  openat,
  openat2,
  statx,
  // vectors
  readv,
  writev,
  readFixed,
  writeFixed,
  readvFixed,
  writevFixed,
  readMultishot,
  // space
  syncFileRange,
  fallocate,
  ftruncate,
  fadvise,
  madvise,
  // links
  renameat,
  unlinkat,
  mkdirat,
  symlinkat,
  linkat,
  // xattrs
  fsetxattr,
  setxattr,
  fgetxattr,
  getxattr,
  // pipes
  splice,
  tee,
  pipe,
  // sockets
  socket,
  bind,
  listen,
  accept,
  connect,
  shutdown,
  uringCmd,
  // messages
  send,
  recv,
  sendmsg,
  recvmsg,
  sendZc,
  sendmsgZc,
  recvZc,
  // polls
  pollAdd,
  pollRemove,
  epollCtl,
  epollWait,
  // timeouts
  timeout,
  timeoutRemove,
  linkTimeout,
  // waits
  futexWait,
  futexWake,
  futexWaitv,
  waitid,
  // registered
  filesUpdate,
  fixedFdInstall,
  provideBuffers,
  removeBuffers,
  msgRing,
]

const opcodesMax = 64
const names: readonly string[] = Array.from({ length: opcodesMax }, (_, opcode) => {
  return (
    Object.entries(Op)
      .find(([, number]) => number === opcode)?.[0]
      .toLowerCase() ?? `opcode_${opcode}`
  )
})
const syscalls: readonly string[] = names.map(
  (name, opcode) => operations.find((row) => row.opcode === opcode)?.syscall ?? name,
)

/** 1 for opcodes whose result counts bytes. */
export const countsBytes: Uint8Array = Uint8Array.from(names, (_, opcode) =>
  operations.some((row) => row.opcode === opcode && row.result === 'bytes') ? 1 : 0,
)

/** 1 for opcodes whose result may be a descriptor of the process, or a slot of the ring's table. */
export const makesDescriptor: Uint8Array = Uint8Array.from(names, (_, opcode) =>
  operations.some((row) => row.opcode === opcode && row.result === 'descriptor') ? 1 : 0,
)

/** An opcode's name, for metrics. */
export function operationName(opcode: number): string {
  return names[opcode] ?? `opcode_${opcode}`
}

/** What errors call an opcode. */
export function operationSyscall(opcode: number): string {
  return syscalls[opcode] ?? `opcode_${opcode}`
}
