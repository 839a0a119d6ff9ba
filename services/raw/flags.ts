// Flags and constants of system calls by the kernel's names, for the options of `ringmaster/raw`: a typed list of names, or a
// number for what is newer than we are. Used by operations/*.ts. Values: include/uapi of Linux 6.18; flags.test.ts compares
// them with the system's headers.
import { constants } from 'node:fs'
import { closeOnExec } from '../open-flags.ts'

/** Names from a table, or the bits themselves. */
export type Flags<T extends string> = readonly T[] | number

/** open(2). node:fs has those whose numbers differ between architectures. */
export const OpenFlag: Readonly<
  Record<
    | 'O_RDONLY'
    | 'O_WRONLY'
    | 'O_RDWR'
    | 'O_CREAT'
    | 'O_EXCL'
    | 'O_NOCTTY'
    | 'O_TRUNC'
    | 'O_APPEND'
    | 'O_NONBLOCK'
    | 'O_DSYNC'
    | 'O_SYNC'
    | 'O_DIRECT'
    | 'O_DIRECTORY'
    | 'O_NOFOLLOW'
    | 'O_NOATIME'
    | 'O_CLOEXEC'
    | 'O_PATH'
    | 'O_TMPFILE',
    number
  >
> = {
  O_RDONLY: constants.O_RDONLY,
  O_WRONLY: constants.O_WRONLY,
  O_RDWR: constants.O_RDWR,
  O_CREAT: constants.O_CREAT,
  O_EXCL: constants.O_EXCL,
  O_NOCTTY: constants.O_NOCTTY,
  O_TRUNC: constants.O_TRUNC,
  O_APPEND: constants.O_APPEND,
  O_NONBLOCK: constants.O_NONBLOCK,
  O_DSYNC: constants.O_DSYNC,
  O_SYNC: constants.O_SYNC,
  O_DIRECT: constants.O_DIRECT,
  O_DIRECTORY: constants.O_DIRECTORY,
  O_NOFOLLOW: constants.O_NOFOLLOW,
  O_NOATIME: constants.O_NOATIME,
  O_CLOEXEC: closeOnExec,
  O_PATH: 0o10000000,
  O_TMPFILE: 0o20000000 | constants.O_DIRECTORY,
}

/** openat2(2): where a path may lead. */
export const ResolveFlag = {
  RESOLVE_NO_XDEV: 0x1,
  RESOLVE_NO_MAGICLINKS: 0x2,
  RESOLVE_NO_SYMLINKS: 0x4,
  RESOLVE_BENEATH: 0x8,
  RESOLVE_IN_ROOT: 0x10,
  RESOLVE_CACHED: 0x20,
} as const

/** statx(2). */
export const StatxFlag = {
  AT_SYMLINK_NOFOLLOW: 0x100,
  AT_NO_AUTOMOUNT: 0x800,
  AT_EMPTY_PATH: 0x1000,
  AT_STATX_FORCE_SYNC: 0x2000,
  AT_STATX_DONT_SYNC: 0x4000,
} as const

export const RenameFlag = { RENAME_NOREPLACE: 1, RENAME_EXCHANGE: 2, RENAME_WHITEOUT: 4 } as const

export const UnlinkFlag = { AT_REMOVEDIR: 0x200 } as const

export const LinkFlag = { AT_SYMLINK_FOLLOW: 0x400, AT_EMPTY_PATH: 0x1000 } as const

/** preadv2(2): flags of one read or write. */
export const RwFlag = {
  RWF_HIPRI: 0x1,
  RWF_DSYNC: 0x2,
  RWF_SYNC: 0x4,
  RWF_NOWAIT: 0x8,
  RWF_APPEND: 0x10,
  RWF_NOAPPEND: 0x20,
  RWF_ATOMIC: 0x40,
  RWF_DONTCACHE: 0x80,
} as const

export const SyncRangeFlag = {
  SYNC_FILE_RANGE_WAIT_BEFORE: 1,
  SYNC_FILE_RANGE_WRITE: 2,
  SYNC_FILE_RANGE_WAIT_AFTER: 4,
} as const

export const FallocateFlag = {
  FALLOC_FL_KEEP_SIZE: 0x1,
  FALLOC_FL_PUNCH_HOLE: 0x2,
  FALLOC_FL_COLLAPSE_RANGE: 0x8,
  FALLOC_FL_ZERO_RANGE: 0x10,
  FALLOC_FL_INSERT_RANGE: 0x20,
  FALLOC_FL_UNSHARE_RANGE: 0x40,
} as const

export const FileAdvice = {
  POSIX_FADV_NORMAL: 0,
  POSIX_FADV_RANDOM: 1,
  POSIX_FADV_SEQUENTIAL: 2,
  POSIX_FADV_WILLNEED: 3,
  POSIX_FADV_DONTNEED: 4,
  POSIX_FADV_NOREUSE: 5,
} as const

