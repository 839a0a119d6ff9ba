// Clocks and the histogram of latencies, for the programs of this folder. Included once per program (bench-limit.c,
// ring-limit.c).
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

// 64 buckets per power of two of nanoseconds, as latency-histogram.ts has them: a quantile is at most 1.6 % off, and memory does not grow with speed.
#define SUB_BUCKETS_LOG2 6
#define BUCKETS (64 << SUB_BUCKETS_LOG2)

struct latency {
  uint64_t counts[BUCKETS], total, max_ns;
};

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {  // of all threads, the kernel's SQ and io-wq threads among them
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void record(struct latency *latency, uint64_t ns) {
  if (ns > latency->max_ns) latency->max_ns = ns;
  if (ns < (1u << SUB_BUCKETS_LOG2)) ns = 1u << SUB_BUCKETS_LOG2;
  int shift = 63 - __builtin_clzll(ns) - SUB_BUCKETS_LOG2;
  latency->counts[((shift + 1) << SUB_BUCKETS_LOG2) + (int)((ns >> shift) & ((1 << SUB_BUCKETS_LOG2) - 1))]++;
  latency->total++;
}

// The middle of the bucket that holds it; never above the maximum.
static double quantile_ns(const struct latency *latency, double fraction) {
  double wanted = fraction * (double)latency->total;
  uint64_t seen = 0;
  for (int i = 1 << SUB_BUCKETS_LOG2; i < BUCKETS; i++) {
    seen += latency->counts[i];
    if (latency->counts[i] == 0 || (double)seen < wanted) continue;
    int shift = (i >> SUB_BUCKETS_LOG2) - 1;
    uint64_t low = (uint64_t)((1 << SUB_BUCKETS_LOG2) + (i & ((1 << SUB_BUCKETS_LOG2) - 1))) << shift;
    double middle = (double)low + (double)(1ull << shift) / 2;
    return middle < (double)latency->max_ns ? middle : (double)latency->max_ns;
  }
  return 0;
}
