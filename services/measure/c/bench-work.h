// What is done again and again, as services/measure/leg/works.ts does it: the same places in the same order, checked as strictly. Included once, by
// bench-limit.c.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define PAGE_BYTES 4096u
#define LOG_BYTES_MAX (64u << 20)  // as scratch-file.ts has it
#define APPENDS_OF_TEN 3u

enum kind { RANDOM_READ, SEQUENTIAL_READ, SMALL_FILES, DURABLE_APPEND, MIXED, KINDS };
static const char *const kind_names[] = {"random-read", "sequential-read", "small-files", "durable-append", "mixed"};

// What a CQE is of: the upper half of user_data. The lower half is the lane.
enum step { TRANSFER, SYNC, OPEN, READ_WHOLE, CLOSE };

struct lane {
  uint64_t since_ns;  // when it began; of what is done by plan when it was due
  unsigned left;      // CQEs until it has ended
  unsigned path;
  char *buffer;
};

struct small_file {
  const char *path;
  uint64_t bytes;
};

struct work {
  enum kind kind;
  int file, log;
  unsigned depth, bytes;
  uint64_t span_bytes;
  struct lane *lanes;
  struct small_file *files;
  unsigned file_count, next_file;
  size_t whole_bytes_max;  // one byte more than the largest of `files`: what is read into
  uint32_t random_place, random_kind;
  uint64_t next_place, log_bytes;
  uint64_t moved_bytes;
};

static uint64_t scaled(uint32_t random, uint64_t below) { return (uint64_t)((double)random / 4294967296.0 * (double)below); }

static uint64_t random_offset(struct work *work) {
  uint64_t places = (work->span_bytes - work->bytes) / PAGE_BYTES + 1;
  return scaled(next_random(&work->random_place), places) * PAGE_BYTES;
}

static uint64_t next_offset(struct work *work) {
  if (work->next_place >= work->span_bytes / work->bytes) work->next_place = 0;
  return work->next_place++ * work->bytes;
}

static uint64_t log_offset(struct work *work) {
  if (work->log_bytes + work->bytes > LOG_BYTES_MAX) work->log_bytes = 0;
  uint64_t at = work->log_bytes;
  work->log_bytes += work->bytes;
  return at;
}

static uint64_t tag(enum step step, unsigned lane) { return (uint64_t)step << 32 | lane; }

static void transfer(struct ring *ring, struct work *work, unsigned lane, int opcode, int file, uint64_t offset) {
  struct io_uring_sqe *sqe = entry(ring, opcode, file, tag(TRANSFER, lane));
  sqe->off = offset;
  sqe->addr = (uintptr_t)work->lanes[lane].buffer;
  sqe->len = work->bytes;
}

// Open, read and close in one chain, on a direct descriptor: what readFile() of the library does.
static void whole_file(struct ring *ring, struct work *work, unsigned lane) {
  struct lane *each = &work->lanes[lane];
  if (work->next_file >= work->file_count) work->next_file = 0;
  each->path = work->next_file++;
  each->left = 3;
  struct io_uring_sqe *sqe = entry(ring, IORING_OP_OPENAT, AT_FDCWD, tag(OPEN, lane));
  sqe->addr = (uintptr_t)work->files[each->path].path;
  sqe->open_flags = O_RDONLY;  // direct descriptors do not know O_CLOEXEC
  sqe->file_index = lane + 1;
  sqe->flags = IOSQE_IO_LINK;
  sqe = entry(ring, IORING_OP_READ, (int)lane, tag(READ_WHOLE, lane));
  sqe->addr = (uintptr_t)each->buffer;
  sqe->len = (unsigned)work->whole_bytes_max;
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK;  // fewer bytes than asked for would end a plain link
  entry(ring, IORING_OP_CLOSE, 0, tag(CLOSE, lane))->file_index = lane + 1;
}

static void start(struct ring *ring, struct work *work, unsigned lane, uint64_t since_ns) {
  work->lanes[lane].since_ns = since_ns;
  work->lanes[lane].left = 1;
  switch (work->kind) {
    case RANDOM_READ: transfer(ring, work, lane, IORING_OP_READ, work->file, random_offset(work)); return;
    case SEQUENTIAL_READ: transfer(ring, work, lane, IORING_OP_READ, work->file, next_offset(work)); return;
    case SMALL_FILES: whole_file(ring, work, lane); return;
    case DURABLE_APPEND:
      work->lanes[lane].left = 2;
      transfer(ring, work, lane, IORING_OP_WRITE, work->log, log_offset(work));
      return;
    case MIXED:
      if (scaled(next_random(&work->random_kind), 10) < APPENDS_OF_TEN)
        transfer(ring, work, lane, IORING_OP_WRITE, work->log, log_offset(work));
      else
        transfer(ring, work, lane, IORING_OP_READ, work->file, random_offset(work));
      return;
    case KINDS: return;
  }
}

