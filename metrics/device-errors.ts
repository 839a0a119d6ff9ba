// Which errors are those of the device or of its file system, not of the request, and how many of them a ring has met. Read by
// catalog/operations.ts for ringmaster_operation_device_errors_total.
import type { RingMetrics } from './ring-metrics.ts'

/**
 * Operations of storage: name → opcode, as numbers because metrics/ imports nobody. close is among them: NFS and FUSE say there what they could not
 * write (close(2)). Not among them: multishot reads and tee, which know no regular file; those of extended attributes, whose ENODATA and ENOSPC
 * are answers (xattr(7)); uring_cmd, whose results are the driver's own.
 */
export const storageOperations = {
  readv: 1,
  writev: 2,
  fsync: 3,
  read_fixed: 4,
  write_fixed: 5,
  sync_file_range: 8,
  fallocate: 17,
  openat: 18,
  close: 19,
  statx: 21,
  read: 22,
  write: 23,
  openat2: 28,
  splice: 30,
  renameat: 35,
  unlinkat: 36,
  mkdirat: 37,
  symlinkat: 38,
  linkat: 39,
  ftruncate: 55,
  readv_fixed: 60,
  writev_fixed: 61,
} as const
export type StorageOperation = keyof typeof storageOperations

/** An errno, who says it of a device, and the operations where it is an answer to the request. */
interface DeviceError {
  readonly errno: number
  readonly name: string
  readonly reason: string
  readonly answerOf: readonly StorageOperation[]
}

/** One end of it may be a socket, and its result does not say which end failed. Programs read and write sockets with recv and send. */
const throughSockets: readonly StorageOperation[] = ['splice']
const of = (errno: number, name: string, reason: string, answerOf: readonly StorageOperation[] = []): DeviceError => ({
  errno,
  name,
  reason,
  answerOf,
})

/**
 * The table. BLK_STS_…: what the block layer makes an errno of (blk_errors in the kernel's block/blk-core.c). Numbers of all Linux but alpha,
 * mips and sparc. Left out, because requests and sockets get them: ENXIO (a FIFO without a reader, a socket that is opened), ENOMEDIUM (a drive
 * without a disc), ECONNRESET, EHOSTUNREACH, and what says that the machine lacks something: ENOMEM, EAGAIN, EBUSY.
 */
export const deviceErrors: readonly DeviceError[] = [
  of(5, 'EIO', 'the device failed, or a file system that has shut itself down (BLK_STS_IOERR)'),
  of(19, 'ENODEV', 'the device is offline (BLK_STS_OFFLINE)', ['openat', 'openat2', 'fallocate']),
  of(28, 'ENOSPC', 'no space, no inodes, or none left of a thin volume (BLK_STS_NOSPC)'),
  of(30, 'EROFS', 'read-only, which a file system becomes when it has found damage'),
  of(52, 'EBADE', 'another host has reserved the device (BLK_STS_RESV_CONFLICT)'),
  of(61, 'ENODATA', 'the medium cannot be read (BLK_STS_MEDIUM)'),
  of(62, 'ETIME', "a command took longer than the device's limit (BLK_STS_DURATION_LIMIT)"),
  of(67, 'ENOLINK', 'no path to the device (BLK_STS_TRANSPORT)'),
  of(74, 'EBADMSG', 'a checksum is wrong (EFSBADCRC)', throughSockets),
  of(84, 'EILSEQ', 'integrity data is wrong (BLK_STS_PROTECTION)'),
  of(103, 'ECONNABORTED', 'the server of a FUSE file system has gone, and this was asked of it', throughSockets),
  of(107, 'ENOTCONN', 'the server of a FUSE file system is not there', throughSockets),
  of(108, 'ESHUTDOWN', 'Ceph has locked this client out', throughSockets),
  of(110, 'ETIMEDOUT', 'the device or the server does not answer (BLK_STS_TIMEOUT, nfs(5) softerr)', throughSockets),
  of(112, 'EHOSTDOWN', 'the server of a CIFS mount does not answer', throughSockets),
  of(116, 'ESTALE', 'the server of an NFS mount does not know the file any more'),
  of(117, 'EUCLEAN', 'the file system is damaged (EFSCORRUPTED)'),
  of(121, 'EREMOTEIO', 'the device failed in a way that is its own (BLK_STS_TARGET)'),
  of(122, 'EDQUOT', 'no space left of a quota'),
  of(133, 'EHWPOISON', 'the memory that holds the page is broken'),
]

/** Of one operation, its opcode and the errnos that count. */
export interface StorageOperationRow {
  readonly label: StorageOperation
  readonly op: number
  readonly errnos: ReadonlySet<number>
}

export const storageOperationRows: readonly StorageOperationRow[] = Object.entries(storageOperations).map(
  ([name, op]) => {
    const label = name as StorageOperation
    const counting = deviceErrors.filter(({ answerOf }) => !answerOf.includes(label))
    return { label, op, errnos: new Set(counting.map(({ errno }) => errno)) }
  },
)

/** How many of an operation's errors were such. Most operations have no error at all: for them this is one look. */
export function deviceErrorCount(metrics: RingMetrics, { op, errnos }: StorageOperationRow): number {
  if (metrics.errors(op) === 0) return 0
  let total = 0
  for (const { errno, count } of metrics.errorsByErrno(op)) if (errnos.has(errno)) total += count
  return total
}
