// The row "C" of `ringmaster bench`: the workloads of services/measure/leg/ on the raw ring, with nothing in between. Compiled where it is wanted, by
// services/bench/c-limit.ts; no liburing.
//   bench-limit workload=random-read|sequential-read|small-files|durable-append|mixed mode=plain|sqpoll depth=N bytes=N
//               seconds=S warmup=S rate=N path=FILE span=BYTES scratch=FOLDER direct=0|1
// span: only so much of the file, from its start. scratch: where the file without a name is made that is appended to. rate: after the closed loop, for
// as long again, so many operations a second by plan, latencies from when each was due; 0: not. The paths of small-files come on stdin, each ended by a
// zero byte. Prints one line of JSON. Any failed or short request ends it with exit code 1 and the reason on stderr.
#define _GNU_SOURCE
static const char program[] = "bench-limit";
#include "program.h"
#include "uring.h"
#include "latency.h"
#include "bench-work.h"
#include <signal.h>
#include <sys/prctl.h>

#define DEPTH_MAX 8192u
// A sleep is that much longer than was asked for, about: the rest is spent looking at the clock.
#define SLEEP_LATE_NS 60000u

struct window {
  uint64_t operations, bytes, overdue;
  double seconds, cpu_seconds;
  struct latency latency;
};

// Takes what has completed. Lanes whose operation has ended are put into `idle`; returns how many.
static unsigned reap(struct ring *ring, struct work *work, struct window *window, unsigned *idle) {
  unsigned ready = LOAD(ring->cq_tail), ended = 0;
  uint64_t clock_ns = now_ns();  // once per batch, as in the library
  for (; ring->head != ready; ring->head++) {
    const struct io_uring_cqe *cqe = &ring->cqes[ring->head & ring->cq_mask];
    unsigned lane = (unsigned)cqe->user_data;
    if (!finish(ring, work, cqe)) continue;
    record(&window->latency, clock_ns - work->lanes[lane].since_ns);
    idle[ended++] = lane;
  }
  STORE(ring->cq_head, ring->head);
  window->operations += ended;
  return ended;
}

// Each lane begins again as soon as it has ended; the last ones are let end.
static void closed_loop(struct ring *ring, struct work *work, struct window *window, unsigned *idle, uint64_t began_ns, double seconds) {
  uint64_t deadline_ns = began_ns + (uint64_t)(seconds * 1e9);
  unsigned in_flight = work->depth;
  for (unsigned lane = 0; lane < work->depth; lane++) start(ring, work, lane, began_ns);
  while (in_flight) {
    if (ring->tail != ring->published) publish(ring, 1);
    await_completion(ring);
    unsigned ended = reap(ring, work, window, idle);
    uint64_t clock_ns = now_ns();
    if (clock_ns >= deadline_ns) { in_flight -= ended; continue; }
    for (unsigned i = 0; i < ended; i++) start(ring, work, idle[i], clock_ns);
  }
}

// As openLoop() of leg/loops.ts: start k is due at k / rate, whatever has ended by then. What has not begun a quarter of the time after the end is
// overdue: counted with what it had waited by then.
static void open_loop(struct ring *ring, struct work *work, struct window *window, unsigned *idle, uint64_t began_ns, double seconds, double rate) {
  uint64_t deadline_ns = began_ns + (uint64_t)(seconds * 1e9), give_up_ns = deadline_ns + (uint64_t)(seconds * 1e9 / 4);
  uint64_t planned = 0;
  unsigned free_lanes = work->depth;
  for (unsigned lane = 0; lane < work->depth; lane++) idle[lane] = lane;
  for (;;) {
    uint64_t clock_ns = now_ns(), due_ns;
    for (;;) {
      due_ns = began_ns + (uint64_t)((double)planned * 1e9 / rate);
      if (free_lanes == 0 || due_ns >= deadline_ns || due_ns > clock_ns) break;
      planned++;
      if (clock_ns > give_up_ns) { window->overdue++; record(&window->latency, clock_ns - due_ns); }
      else start(ring, work, idle[--free_lanes], due_ns);
    }
    int is_over = due_ns >= deadline_ns;
    if (is_over && free_lanes == work->depth) return;
    if (ring->tail != ring->published) publish(ring, 0);
    if (has_completions(ring)) { free_lanes += reap(ring, work, window, idle + free_lanes); continue; }
    if (free_lanes == 0 || is_over) sleep_in_ring(ring, 1000000u);
    else if (due_ns > clock_ns + 2 * SLEEP_LATE_NS) sleep_in_ring(ring, due_ns - clock_ns - SLEEP_LATE_NS);
    else RELAX();
  }
}

