// How the page draws an operation: a letter and a family, whose colour is in style.css. Pure; used by scenes, drawings and the legend.
//
// Colours are Okabe and Ito's, which stay apart for every kind of colour blindness (jfly.uni-koeln.de/color); the letter says it
// once more.

export const families = ['read', 'write', 'sync', 'path', 'net', 'wait', 'other'] as const
export type Family = (typeof families)[number]

export interface OperationLook {
  readonly name: string
  readonly letter: string
  readonly family: Family
}

// By opcode, as include/uapi/linux/io_uring.h numbers them: name, letter, family.
const looks: readonly (readonly [string, string, Family])[] = [
  ['nop', '·', 'other'],
  ['readv', 'R', 'read'],
  ['writev', 'W', 'write'],
  ['fsync', 'F', 'sync'],
  ['read_fixed', 'R', 'read'],
  ['write_fixed', 'W', 'write'],
  ['poll_add', 'P', 'wait'],
  ['poll_remove', 'p', 'wait'],
  ['sync_file_range', 'f', 'sync'],
  ['sendmsg', 'S', 'net'],
  ['recvmsg', 'V', 'net'],
  ['timeout', 'T', 'wait'],
  ['timeout_remove', 't', 'wait'],
  ['accept', 'A', 'net'],
  ['async_cancel', '×', 'other'],
  ['link_timeout', 'L', 'wait'],
  ['connect', 'N', 'net'],
  ['fallocate', 'a', 'path'],
  ['openat', 'O', 'path'],
  ['close', 'C', 'path'],
  ['files_update', 'U', 'other'],
  ['statx', 'X', 'path'],
  ['read', 'R', 'read'],
  ['write', 'W', 'write'],
  ['fadvise', 'd', 'path'],
  ['madvise', 'd', 'other'],
  ['send', 'S', 'net'],
  ['recv', 'V', 'net'],
  ['openat2', 'Q', 'path'],
  ['epoll_ctl', 'E', 'wait'],
  ['splice', '⇄', 'write'],
  ['provide_buffers', 'B', 'other'],
  ['remove_buffers', 'b', 'other'],
  ['tee', 'Y', 'write'],
  ['shutdown', 's', 'net'],
  ['renameat', 'M', 'path'],
  ['unlinkat', 'D', 'path'],
  ['mkdirat', 'K', 'path'],
  ['symlinkat', 'l', 'path'],
  ['linkat', 'l', 'path'],
  ['msg_ring', 'm', 'other'],
  ['fsetxattr', 'x', 'path'],
  ['setxattr', 'x', 'path'],
  ['fgetxattr', 'x', 'path'],
  ['getxattr', 'x', 'path'],
  ['socket', 'o', 'net'],
  ['uring_cmd', 'u', 'other'],
  ['send_zc', 'Z', 'net'],
  ['sendmsg_zc', 'Z', 'net'],
  ['read_multishot', 'R', 'read'],
  ['waitid', 'w', 'wait'],
  ['futex_wait', 'w', 'wait'],
  ['futex_wake', 'w', 'wait'],
  ['futex_waitv', 'w', 'wait'],
  ['fixed_fd_install', 'i', 'other'],
  ['ftruncate', 'q', 'path'],
  ['bind', 'n', 'net'],
  ['listen', 'n', 'net'],
  ['recv_zc', 'Z', 'net'],
  ['epoll_wait', 'E', 'wait'],
  ['readv_fixed', 'R', 'read'],
  ['writev_fixed', 'W', 'write'],
  ['pipe', '|', 'path'],
]

const unknown: OperationLook = { name: 'unknown', letter: '?', family: 'other' }
const tag: OperationLook = { name: 'resource', letter: '#', family: 'other' }
/** As in the slot table: the tag of a registered resource. */
const tagOp = 255

const byOp: readonly OperationLook[] = looks.map(([name, letter, family]) => ({ name, letter, family }))
const byName: ReadonlyMap<string, number> = new Map(looks.map(([name], op) => [name, op]))

export function lookOf(op: number): OperationLook {
  return byOp[op] ?? (op === tagOp ? tag : unknown)
}

// Nobody would make a call for these: they are said to the ring, about the ring. A nop is the fence behind a close.
const bookkeeping: ReadonlySet<string> = new Set([
  ...['nop', 'poll_remove', 'timeout', 'timeout_remove', 'async_cancel', 'link_timeout'],
  ...['files_update', 'provide_buffers', 'remove_buffers', 'msg_ring'],
])

/** Whether it is the library's own and no work of the program's. What has no name here is counted with resources' tags. */
export const isBookkeeping = (op: number): boolean => byOp[op] === undefined || bookkeeping.has(byOp[op].name)

/** The opcode of a name as the metrics have it; -1 for one that is newer than this page. */
export function opOf(name: string): number {
  return byName.get(name) ?? -1
}
