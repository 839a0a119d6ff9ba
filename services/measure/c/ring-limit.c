// The limit: the same work as the Node legs of test/bench, in C on the raw ring, with nothing in between. Compiled where it is wanted
// (test/bench/legs/c-legs.ts); no liburing, so that it builds wherever a compiler and the kernel's headers are.
//   ring-limit workload=nop|read|mixed|statx|append mode=plain|sqpoll depth=N group=N link=0|1 seconds=S warmup=S path=P
//              stamped=0|1 bytes=N direct=0|1 sequential=0|1 span=BYTES
// span: only so much of the file, from its start. sequential: one block after the other, not at random.
// group: so many neighbours are submitted again only when all of them are back. Of append: so many writes, then one fdatasync.
// Prints one line of JSON. Any failed or short operation ends it with exit code 1.
#define _GNU_SOURCE
static const char program[] = "ring-limit";
#include "program.h"
#include "uring.h"
#include "latency.h"
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/prctl.h>

#define BLOCK_BYTES 4096u
#define DEPTH_MAX 65536u
#define STAMP_CHECK_INTERVAL 16
#define STAT_PATHS 100000u        // as data-file.ts has it, and so the names
#define STAT_PATHS_PER_FOLDER 1000u
#define PATH_BYTES 192u
#define LOG_BYTES_MAX (256u << 20)  // as append.ts has it

enum kind { NOP, READ, MIXED, STATX, APPEND };

struct work {
  enum kind kind;
  int file, stamped, link, sequential;
  unsigned depth, group, bytes;
  uint64_t blocks;
  uint32_t random, random_kind;
  uint64_t log_bytes, following;
  // By slot: when it began, what it is about, and whether it writes.
  uint64_t *started_ns, *subject;
  uint8_t *writes;
  unsigned *group_left;
  char *buffers, *paths;
  struct statx *found;
};

static struct latency latency;

static void *zeroed(size_t count, size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, BLOCK_BYTES, count * bytes)) die("memory", ENOMEM);
  return memset(memory, 0, count * bytes);
}

static uint64_t next_in_order(struct work *work) {
  uint64_t block = work->following;
  work->following += work->bytes / BLOCK_BYTES;
  if (work->following >= work->blocks) work->following = 0;
  return block;
}

static void push(struct ring *ring, struct work *work, unsigned slot, uint64_t at_ns) {
  work->started_ns[slot] = at_ns;
  if (work->kind == NOP) { entry(ring, IORING_OP_NOP, -1, slot); return; }
  if (work->kind == STATX) {
    unsigned path = (unsigned)(work->subject[slot] = work->blocks++ % STAT_PATHS);
    struct io_uring_sqe *sqe = entry(ring, IORING_OP_STATX, AT_FDCWD, slot);
    sqe->addr = (uintptr_t)(work->paths + (size_t)path * PATH_BYTES);
    sqe->len = STATX_BASIC_STATS | STATX_BTIME;
    sqe->off = (uintptr_t)&work->found[slot];
    return;
  }
  char *buffer = work->buffers + (size_t)slot * work->bytes;
  work->subject[slot] = work->sequential ? next_in_order(work) : next_random(&work->random) % work->blocks;
  work->writes[slot] = work->kind == MIXED && next_random(&work->random_kind) % 10 < 3;
  if (work->writes[slot]) { uint32_t stamp = (uint32_t)work->subject[slot]; memcpy(buffer, &stamp, 4); }
  struct io_uring_sqe *sqe = entry(ring, work->writes[slot] ? IORING_OP_WRITE : IORING_OP_READ, work->file, slot);
  sqe->off = work->subject[slot] * BLOCK_BYTES;
  sqe->addr = (uintptr_t)buffer;
  sqe->len = work->bytes;
}

static void check(struct work *work, unsigned slot, int result, uint64_t operation) {
  if (result < 0) die("an operation", -result);
  if (work->kind == NOP) return;
  if (work->kind == STATX) {
    if (work->found[slot].stx_size != work->subject[slot] + 1) die("wrong size", EIO);
    return;
  }
  if (result != (int)work->bytes) die("short transfer", EIO);
  if (work->writes[slot] || !work->stamped || operation % STAMP_CHECK_INTERVAL) return;
  uint32_t stamp;
  memcpy(&stamp, work->buffers + (size_t)slot * work->bytes, 4);
  if (stamp != work->subject[slot]) die("wrong content", EIO);
}