static struct window *run(struct ring *ring, struct work *work, double seconds, double rate) {
  struct window *window = calloc(1, sizeof *window);
  unsigned *idle = calloc(work->depth, sizeof *idle);
  if (!window || !idle) die("memory", ENOMEM);
  double cpu = cpu_seconds();
  uint64_t bytes = work->moved_bytes, began_ns = now_ns();
  if (rate > 0) open_loop(ring, work, window, idle, began_ns, seconds, rate);
  else closed_loop(ring, work, window, idle, began_ns, seconds);
  window->seconds = (double)(now_ns() - began_ns) / 1e9;
  if (window->seconds < seconds) window->seconds = seconds;  // what was planned may end before its time does
  window->cpu_seconds = cpu_seconds() - cpu;
  window->bytes = work->moved_bytes - bytes;
  free(idle);
  return window;
}

static void print_window(const struct window *window) {
  static const double percentiles[] = {50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100};
  printf("{\"operations\":%llu,\"bytes\":%llu,\"overdue\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"spectrum\":[",
         (unsigned long long)window->operations, (unsigned long long)window->bytes, (unsigned long long)window->overdue, window->seconds,
         window->cpu_seconds);
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
    printf("%s[%g,%.1f]", i ? "," : "", percentiles[i], quantile_ns(&window->latency, percentiles[i] / 100));
  printf("]}");
}

int main(int argc, char **argv) {
  static struct ring ring;
  static struct work work;
  const char *kind = setting(argc, argv, "workload", "");
  while (strcmp(kind, kind_names[work.kind]))
    if (++work.kind == KINDS) { fprintf(stderr, "usage: see the head of bench-limit.c\n"); return 2; }
  work.depth = (unsigned)atoi(setting(argc, argv, "depth", "1"));
  work.bytes = (unsigned)atoi(setting(argc, argv, "bytes", "4096"));
  work.span_bytes = strtoull(setting(argc, argv, "span", "0"), NULL, 10);
  if (work.depth < 1 || work.depth > DEPTH_MAX) die("depth", EINVAL);
  double warmup = atof(setting(argc, argv, "warmup", "1")), seconds = atof(setting(argc, argv, "seconds", "3"));
  double rate = atof(setting(argc, argv, "rate", "0"));
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // not without whoever started it
  prctl(PR_SET_TIMERSLACK, 1ul);     // sleeps that end when they should
  prepare(&work, setting(argc, argv, "path", ""), setting(argc, argv, "scratch", "."), atoi(setting(argc, argv, "direct", "0")));
  open_ring(&ring, work.kind == SMALL_FILES ? 3 * work.depth : work.depth, !strcmp(setting(argc, argv, "mode", ""), "sqpoll"));
  if (work.kind == SMALL_FILES) register_files(&ring, work.depth);

  if (warmup > 0) free(run(&ring, &work, warmup, 0));
  struct window *closed = run(&ring, &work, seconds, 0), *open = rate > 0 ? run(&ring, &work, seconds, rate) : NULL;
  printf("{\"closed\":");
  print_window(closed);
  printf(",\"open\":");
  if (open) print_window(open);
  else printf("null");
  printf(",\"cpuSecondsInAll\":%.6f}\n", cpu_seconds());
  free(closed);
  free(open);
  return 0;
}