export const MemoryAdvice = {
  MADV_NORMAL: 0,
  MADV_RANDOM: 1,
  MADV_SEQUENTIAL: 2,
  MADV_WILLNEED: 3,
  MADV_DONTNEED: 4,
  MADV_FREE: 8,
  MADV_HUGEPAGE: 14,
  MADV_NOHUGEPAGE: 15,
  MADV_DONTDUMP: 16,
  MADV_DODUMP: 17,
  MADV_COLD: 20,
  MADV_PAGEOUT: 21,
  MADV_POPULATE_READ: 22,
  MADV_POPULATE_WRITE: 23,
  MADV_COLLAPSE: 25,
} as const

export const XattrFlag = { XATTR_CREATE: 1, XATTR_REPLACE: 2 } as const

export const SpliceFlag = { SPLICE_F_MOVE: 1, SPLICE_F_NONBLOCK: 2, SPLICE_F_MORE: 4 } as const

/** pipe2(2). */
export const PipeFlag: Readonly<Record<'O_NONBLOCK' | 'O_DIRECT' | 'O_CLOEXEC', number>> = {
  O_NONBLOCK: constants.O_NONBLOCK,
  O_DIRECT: constants.O_DIRECT,
  O_CLOEXEC: closeOnExec,
}

/** poll(2) and epoll_ctl(2) share these. */
export const PollEvent = {
  POLLIN: 0x1,
  POLLPRI: 0x2,
  POLLOUT: 0x4,
  POLLERR: 0x8,
  POLLHUP: 0x10,
  POLLNVAL: 0x20,
  POLLRDHUP: 0x2000,
} as const

export const EpollEvent = {
  EPOLLIN: 0x1,
  EPOLLPRI: 0x2,
  EPOLLOUT: 0x4,
  EPOLLERR: 0x8,
  EPOLLHUP: 0x10,
  EPOLLRDHUP: 0x2000,
  EPOLLEXCLUSIVE: 0x10000000,
  EPOLLWAKEUP: 0x20000000,
  EPOLLONESHOT: 0x40000000,
  EPOLLET: 0x80000000,
} as const

export const EpollCommand = { EPOLL_CTL_ADD: 1, EPOLL_CTL_DEL: 2, EPOLL_CTL_MOD: 3 } as const

export const AddressFamily = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17 } as const

export const SocketType = { SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3, SOCK_SEQPACKET: 5 } as const

export const SocketFlag: Readonly<Record<'SOCK_NONBLOCK' | 'SOCK_CLOEXEC', number>> = {
  SOCK_NONBLOCK: constants.O_NONBLOCK,
  SOCK_CLOEXEC: closeOnExec,
}

/** send(2), recv(2). */
export const MessageFlag = {
  MSG_OOB: 0x1,
  MSG_PEEK: 0x2,
  MSG_DONTROUTE: 0x4,
  MSG_CTRUNC: 0x8,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_EOR: 0x80,
  MSG_WAITALL: 0x100,
  MSG_CONFIRM: 0x800,
  MSG_ERRQUEUE: 0x2000,
  MSG_NOSIGNAL: 0x4000,
  MSG_MORE: 0x8000,
  MSG_FASTOPEN: 0x20000000,
  MSG_CMSG_CLOEXEC: 0x40000000,
} as const

/** What a wait for a process waits for. */
export const WaitFlag = {
  WNOHANG: 1,
  WSTOPPED: 2,
  WEXITED: 4,
  WCONTINUED: 8,
  WNOWAIT: 0x1000000,
} as const

export const WaitIdType = { P_ALL: 0, P_PID: 1, P_PGID: 2, P_PIDFD: 3 } as const

/** Of the size of the word and who may wake it (futex2). */
export const FutexFlag = {
  FUTEX2_SIZE_U8: 0,
  FUTEX2_SIZE_U16: 1,
  FUTEX2_SIZE_U32: 2,
  FUTEX2_SIZE_U64: 3,
  FUTEX2_PRIVATE: 128,
} as const

/** getsockopt(2), setsockopt(2). */
export const SocketLevel = { SOL_SOCKET: 1, IPPROTO_IP: 0, IPPROTO_TCP: 6, IPPROTO_UDP: 17, IPPROTO_IPV6: 41 } as const

/** Options of the level SOL_SOCKET; other levels' go by number. */
export const SocketOption = {
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_BROADCAST: 6,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_KEEPALIVE: 9,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  SO_ACCEPTCONN: 30,
  SO_PROTOCOL: 38,
  SO_DOMAIN: 39,
  SO_BUSY_POLL: 46,
  SO_INCOMING_CPU: 49,
  SO_ZEROCOPY: 60,
} as const

/** Commands that drivers have: include/uapi/linux/nvme_ioctl.h, blkdev.h. */
export const UringCommand = {
  BLOCK_URING_CMD_DISCARD: 0x1200,
  NVME_URING_CMD_IO: 0xc0484e80,
  NVME_URING_CMD_IO_VEC: 0xc0484e81,
  NVME_URING_CMD_ADMIN: 0xc0484e82,
  NVME_URING_CMD_ADMIN_VEC: 0xc0484e83,
} as const
