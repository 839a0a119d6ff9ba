// The kernel's io_uring ABI in numbers: opcodes, flags, struct offsets. Source: include/uapi/linux/io_uring.h of Linux 6.18.
// Used by everything that writes an SQE or reads a CQE. native/src/uring_abi.h holds the same; abi.test.ts compares the two
// name by name through the addon's table(), and the addon compares itself with the system's header at compile time.

/** Opcodes, in the kernel's order and by the kernel's names (IORING_OP_*). */
export const Op = {
  NOP: 0,
  READV: 1,
  WRITEV: 2,
  FSYNC: 3,
  READ_FIXED: 4,
  WRITE_FIXED: 5,
  POLL_ADD: 6,
  POLL_REMOVE: 7,
  SYNC_FILE_RANGE: 8,
  SENDMSG: 9,
  RECVMSG: 10,
  TIMEOUT: 11,
  TIMEOUT_REMOVE: 12,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  LINK_TIMEOUT: 15,
  CONNECT: 16,
  FALLOCATE: 17,
  OPENAT: 18,
  CLOSE: 19,
  FILES_UPDATE: 20,
  STATX: 21,
  READ: 22,
  WRITE: 23,
  FADVISE: 24,
  MADVISE: 25,
  SEND: 26,
  RECV: 27,
  OPENAT2: 28,
  EPOLL_CTL: 29,
  SPLICE: 30,
  PROVIDE_BUFFERS: 31,
  REMOVE_BUFFERS: 32,
  TEE: 33,
  SHUTDOWN: 34,
  RENAMEAT: 35,
  UNLINKAT: 36,
  MKDIRAT: 37,
  SYMLINKAT: 38,
  LINKAT: 39,
  MSG_RING: 40,
  FSETXATTR: 41,
  SETXATTR: 42,
  FGETXATTR: 43,
  GETXATTR: 44,
  SOCKET: 45,
  URING_CMD: 46,
  SEND_ZC: 47,
  SENDMSG_ZC: 48,
  READ_MULTISHOT: 49,
  WAITID: 50,
  FUTEX_WAIT: 51,
  FUTEX_WAKE: 52,
  FUTEX_WAITV: 53,
  FIXED_FD_INSTALL: 54,
  FTRUNCATE: 55,
  BIND: 56,
  LISTEN: 57,
  RECV_ZC: 58,
  EPOLL_WAIT: 59,
  READV_FIXED: 60,
  WRITEV_FIXED: 61,
  PIPE: 62,
} as const

/** Flags of io_uring_setup(2) (IORING_SETUP_*). */
export const SetupFlag = {
  IOPOLL: 0x1,
  SQPOLL: 0x2,
  SQ_AFF: 0x4,
  CQSIZE: 0x8,
  CLAMP: 0x10,
  ATTACH_WQ: 0x20,
  R_DISABLED: 0x40,
  SUBMIT_ALL: 0x80,
  COOP_TASKRUN: 0x100,
  TASKRUN_FLAG: 0x200,
  SQE128: 0x400,
  CQE32: 0x800,
  SINGLE_ISSUER: 0x1000,
  DEFER_TASKRUN: 0x2000,
  NO_MMAP: 0x4000,
  REGISTERED_FD_ONLY: 0x8000,
  NO_SQARRAY: 0x10000,
  HYBRID_IOPOLL: 0x20000,
  CQE_MIXED: 0x40000,
} as const

/** What the kernel says it can do, in `features` after setup (IORING_FEAT_*). */
export const Feature = {
  SINGLE_MMAP: 0x1,
  NODROP: 0x2,
  SUBMIT_STABLE: 0x4,
  RW_CUR_POS: 0x8,
  CUR_PERSONALITY: 0x10,
  FAST_POLL: 0x20,
  POLL_32BITS: 0x40,
  SQPOLL_NONFIXED: 0x80,
  EXT_ARG: 0x100,
  NATIVE_WORKERS: 0x200,
  RSRC_TAGS: 0x400,
  CQE_SKIP: 0x800,
  LINKED_FILE: 0x1000,
  REG_REG_RING: 0x2000,
  RECVSEND_BUNDLE: 0x4000,
  MIN_TIMEOUT: 0x8000,
  RW_ATTR: 0x10000,
  NO_IOWAIT: 0x20000,
} as const

