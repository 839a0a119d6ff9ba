// The kernel's io_uring ABI as this addon needs it. Own definitions: distribution headers are often years older than
// the running kernel (Debian 12 ships 6.1's). Source: include/uapi/linux/io_uring.h of Linux 6.18.
// native/abi.ts holds the same names and numbers; table.cc exports these so that a test can compare every one of them,
// and abi_check.cc asserts at compile time that nothing contradicts the system's own header where it has the name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace uring {

struct sqring_offsets {
  uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
  uint64_t user_addr;
};

struct cqring_offsets {
  uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
  uint64_t user_addr;
};

struct params {
  uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
  sqring_offsets sq_off;
  cqring_offsets cq_off;
};

// Unions of the kernel's struct are flattened to the names that the operations of this project use.
struct sqe {
  uint8_t opcode, flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;
  uint64_t addr;
  uint32_t len;
  uint32_t op_flags;
  uint64_t user_data;
  uint16_t buf_index;
  uint16_t personality;
  uint32_t file_index;
  uint64_t addr3;
  uint64_t pad2;
};

struct cqe {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
};

struct timespec64 {
  int64_t tv_sec;
  int64_t tv_nsec;
};

struct sync_cancel_reg {
  uint64_t addr;
  int32_t fd;
  uint32_t flags;
  timespec64 timeout;
  uint8_t opcode;
  uint8_t pad[7];
  uint64_t pad2[3];
};

struct rsrc_register {
  uint32_t nr, flags;
  uint64_t resv2, data, tags;
};

struct rsrc_update2 {
  uint32_t offset, resv;
  uint64_t data, tags;
  uint32_t nr, resv2;
};

struct clone_buffers {
  uint32_t src_fd, flags, src_off, dst_off, nr, pad[3];
};

struct probe_op {
  uint8_t op, resv;
  uint16_t flags;
  uint32_t resv2;
};

struct probe {
  uint8_t last_op, ops_len;
  uint16_t resv;
  uint32_t resv2[3];
};

struct open_how {
  uint64_t flags, mode, resolve;
};

struct statx_timestamp {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t reserved;
};

struct statx {
  uint32_t stx_mask, stx_blksize;
  uint64_t stx_attributes;
  uint32_t stx_nlink, stx_uid, stx_gid;
  uint16_t stx_mode, spare0;
  uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
  statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
  uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
  uint64_t spare2[14];
};

static_assert(sizeof(sqe) == 64 && offsetof(sqe, user_data) == 32 && offsetof(sqe, file_index) == 44);
static_assert(sizeof(cqe) == 16 && sizeof(params) == 120 && offsetof(params, sq_off) == 40);
static_assert(sizeof(statx) == 256 && offsetof(statx, stx_atime) == 64 && offsetof(statx, stx_rdev_major) == 128);
static_assert(sizeof(sync_cancel_reg) == 64 && sizeof(open_how) == 24 && sizeof(probe) == 16);

