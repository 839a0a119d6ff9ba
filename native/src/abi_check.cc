// Compile-time proof that uring_abi.h does not contradict the system's own header. The header may be older than our
// definitions, so only what Linux 5.11 already had (the floor for SQPOLL without root) is compared by name.
#if __has_include(<linux/io_uring.h>)
#include "uring_abi.h"

#include <linux/io_uring.h>

static_assert(sizeof(io_uring_sqe) == sizeof(uring::sqe) && sizeof(io_uring_cqe) == sizeof(uring::cqe));
static_assert(sizeof(io_uring_params) == sizeof(uring::params));
#define SAME(theirs, ours, field) static_assert(offsetof(theirs, field) == offsetof(ours, field));
#define F(field) SAME(io_uring_sqe, uring::sqe, field)
F(opcode) F(flags) F(ioprio) F(fd) F(off) F(addr) F(len) F(user_data) F(buf_index) F(personality)
#undef F
static_assert(offsetof(io_uring_sqe, rw_flags) == offsetof(uring::sqe, op_flags));
static_assert(offsetof(io_uring_sqe, splice_fd_in) == offsetof(uring::sqe, file_index));
#define F(field) SAME(io_uring_cqe, uring::cqe, field)
F(user_data) F(res) F(flags)
#undef F
#define F(field) SAME(io_uring_params, uring::params, field)
F(sq_entries) F(cq_entries) F(flags) F(sq_thread_cpu) F(sq_thread_idle) F(features) F(wq_fd) F(sq_off) F(cq_off)
#undef F
#define F(field) SAME(io_sqring_offsets, uring::sqring_offsets, field)
F(head) F(tail) F(ring_mask) F(ring_entries) F(flags) F(dropped) F(array)
#undef F
#define F(field) SAME(io_cqring_offsets, uring::cqring_offsets, field)
F(head) F(tail) F(ring_mask) F(ring_entries) F(overflow) F(cqes) F(flags)
#undef F
static_assert(IORING_OP_NOP == 0 && IORING_OP_FSYNC == 3 && IORING_OP_ASYNC_CANCEL == 14 && IORING_OP_OPENAT == 18);
static_assert(IORING_OP_CLOSE == 19 && IORING_OP_STATX == 21 && IORING_OP_READ == 22 && IORING_OP_WRITE == 23);
static_assert(IORING_OP_OPENAT2 == 28 && IORING_OP_UNLINKAT == 36);
static_assert(IORING_SETUP_SQPOLL == 2 && IORING_SETUP_CQSIZE == 8 && IORING_SETUP_ATTACH_WQ == 32);
static_assert(IORING_SQ_NEED_WAKEUP == 1 && IORING_SQ_CQ_OVERFLOW == 2 && IORING_CQ_EVENTFD_DISABLED == 1);
static_assert(IORING_ENTER_GETEVENTS == 1 && IORING_ENTER_SQ_WAKEUP == 2);
#endif

// The header of openat2(2) has no part of libc in it; fcntl.h and stat.h do, and are as old as this process's libc.
#if __has_include(<linux/openat2.h>)
#include "uring_abi.h"

#include <linux/openat2.h>

static_assert(sizeof(open_how) == sizeof(uring::open_how) && RESOLVE_NO_XDEV == 1 && RESOLVE_NO_MAGICLINKS == 2);
static_assert(RESOLVE_NO_SYMLINKS == 4 && RESOLVE_BENEATH == 8 && RESOLVE_IN_ROOT == 16);
#endif
