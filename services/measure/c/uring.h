// A ring by raw system calls, for the programs of this folder: no liburing, so that it builds wherever a compiler and the kernel's headers are.
// Included once per program (bench-limit.c, ring-limit.c), after program.h; one thread submits and reaps. Inline is what not both of them use.
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SQ_ENTRIES_MAX 32768u
#define SQ_THREAD_IDLE_MS 50

#define LOAD(pointer) __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define STORE(pointer, value) __atomic_store_n(pointer, value, __ATOMIC_RELEASE)

#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

struct ring {
  int fd, sqpoll;
  unsigned *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail, sq_entries, sq_mask, cq_mask;
  unsigned tail, published;  // what this thread has filled, and what of it the kernel may see
  unsigned head;             // of the CQ: what this thread has taken
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
  uint64_t enters;           // system calls that submitted, woke or waited
};

static void *map(int fd, size_t bytes, off_t offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  if (at == MAP_FAILED) die("mmap of the ring", errno);
  return at;
}

// `in_flight`: requests at most, whose CQEs have room. A chain of requests is never submitted in two parts, because as many SQEs have room, too.
static void open_ring(struct ring *ring, unsigned in_flight, int sqpoll) {
  struct io_uring_params p;
  memset(&p, 0, sizeof p);
  unsigned entries = 1;
  while (entries < in_flight) entries *= 2;
  if (entries > SQ_ENTRIES_MAX) die("so many requests in flight", EINVAL);
  p.flags = IORING_SETUP_CQSIZE;
  p.cq_entries = 2 * entries;
  if (sqpoll) { p.flags |= IORING_SETUP_SQPOLL; p.sq_thread_idle = SQ_THREAD_IDLE_MS; }
  ring->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
  if (ring->fd < 0) die("io_uring_setup", errno);
  if (!(p.features & IORING_FEAT_SINGLE_MMAP) || !(p.features & IORING_FEAT_EXT_ARG)) die("this kernel is too old", ENOSYS);
  size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned);
  size_t cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
  char *base = map(ring->fd, sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING);
  ring->sqes = map(ring->fd, p.sq_entries * sizeof(struct io_uring_sqe), (off_t)IORING_OFF_SQES);
  ring->sq_head = (unsigned *)(base + p.sq_off.head);
  ring->sq_tail = (unsigned *)(base + p.sq_off.tail);
  ring->sq_flags = (unsigned *)(base + p.sq_off.flags);
  ring->cq_head = (unsigned *)(base + p.cq_off.head);
  ring->cq_tail = (unsigned *)(base + p.cq_off.tail);
  ring->cqes = (struct io_uring_cqe *)(base + p.cq_off.cqes);
  ring->sq_entries = p.sq_entries;
  ring->sq_mask = p.sq_entries - 1;
  ring->cq_mask = p.cq_entries - 1;
  ring->sqpoll = sqpoll;
  unsigned *array = (unsigned *)(base + p.sq_off.array);
  for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
}

// A place for direct descriptors, all empty.
static inline void register_files(const struct ring *ring, unsigned count) {
  int *none = malloc(count * sizeof *none);
  if (!none) die("memory", ENOMEM);
  for (unsigned i = 0; i < count; i++) none[i] = -1;
  if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, none, count) < 0)
    die("direct descriptors (as many must be allowed: ulimit -n)", errno);
  free(none);
}

// Shows the kernel what was filled. Without the kernel's thread that is a system call, which also waits for a completion if `wait` is 1.
static void publish(struct ring *ring, unsigned wait) {
  unsigned count = ring->tail - ring->published;
  ring->published = ring->tail;
  STORE(ring->sq_tail, ring->tail);
  if (!ring->sqpoll) {
    ring->enters++;
    long r = syscall(SYS_io_uring_enter, ring->fd, count, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
    if (r != (long)count) die("io_uring_enter", r < 0 ? errno : EIO);
    return;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);  // the tail must be visible before the flag is read: ARCHITECTURE.md, memory order
  if (!(LOAD(ring->sq_flags) & IORING_SQ_NEED_WAKEUP)) return;
  ring->enters++;
  if (syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0) die("io_uring_enter", errno);
}

// Where the queue is full and the kernel has taken all that it was shown, the rest is shown: only then, for that may be half a chain.
static struct io_uring_sqe *entry(struct ring *ring, int opcode, int file, uint64_t user_data) {
  for (unsigned head; ring->tail - (head = LOAD(ring->sq_head)) == ring->sq_entries;) {
    if (head == ring->published) publish(ring, 0);
    else RELAX();
  }
  struct io_uring_sqe *sqe = &ring->sqes[ring->tail++ & ring->sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = (uint8_t)opcode;
  sqe->fd = file;
  sqe->user_data = user_data;
  return sqe;
}

// Sleeps until something has completed, or so long.
static inline void sleep_in_ring(struct ring *ring, uint64_t ns) {
  struct __kernel_timespec time = {.tv_sec = (int64_t)(ns / 1000000000u), .tv_nsec = (int64_t)(ns % 1000000000u)};
  struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&time};
  ring->enters++;
  long r = syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
  if (r < 0 && errno != ETIME && errno != EINTR) die("io_uring_enter", errno);
}

static int has_completions(const struct ring *ring) { return LOAD(ring->cq_tail) != ring->head; }

// Until there is one. A request that did not end at once ends while this thread is in the kernel.
static void await_completion(struct ring *ring) {
  while (!has_completions(ring)) {
    if (ring->sqpoll) RELAX();
    else publish(ring, 1);
  }
}