// Whether the lane's operation has ended with this CQE. Submits what comes next in it.
static int finish(struct ring *ring, struct work *work, const struct io_uring_cqe *cqe) {
  unsigned lane = (unsigned)cqe->user_data;
  struct lane *each = &work->lanes[lane];
  switch ((enum step)(cqe->user_data >> 32)) {
    case OPEN:
      if (cqe->res < 0) die(work->files[each->path].path, -cqe->res);
      break;
    case READ_WHOLE:
      if (cqe->res < 0) die(work->files[each->path].path, -cqe->res);
      if ((uint64_t)cqe->res != work->files[each->path].bytes) die("a file has another size than before: is it changed by somebody?", EIO);
      work->moved_bytes += (uint64_t)cqe->res;
      break;
    case TRANSFER:
      if (cqe->res < 0) die("a transfer", -cqe->res);
      if ((unsigned)cqe->res != work->bytes) die("a request moved less than it was asked for: is the file changed by somebody?", EIO);
      work->moved_bytes += work->bytes;
      if (work->kind == DURABLE_APPEND) entry(ring, IORING_OP_FSYNC, work->log, tag(SYNC, lane))->fsync_flags = IORING_FSYNC_DATASYNC;
      break;
    case SYNC:
    case CLOSE:
      if (cqe->res < 0) die("fdatasync or close", -cqe->res);
  }
  return --each->left == 0;
}

// Private memory that costs nothing until it is used.
static char *buffers(size_t count, size_t each) {
  void *at = mmap(NULL, count * each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) die("memory", errno);
  return at;
}

// Of ours, on the same disk, and without a name as soon as it is open.
static int open_log(const char *folder, int direct) {
  int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | direct, 0600);
  if (file >= 0) return file;
  char name[PATH_MAX];
  if (snprintf(name, sizeof name, "%s/.ringmaster-%d.tmp", folder, (int)getpid()) >= (int)sizeof name) die(folder, ENAMETOOLONG);
  file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | direct, 0600);
  if (file < 0 || unlink(name) < 0) die(name, errno);
  return file;
}

// Paths from stdin, each ended by a zero byte. Each is read once, so that all are in the page cache, as warmCache() of leg/main.ts does.
static void read_paths(struct work *work) {
  size_t used = 0, room = 1 << 16, count = 0;
  char *text = malloc(room), scratch[1 << 16];
  for (size_t got; text && (got = fread(text + used, 1, room - used, stdin)) > 0;) {
    used += got;
    if (used == room) text = realloc(text, room *= 2);
  }
  for (size_t i = 0; text && i < used; i++) count += text[i] == 0;
  work->files = calloc(count + 1, sizeof *work->files);
  if (!text || !work->files) die("memory", ENOMEM);
  if (count == 0 || text[used - 1] != 0) die("paths on stdin, each ended by a zero byte", EINVAL);
  for (const char *path = text; path < text + used; path += strlen(path) + 1) {
    struct small_file *each = &work->files[work->file_count++];
    each->path = path;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) die(path, errno);
    for (ssize_t got; (got = read(file, scratch, sizeof scratch)) != 0; each->bytes += (uint64_t)got)
      if (got < 0) die(path, errno);
    close(file);
    if (each->bytes > INT_MAX - PAGE_BYTES) die(path, EFBIG);
    if (each->bytes + 1 > work->whole_bytes_max) work->whole_bytes_max = each->bytes + 1;
  }
}

static void prepare(struct work *work, const char *path, const char *scratch, int direct) {
  int flag = direct ? O_DIRECT : 0;
  size_t each = work->bytes;
  if (work->kind == SMALL_FILES) { read_paths(work); each = work->whole_bytes_max; }
  else if (work->bytes < 1) die("bytes", EINVAL);
  if (work->kind == RANDOM_READ || work->kind == SEQUENTIAL_READ || work->kind == MIXED) {
    work->file = open(path, O_RDONLY | O_CLOEXEC | flag);
    if (work->file < 0) die(path, errno);
    if (work->span_bytes < work->bytes) die("span is less than a block", EINVAL);
  }
  if (work->kind == DURABLE_APPEND || work->kind == MIXED) work->log = open_log(scratch, flag);
  each = (each + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;  // whole pages, for O_DIRECT
  work->lanes = calloc(work->depth, sizeof *work->lanes);
  if (!work->lanes) die("memory", ENOMEM);
  char *all = buffers(work->depth, each);
  for (unsigned lane = 0; lane < work->depth; lane++) work->lanes[lane].buffer = all + lane * each;
  work->random_place = 12345;
  work->random_kind = 12345u + 7u * 0x9e3779b1u;
}