/**
 * As `to_submit` of io_uring_enter(2): all entries that are there when the kernel looks. A count from before may end in the middle of a
 * chain that was published since, where several threads enter one ring. The kernel then skips GETEVENTS: that is a call of its own.
 */
export const everyEntry = 0x7fffffff

/** Flags of io_uring_enter(2) (IORING_ENTER_*). */
export const EnterFlag = {
  GETEVENTS: 0x1,
  SQ_WAKEUP: 0x2,
  SQ_WAIT: 0x4,
  EXT_ARG: 0x8,
} as const

/** What the kernel says in the SQ's flags word (IORING_SQ_*). */
export const SqFlag = {
  NEED_WAKEUP: 0x1,
  CQ_OVERFLOW: 0x2,
  TASKRUN: 0x4,
} as const

/** Flags of a completion (IORING_CQE_F_*). */
export const CqeFlag = {
  BUFFER: 0x1,
  MORE: 0x2,
  SOCK_NONEMPTY: 0x4,
  NOTIF: 0x8,
  BUF_MORE: 0x10,
} as const

/** Flags of a submission, any opcode (IOSQE_*). */
export const SqeFlag = {
  FIXED_FILE: 0x1,
  IO_DRAIN: 0x2,
  IO_LINK: 0x4,
  IO_HARDLINK: 0x8,
  ASYNC: 0x10,
  BUFFER_SELECT: 0x20,
  CQE_SKIP_SUCCESS: 0x40,
} as const

/** What ASYNC_CANCEL matches (IORING_ASYNC_CANCEL_*). */
export const CancelFlag = {
  ALL: 0x1,
  FD: 0x2,
  ANY: 0x4,
  FD_FIXED: 0x8,
  USERDATA: 0x10,
  OP: 0x20,
} as const

export { RegisterOp } from './register-op.ts'

/** IORING_CQ_EVENTFD_DISABLED: set in the CQ's flags word while the client is awake, so that completions write no eventfd. */
export const cqEventfdDisabled: number = 1

/** IORING_FSYNC_DATASYNC in an FSYNC's flags: fdatasync(2). */
export const fsyncDatasync: number = 1

/** IORING_NOP_INJECT_RESULT in a NOP's flags (6.10). */
export const nopInjectResult: number = 1

/** Offsets in mmap(2) of a ring descriptor (IORING_OFF_*). */
export const MapOffset = { sqRing: 0, sqes: 0x10000000 } as const

/** struct io_uring_params: byte offsets. */
export const Params = {
  sizeBytes: 120,
  sq_entries: 0,
  cq_entries: 4,
  flags: 8,
  sq_thread_cpu: 12,
  sq_thread_idle: 16,
  features: 20,
  wq_fd: 24,
  sq_off: 40,
  cq_off: 80,
} as const

/** struct io_sqring_offsets: byte offsets. */
export const SqOffsets = {
  sizeBytes: 40,
  head: 0,
  tail: 4,
  ring_mask: 8,
  ring_entries: 12,
  flags: 16,
  dropped: 20,
  array: 24,
  user_addr: 32,
} as const

/** struct io_cqring_offsets: byte offsets. */
export const CqOffsets = {
  sizeBytes: 40,
  head: 0,
  tail: 4,
  ring_mask: 8,
  ring_entries: 12,
  overflow: 16,
  cqes: 20,
  flags: 24,
  user_addr: 32,
} as const

/** struct io_uring_sqe: byte offsets, unions under the names used here. Written as sixteen 32-bit words. */
export const Sqe = {
  sizeBytes: 64,
  opcode: 0,
  flags: 1,
  ioprio: 2,
  fd: 4,
  off: 8,
  addr: 16,
  len: 24,
  op_flags: 28,
  user_data: 32,
  buf_index: 40,
  personality: 42,
  file_index: 44,
  addr3: 48,
} as const

/** struct io_uring_cqe: byte offsets. */
export const Cqe = { sizeBytes: 16, user_data: 0, res: 8, flags: 12 } as const

/** struct io_uring_rsrc_register: byte offsets. */
export const RsrcRegister = { sizeBytes: 32, nr: 0, flags: 4, data: 16, tags: 24 } as const

/** IORING_RSRC_REGISTER_SPARSE in RsrcRegister.flags (5.19). */
export const rsrcRegisterSparse: number = 1

