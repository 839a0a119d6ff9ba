// The limit: the same work as the Node legs, in C on the raw ring, with nothing in between. Compiled by legs/c-legs.ts; no
// liburing, so that it builds wherever a compiler and the kernel's headers are.
//   ring-limit nop|read plain|sqpoll DEPTH SECONDS WARMUP_SECONDS [FILE STAMPED]
// Prints one line of JSON. Any failed or short operation ends it with exit code 1.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u
#define DEPTH_MAX 4096u
#define SQ_THREAD_IDLE_MS 50
#define STAMP_CHECK_INTERVAL 16

// Latency buckets: 16 per power of two of nanoseconds. Exact enough, and no memory that grows with the speed.
#define SUB_BUCKETS_LOG2 4
#define BUCKETS (64 << SUB_BUCKETS_LOG2)

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
  unsigned *sq_tail, *sq_flags, *cq_head, *cq_tail, sq_mask, cq_mask;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
  uint64_t enters;
};

struct work {
  int read, file, stamped;
  unsigned depth;
  uint64_t blocks;
  uint32_t random;
  uint64_t started_ns[DEPTH_MAX], block[DEPTH_MAX];
  char *buffers;
};

static uint64_t histogram[BUCKETS];

__attribute__((noreturn)) static void die(const char *what, int error) {
  fprintf(stderr, "ring-limit: %s: %s\n", what, strerror(error));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {  // of all threads, the SQ thread among them
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void record(uint64_t latency_ns) {
  if (latency_ns < (1u << SUB_BUCKETS_LOG2)) latency_ns = 1u << SUB_BUCKETS_LOG2;
  int shift = 63 - __builtin_clzll(latency_ns) - SUB_BUCKETS_LOG2;
  histogram[((shift + 1) << SUB_BUCKETS_LOG2) + (int)((latency_ns >> shift) & ((1 << SUB_BUCKETS_LOG2) - 1))]++;
}

static double quantile_us(double fraction) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += histogram[i];
  for (int i = 1 << SUB_BUCKETS_LOG2; i < BUCKETS; i++) {
    seen += histogram[i];
    int shift = (i >> SUB_BUCKETS_LOG2) - 1;
    uint64_t low = (uint64_t)((1 << SUB_BUCKETS_LOG2) + (i & ((1 << SUB_BUCKETS_LOG2) - 1))) << shift;
    if ((double)seen > fraction * (double)total) return ((double)low + (double)(1ull << shift) / 2) / 1000;
  }
  return 0;
}

static void *map(int fd, size_t bytes, off_t offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  if (at == MAP_FAILED) die("mmap of the ring", errno);
  return at;
}

static void open_ring(struct ring *ring, unsigned entries, int sqpoll) {
  struct io_uring_params p;
  memset(&p, 0, sizeof p);
  if (sqpoll) { p.flags = IORING_SETUP_SQPOLL; p.sq_thread_idle = SQ_THREAD_IDLE_MS; }
  ring->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
  if (ring->fd < 0) die("io_uring_setup", errno);
  if (!(p.features & IORING_FEAT_SINGLE_MMAP)) die("this kernel is too old", ENOSYS);
  size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned);
  size_t cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
  char *base = map(ring->fd, sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING);
  ring->sqes = map(ring->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  ring->sq_tail = (unsigned *)(base + p.sq_off.tail);
  ring->sq_flags = (unsigned *)(base + p.sq_off.flags);
  ring->cq_head = (unsigned *)(base + p.cq_off.head);
  ring->cq_tail = (unsigned *)(base + p.cq_off.tail);
  ring->cqes = (struct io_uring_cqe *)(base + p.cq_off.cqes);
  ring->sq_mask = p.sq_entries - 1;
  ring->cq_mask = p.cq_entries - 1;
  ring->sqpoll = sqpoll;
  unsigned *array = (unsigned *)(base + p.sq_off.array);
  for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
}

static void push(struct ring *ring, struct work *work, unsigned tail, unsigned slot, uint64_t at_ns) {
  struct io_uring_sqe *sqe = &ring->sqes[tail & ring->sq_mask];
  memset(sqe, 0, sizeof *sqe);
  sqe->user_data = slot;
  work->started_ns[slot] = at_ns;
  if (!work->read) { sqe->opcode = IORING_OP_NOP; return; }
  uint32_t random = work->random;
  random ^= random << 13; random ^= random >> 17; random ^= random << 5;
  work->random = random;
  work->block[slot] = random % work->blocks;
  sqe->opcode = IORING_OP_READ;
  sqe->fd = work->file;
  sqe->off = work->block[slot] * BLOCK_BYTES;
  sqe->addr = (uintptr_t)(work->buffers + (size_t)slot * BLOCK_BYTES);
  sqe->len = BLOCK_BYTES;
}

static void check(struct work *work, unsigned slot, int result, uint64_t operation) {
  if (result < 0) die(work->read ? "read" : "nop", -result);
  if (!work->read) return;
  if (result != (int)BLOCK_BYTES) die("short read", EIO);
  if (!work->stamped || operation % STAMP_CHECK_INTERVAL) return;
  uint32_t stamp;
  memcpy(&stamp, work->buffers + (size_t)slot * BLOCK_BYTES, 4);
  if (stamp != work->block[slot]) die("wrong content", EIO);
}

static void publish(struct ring *ring, unsigned tail, unsigned count) {
  STORE(ring->sq_tail, tail);
  if (!ring->sqpoll) {
    long r = syscall(SYS_io_uring_enter, ring->fd, count, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    ring->enters++;
    if (r != (long)count) die("io_uring_enter", r < 0 ? errno : EIO);
    return;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);  // the tail must be visible before the flag is read: see DESIGN.md section 1
  if (!(LOAD(ring->sq_flags) & IORING_SQ_NEED_WAKEUP)) return;
  ring->enters++;
  if (syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0) die("io_uring_enter", errno);
}

// Keeps `depth` operations in flight for so long, lets the last ones end, returns how many there were.
static uint64_t run(struct ring *ring, struct work *work, double seconds) {
  uint64_t operations = 0, clock_ns = now_ns(), deadline_ns = clock_ns + (uint64_t)(seconds * 1e9);
  unsigned tail = *ring->sq_tail, head = *ring->cq_head, in_flight = work->depth;
  for (unsigned slot = 0; slot < work->depth; slot++) push(ring, work, tail++, slot, clock_ns);
  publish(ring, tail, work->depth);
  while (in_flight) {
    unsigned ready = LOAD(ring->cq_tail), pushed = 0;
    if (ready == head) { RELAX(); continue; }
    clock_ns = now_ns();  // once per batch, as in the library
    for (; head != ready; head++) {
      struct io_uring_cqe *cqe = &ring->cqes[head & ring->cq_mask];
      unsigned slot = (unsigned)cqe->user_data;
      check(work, slot, cqe->res, operations++);
      record(clock_ns - work->started_ns[slot]);
      if (clock_ns < deadline_ns) { push(ring, work, tail++, slot, clock_ns); pushed++; } else in_flight--;
    }
    STORE(ring->cq_head, head);
    if (pushed) publish(ring, tail, pushed);
  }
  return operations;
}

int main(int argc, char **argv) {
  if (argc < 6) { fprintf(stderr, "usage: ring-limit nop|read plain|sqpoll DEPTH SECONDS WARMUP_SECONDS [FILE STAMPED]\n"); return 2; }
  static struct ring ring;
  static struct work work;
  work.read = strcmp(argv[1], "read") == 0;
  work.depth = (unsigned)atoi(argv[3]);
  work.random = 12345;
  if (work.depth < 1 || work.depth > DEPTH_MAX) die("depth", EINVAL);
  if (work.read) {
    if (argc < 8) die("FILE and STAMPED are missing", EINVAL);
    struct stat stat;
    work.file = open(argv[6], O_RDONLY | O_CLOEXEC);
    if (work.file < 0 || fstat(work.file, &stat) < 0) die(argv[6], errno);
    work.blocks = (uint64_t)stat.st_size / BLOCK_BYTES;
    if (!work.blocks) die("the file is smaller than a block", EINVAL);
    work.stamped = atoi(argv[7]);
    if (posix_memalign((void **)&work.buffers, BLOCK_BYTES, (size_t)work.depth * BLOCK_BYTES)) die("memory", ENOMEM);
    memset(work.buffers, 0, (size_t)work.depth * BLOCK_BYTES);
  }
  unsigned entries = 1;
  while (entries < work.depth) entries *= 2;
  open_ring(&ring, entries, strcmp(argv[2], "sqpoll") == 0);
  if (atof(argv[5]) > 0) run(&ring, &work, atof(argv[5]));
  memset(histogram, 0, sizeof histogram);
  ring.enters = 0;
  double cpu = cpu_seconds();
  uint64_t started_ns = now_ns(), operations = run(&ring, &work, atof(argv[4]));
  double seconds = (double)(now_ns() - started_ns) / 1e9;
  printf("{\"operations\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50Us\":%.3f,\"p99Us\":%.3f,\"p999Us\":%.3f,"
         "\"loopUtilization\":null,\"entersPerOperation\":%.9f,\"deviceBytes\":null}\n",
         (unsigned long long)operations, seconds, cpu_seconds() - cpu, quantile_us(0.5), quantile_us(0.99),
         quantile_us(0.999), (double)ring.enters / (double)operations);
  return 0;
}