// X(name, value): one line per constant, used by table.cc and abi_check.cc.
#define URING_OPCODES(X)                                                                                             \
  X(NOP, 0) X(READV, 1) X(WRITEV, 2) X(FSYNC, 3) X(READ_FIXED, 4) X(WRITE_FIXED, 5) X(POLL_ADD, 6)                   \
  X(POLL_REMOVE, 7) X(SYNC_FILE_RANGE, 8) X(SENDMSG, 9) X(RECVMSG, 10) X(TIMEOUT, 11) X(TIMEOUT_REMOVE, 12)          \
  X(ACCEPT, 13) X(ASYNC_CANCEL, 14) X(LINK_TIMEOUT, 15) X(CONNECT, 16) X(FALLOCATE, 17) X(OPENAT, 18) X(CLOSE, 19)   \
  X(FILES_UPDATE, 20) X(STATX, 21) X(READ, 22) X(WRITE, 23) X(FADVISE, 24) X(MADVISE, 25) X(SEND, 26) X(RECV, 27)    \
  X(OPENAT2, 28) X(EPOLL_CTL, 29) X(SPLICE, 30) X(PROVIDE_BUFFERS, 31) X(REMOVE_BUFFERS, 32) X(TEE, 33)              \
  X(SHUTDOWN, 34) X(RENAMEAT, 35) X(UNLINKAT, 36) X(MKDIRAT, 37) X(SYMLINKAT, 38) X(LINKAT, 39) X(MSG_RING, 40)      \
  X(FSETXATTR, 41) X(SETXATTR, 42) X(FGETXATTR, 43) X(GETXATTR, 44) X(SOCKET, 45) X(URING_CMD, 46) X(SEND_ZC, 47)    \
  X(SENDMSG_ZC, 48) X(READ_MULTISHOT, 49) X(WAITID, 50) X(FUTEX_WAIT, 51) X(FUTEX_WAKE, 52) X(FUTEX_WAITV, 53)       \
  X(FIXED_FD_INSTALL, 54) X(FTRUNCATE, 55) X(BIND, 56) X(LISTEN, 57) X(RECV_ZC, 58) X(EPOLL_WAIT, 59)                \
  X(READV_FIXED, 60) X(WRITEV_FIXED, 61) X(PIPE, 62)

#define URING_SETUP_FLAGS(X)                                                                                         \
  X(IOPOLL, 1u << 0) X(SQPOLL, 1u << 1) X(SQ_AFF, 1u << 2) X(CQSIZE, 1u << 3) X(CLAMP, 1u << 4)                      \
  X(ATTACH_WQ, 1u << 5) X(R_DISABLED, 1u << 6) X(SUBMIT_ALL, 1u << 7) X(COOP_TASKRUN, 1u << 8)                       \
  X(TASKRUN_FLAG, 1u << 9) X(SQE128, 1u << 10) X(CQE32, 1u << 11) X(SINGLE_ISSUER, 1u << 12)                         \
  X(DEFER_TASKRUN, 1u << 13) X(NO_MMAP, 1u << 14) X(REGISTERED_FD_ONLY, 1u << 15) X(NO_SQARRAY, 1u << 16)            \
  X(HYBRID_IOPOLL, 1u << 17) X(CQE_MIXED, 1u << 18)

#define URING_FEATURES(X)                                                                                            \
  X(SINGLE_MMAP, 1u << 0) X(NODROP, 1u << 1) X(SUBMIT_STABLE, 1u << 2) X(RW_CUR_POS, 1u << 3)                        \
  X(CUR_PERSONALITY, 1u << 4) X(FAST_POLL, 1u << 5) X(POLL_32BITS, 1u << 6) X(SQPOLL_NONFIXED, 1u << 7)              \
  X(EXT_ARG, 1u << 8) X(NATIVE_WORKERS, 1u << 9) X(RSRC_TAGS, 1u << 10) X(CQE_SKIP, 1u << 11)                        \
  X(LINKED_FILE, 1u << 12) X(REG_REG_RING, 1u << 13) X(RECVSEND_BUNDLE, 1u << 14) X(MIN_TIMEOUT, 1u << 15)           \
  X(RW_ATTR, 1u << 16) X(NO_IOWAIT, 1u << 17)

#define URING_ENTER_FLAGS(X) X(GETEVENTS, 1u << 0) X(SQ_WAKEUP, 1u << 1) X(SQ_WAIT, 1u << 2) X(EXT_ARG, 1u << 3)
#define URING_SQ_FLAGS(X) X(NEED_WAKEUP, 1u << 0) X(CQ_OVERFLOW, 1u << 1) X(TASKRUN, 1u << 2)
#define URING_CQE_FLAGS(X) X(BUFFER, 1u << 0) X(MORE, 1u << 1) X(SOCK_NONEMPTY, 1u << 2) X(NOTIF, 1u << 3) X(BUF_MORE, 1u << 4)
#define URING_SQE_FLAGS(X)                                                                                           \
  X(FIXED_FILE, 1u << 0) X(IO_DRAIN, 1u << 1) X(IO_LINK, 1u << 2) X(IO_HARDLINK, 1u << 3) X(ASYNC, 1u << 4)          \
  X(BUFFER_SELECT, 1u << 5) X(CQE_SKIP_SUCCESS, 1u << 6)