/** struct io_uring_rsrc_update2: byte offsets. */
export const RsrcUpdate2 = { sizeBytes: 32, offset: 0, data: 8, tags: 16, nr: 24 } as const

/** struct io_uring_clone_buffers: byte offsets. */
export const CloneBuffers = { sizeBytes: 32, src_fd: 0, flags: 4, src_off: 8, dst_off: 12, nr: 16 } as const

/** IORING_REGISTER_DST_REPLACE in CloneBuffers.flags (6.13): the destination has a table already. */
export const cloneReplace: number = 2

/** struct io_uring_probe and its io_uring_probe_op rows: byte offsets. */
export const Probe = { sizeBytes: 16, last_op: 0, ops_len: 1 } as const
export const ProbeOp = { sizeBytes: 8, op: 0, flags: 2 } as const

/** IO_URING_OP_SUPPORTED in ProbeOp.flags. */
export const opSupported: number = 1

/** struct open_how of openat2(2): byte offsets. */
export const OpenHow = { sizeBytes: 24, flags: 0, mode: 8, resolve: 16 } as const

/** RESOLVE_* of openat2(2), include/uapi/linux/openat2.h. */
export const Resolve = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16 } as const

/** struct statx: byte offsets. */
export const Statx = {
  sizeBytes: 256,
  stx_mask: 0,
  stx_blksize: 4,
  stx_nlink: 16,
  stx_uid: 20,
  stx_gid: 24,
  stx_mode: 28,
  stx_ino: 32,
  stx_size: 40,
  stx_blocks: 48,
  stx_atime: 64,
  stx_btime: 80,
  stx_ctime: 96,
  stx_mtime: 112,
  stx_rdev_major: 128,
  stx_rdev_minor: 132,
  stx_dev_major: 136,
  stx_dev_minor: 140,
} as const

/** AT_* of openat(2) and statx(2). */
export const At = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000 } as const

/** STATX_BASIC_STATS | STATX_BTIME: what fs.Stats needs. */
export const statxMask: number = 0xfff

/** IORING_ACCEPT_MULTISHOT in an ACCEPT's ioprio. */
export const acceptMultishot: number = 1

/** In the ioprio of sends and receives (IORING_RECVSEND_*, IORING_RECV_MULTISHOT, IORING_SEND_*). */
export const RecvSendFlag = {
  POLL_FIRST: 0x1,
  RECV_MULTISHOT: 0x2,
  FIXED_BUF: 0x4,
  SEND_ZC_REPORT_USAGE: 0x8,
  BUNDLE: 0x10,
  SEND_VECTORIZED: 0x20,
} as const

/** In the length of a POLL_ADD (IORING_POLL_*). */
export const PollFlag = { ADD_MULTI: 0x1, UPDATE_EVENTS: 0x2, UPDATE_USER_DATA: 0x4, ADD_LEVEL: 0x8 } as const

/** Flags of timeouts (IORING_TIMEOUT_*, IORING_LINK_TIMEOUT_UPDATE). */
export const TimeoutFlag = {
  ABS: 0x1,
  UPDATE: 0x2,
  BOOTTIME: 0x4,
  REALTIME: 0x8,
  LINK_TIMEOUT_UPDATE: 0x10,
  ETIME_SUCCESS: 0x20,
  MULTISHOT: 0x40,
} as const

/** Commands of a socket's URING_CMD (SOCKET_URING_OP_*). */
export const SocketCommand = { SIOCINQ: 0, SIOCOUTQ: 1, GETSOCKOPT: 2, SETSOCKOPT: 3, GETSOCKNAME: 5 } as const

/** Types and flags of MSG_RING (IORING_MSG_*, IORING_MSG_RING_*). */
export const MessageRing = { DATA: 0, SEND_FD: 1, CQE_SKIP: 0x1, FLAGS_PASS: 0x2 } as const

/** IORING_NOTIF_USAGE_ZC_COPIED in the result of a zero-copy send's notification, as the signed number that a CQE holds. */
export const zeroCopyCopied: number = -2147483648

/** IORING_ACCEPT_* in an ACCEPT's ioprio (6.10). */
export const AcceptFlag = { DONTWAIT: 0x2, POLL_FIRST: 0x4 } as const