// Keeps `depth` operations in flight for so long, lets the last ones end, returns how many there were.
static uint64_t run(struct ring *ring, struct work *work, double seconds) {
  uint64_t operations = 0, clock_ns = now_ns(), deadline_ns = clock_ns + (uint64_t)(seconds * 1e9);
  unsigned in_flight = work->depth;
  for (unsigned slot = 0; slot < work->depth; slot++) push(ring, work, slot, clock_ns);
  for (unsigned g = 0; g < work->depth / work->group; g++) work->group_left[g] = work->group;
  publish(ring, 1);
  while (in_flight) {
    await_completion(ring);
    unsigned ready = LOAD(ring->cq_tail);
    clock_ns = now_ns();  // once per batch, as in the library
    for (; ring->head != ready; ring->head++) {
      struct io_uring_cqe *cqe = &ring->cqes[ring->head & ring->cq_mask];
      unsigned slot = (unsigned)cqe->user_data, group = slot / work->group;
      check(work, slot, cqe->res, operations++);
      record(&latency, clock_ns - work->started_ns[slot]);
      in_flight--;
      if (--work->group_left[group] || clock_ns >= deadline_ns) continue;
      for (unsigned i = 0; i < work->group; i++) push(ring, work, group * work->group + i, clock_ns);
      work->group_left[group] = work->group;
      in_flight += work->group;
    }
    STORE(ring->cq_head, ring->head);
    if (ring->tail != ring->published) publish(ring, 1);
  }
  return operations;
}

static void await(struct ring *ring, unsigned count, int bytes) {
  while (count) {
    await_completion(ring);
    for (unsigned ready = LOAD(ring->cq_tail); ring->head != ready; ring->head++, count--) {
      int result = ring->cqes[ring->head & ring->cq_mask].res;
      if (result < 0) die("an append", -result);
      if (result != bytes && result != 0) die("short append", EIO);
    }
    STORE(ring->cq_head, ring->head);
  }
}

// One log: `group` writes and one fdatasync, again and again.
static uint64_t run_appends(struct ring *ring, struct work *work, double seconds) {
  uint64_t operations = 0, clock_ns = now_ns(), deadline_ns = clock_ns + (uint64_t)(seconds * 1e9);
  while (clock_ns < deadline_ns) {
    uint64_t started_ns = clock_ns;
    for (unsigned i = 0; i < work->group; i++) {
      struct io_uring_sqe *sqe = entry(ring, IORING_OP_WRITE, work->file, i);
      sqe->off = work->log_bytes;
      sqe->addr = (uintptr_t)(work->buffers + (size_t)i * work->bytes);
      sqe->len = work->bytes;
      if (work->link) sqe->flags = IOSQE_IO_LINK;
      work->log_bytes = (work->log_bytes + work->bytes) % LOG_BYTES_MAX;
    }
    if (!work->link) { publish(ring, 1); await(ring, work->group, (int)work->bytes); }
    entry(ring, IORING_OP_FSYNC, work->file, 0)->fsync_flags = IORING_FSYNC_DATASYNC;
    publish(ring, 1);
    await(ring, work->link ? work->group + 1 : 1, (int)work->bytes);
    operations += work->group;
    clock_ns = now_ns();
    record(&latency, clock_ns - started_ns);
  }
  return operations;
}