#define URING_CANCEL_FLAGS(X)                                                                                        \
  X(ALL, 1u << 0) X(FD, 1u << 1) X(ANY, 1u << 2) X(FD_FIXED, 1u << 3) X(USERDATA, 1u << 4) X(OP, 1u << 5)

#define URING_REGISTER_OPCODES(X)                                                                                    \
  X(REGISTER_BUFFERS, 0) X(UNREGISTER_BUFFERS, 1) X(REGISTER_FILES, 2) X(UNREGISTER_FILES, 3)                        \
  X(REGISTER_EVENTFD, 4) X(UNREGISTER_EVENTFD, 5) X(REGISTER_FILES_UPDATE, 6) X(REGISTER_EVENTFD_ASYNC, 7)           \
  X(REGISTER_PROBE, 8) X(REGISTER_PERSONALITY, 9) X(UNREGISTER_PERSONALITY, 10) X(REGISTER_RESTRICTIONS, 11)         \
  X(REGISTER_ENABLE_RINGS, 12) X(REGISTER_FILES2, 13) X(REGISTER_FILES_UPDATE2, 14) X(REGISTER_BUFFERS2, 15)         \
  X(REGISTER_BUFFERS_UPDATE, 16) X(REGISTER_IOWQ_AFF, 17) X(UNREGISTER_IOWQ_AFF, 18)                                 \
  X(REGISTER_IOWQ_MAX_WORKERS, 19) X(REGISTER_RING_FDS, 20) X(UNREGISTER_RING_FDS, 21) X(REGISTER_PBUF_RING, 22)     \
  X(UNREGISTER_PBUF_RING, 23) X(REGISTER_SYNC_CANCEL, 24) X(REGISTER_FILE_ALLOC_RANGE, 25)                           \
  X(REGISTER_PBUF_STATUS, 26) X(REGISTER_NAPI, 27) X(UNREGISTER_NAPI, 28) X(REGISTER_CLOCK, 29)                      \
  X(REGISTER_CLONE_BUFFERS, 30) X(REGISTER_SEND_MSG_RING, 31) X(REGISTER_ZCRX_IFQ, 32)                               \
  X(REGISTER_RESIZE_RINGS, 33) X(REGISTER_MEM_REGION, 34) X(REGISTER_QUERY, 35)

// What stands alone, under its whole name.
#define URING_OTHERS(X)                                                                                              \
  X(IORING_CQ_EVENTFD_DISABLED, 1) X(IORING_FSYNC_DATASYNC, 1) X(IORING_RSRC_REGISTER_SPARSE, 1)                     \
  X(IORING_REGISTER_DST_REPLACE, 2)                                                                                  \
  X(IORING_OFF_SQ_RING, 0) X(IORING_OFF_SQES, 0x10000000) X(IO_URING_OP_SUPPORTED, 1)

// Of openat2(2), openat(2) and statx(2): include/uapi/linux/openat2.h, fcntl.h, stat.h.
#define URING_FILE_CONSTANTS(X)                                                                                      \
  X(RESOLVE_NO_XDEV, 1) X(RESOLVE_NO_MAGICLINKS, 2) X(RESOLVE_NO_SYMLINKS, 4) X(RESOLVE_BENEATH, 8)                  \
  X(RESOLVE_IN_ROOT, 16) X(AT_FDCWD, -100) X(AT_SYMLINK_NOFOLLOW, 0x100) X(AT_EMPTY_PATH, 0x1000)                    \
  X(STATX_BASIC_STATS, 0x7ff) X(STATX_BTIME, 0x800)

}  // namespace uring
