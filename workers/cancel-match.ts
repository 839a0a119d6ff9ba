// Whether a cancellation means a request that the kernel has not seen: the rules of io_cancel_req_match() (io_uring/cancel.c of
// Linux 6.18), for entries that wait in the backlog. Used by submission.ts, off the hot path.
import { CancelFlag, Op, SqeFlag } from '../native/abi.ts'

/** Operations whose SQE names a descriptor to work on. In others the field is a directory, a flag or nothing: no match. */
const onDescriptor: ReadonlySet<number> = new Set([
  Op.READV,
  Op.WRITEV,
  Op.FSYNC,
  Op.READ_FIXED,
  Op.WRITE_FIXED,
  Op.POLL_ADD,
  Op.SYNC_FILE_RANGE,
  Op.SENDMSG,
  Op.RECVMSG,
  Op.ACCEPT,
  Op.CONNECT,
  Op.FALLOCATE,
  Op.READ,
  Op.WRITE,
  Op.FADVISE,
  Op.SEND,
  Op.RECV,
  Op.SPLICE,
  Op.TEE,
  Op.SHUTDOWN,
  Op.MSG_RING,
  Op.FSETXATTR,
  Op.FGETXATTR,
  Op.URING_CMD,
  Op.SEND_ZC,
  Op.SENDMSG_ZC,
  Op.READ_MULTISHOT,
  Op.FIXED_FD_INSTALL,
  Op.FTRUNCATE,
  Op.BIND,
  Op.LISTEN,
  Op.RECV_ZC,
  Op.EPOLL_WAIT,
  Op.READV_FIXED,
  Op.WRITEV_FIXED,
])

/**
 * Whether the ASYNC_CANCEL entry `cancel` means the entry at words[at…]. A descriptor matches by its number: which file that
 * is, is decided when the entry is consumed. Combinations that the kernel refuses match nothing.
 */
export function cancelMatches(cancel: Int32Array, words: Int32Array, at: number): boolean {
  const flags = cancel[7]!
  const narrowed = flags & (CancelFlag.FD | CancelFlag.OP)
  if ((flags & CancelFlag.ANY) !== 0) return narrowed === 0
  const opcode = words[at]! & 0xff
  if ((flags & CancelFlag.FD) !== 0) {
    const direct = ((words[at]! >>> 8) & SqeFlag.FIXED_FILE) !== 0
    if (!onDescriptor.has(opcode) || words[at + 1] !== cancel[1]) return false
    if (direct !== ((flags & CancelFlag.FD_FIXED) !== 0)) return false
  }
  if ((flags & CancelFlag.OP) !== 0 && opcode !== cancel[6]) return false
  if (narrowed !== 0 && (flags & CancelFlag.USERDATA) === 0) return true
  return words[at + 8] === cancel[4] && words[at + 9] === cancel[5]
}
