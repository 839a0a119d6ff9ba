// Which requests of the `threadpool` poller are one system call and nothing else. Used by the engine, for the journal: nothing has happened
// before that call, and after it nothing but its result is missing. So a death of the thread costs none of them its result.
import { Op } from '../../native/abi.ts'
import type { Request } from './request.ts'

const opcodes = new Set<number>([
  ...[Op.READ, Op.WRITE, Op.READV, Op.WRITEV, Op.OPENAT, Op.OPENAT2, Op.CLOSE, Op.FSYNC, Op.STATX],
  ...[Op.FALLOCATE, Op.FTRUNCATE, Op.FADVISE, Op.MADVISE, Op.SYNC_FILE_RANGE],
  ...[Op.RENAMEAT, Op.UNLINKAT, Op.MKDIRAT, Op.SYMLINKAT, Op.LINKAT],
  ...[Op.FSETXATTR, Op.SETXATTR, Op.FGETXATTR, Op.GETXATTR],
])

/** Whether that is so; direct descriptors are also in a table, and what was moved in parts is more than one call. */
export function isSingleCall({ opcode, fileIndex, moved }: Request): boolean {
  return opcodes.has(opcode) && fileIndex === 0 && moved === 0
}