static void prepare(struct work *work, const char *path, int direct, uint64_t span_bytes) {
  work->started_ns = zeroed(work->depth, sizeof *work->started_ns);
  work->subject = zeroed(work->depth, sizeof *work->subject);
  work->writes = zeroed(work->depth, 1);
  work->group_left = zeroed(work->depth, sizeof *work->group_left);
  work->random = 12345;
  work->random_kind = 54321;
  if (work->kind == NOP) return;
  if (work->kind == STATX) {
    work->found = zeroed(work->depth, sizeof *work->found);
    work->paths = zeroed(STAT_PATHS, PATH_BYTES);
    for (unsigned i = 0; i < STAT_PATHS; i++)
      if (snprintf(work->paths + (size_t)i * PATH_BYTES, PATH_BYTES, "%s/%02u/file-%05u", path, i / STAT_PATHS_PER_FOLDER, i) >= (int)PATH_BYTES)
        die(path, ENAMETOOLONG);
    return;
  }
  work->buffers = zeroed(work->depth, work->bytes);
  if (work->kind == APPEND) {
    char name[PATH_BYTES + 32];
    snprintf(name, sizeof name, "%s/c-%d.log", path, (int)getpid());
    work->file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (work->file < 0 || unlink(name) < 0) die(name, errno);
    return;
  }
  work->file = open(path, (work->kind == MIXED ? O_RDWR : O_RDONLY) | O_CLOEXEC | (direct ? O_DIRECT : 0));
  off_t file_bytes = work->file < 0 ? -1 : lseek(work->file, 0, SEEK_END);
  if (file_bytes < 0) die(path, errno);
  if (span_bytes && (uint64_t)file_bytes > span_bytes) file_bytes = (off_t)span_bytes;
  if (file_bytes < (off_t)work->bytes) die("the file is smaller than a block", EINVAL);
  work->blocks = ((uint64_t)file_bytes - work->bytes) / BLOCK_BYTES + 1;
}

int main(int argc, char **argv) {
  static const char *const kinds[] = {"nop", "read", "mixed", "statx", "append"};
  static struct ring ring;
  static struct work work;
  const char *kind = setting(argc, argv, "workload", "");
  while (strcmp(kind, kinds[work.kind]))
    if (++work.kind > APPEND) { fprintf(stderr, "usage: see the head of ring-limit.c\n"); return 2; }
  work.depth = (unsigned)atoi(setting(argc, argv, "depth", "1"));
  work.group = (unsigned)atoi(setting(argc, argv, "group", "1"));
  work.bytes = (unsigned)atoi(setting(argc, argv, "bytes", "4096"));
  work.stamped = atoi(setting(argc, argv, "stamped", "0"));
  work.link = atoi(setting(argc, argv, "link", "0"));
  if (work.depth < 1 || work.depth > DEPTH_MAX || work.group < 1 || work.depth % work.group) die("depth or group", EINVAL);
  work.sequential = atoi(setting(argc, argv, "sequential", "0"));
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // not without whoever started it
  prepare(&work, setting(argc, argv, "path", ""), atoi(setting(argc, argv, "direct", "0")),
          strtoull(setting(argc, argv, "span", "0"), NULL, 10));
  unsigned in_flight = work.kind == APPEND ? 2 * work.depth : work.depth;  // more than the queue holds goes in by parts
  open_ring(&ring, in_flight < SQ_ENTRIES_MAX ? in_flight : SQ_ENTRIES_MAX, strcmp(setting(argc, argv, "mode", ""), "sqpoll") == 0);

  uint64_t (*const perform)(struct ring *, struct work *, double) = work.kind == APPEND ? run_appends : run;
  double warmup = atof(setting(argc, argv, "warmup", "1"));
  if (warmup > 0) perform(&ring, &work, warmup);
  memset(&latency, 0, sizeof latency);
  ring.enters = 0;
  double cpu = cpu_seconds();
  uint64_t started_ns = now_ns(), operations = perform(&ring, &work, atof(setting(argc, argv, "seconds", "3")));
  double seconds = (double)(now_ns() - started_ns) / 1e9;
  printf("{\"operations\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"p50Us\":%.3f,\"p99Us\":%.3f,\"p999Us\":%.3f,"
         "\"loopUtilization\":null,\"entersPerOperation\":%.9f,\"deviceBytes\":null}\n",
         (unsigned long long)operations, seconds, cpu_seconds() - cpu, quantile_ns(&latency, 0.5) / 1e3,
         quantile_ns(&latency, 0.99) / 1e3, quantile_ns(&latency, 0.999) / 1e3, (double)ring.enters / (double)operations);
  return 0;
}
