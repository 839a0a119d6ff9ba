// The `worker` poller: consumes the SQ with io_uring_enter from the ring worker's thread. One call is one time slice;
// between slices the worker's event loop runs, and when there is nothing to do the thread sleeps there, not here, so
// that a thread is never stuck in native code: terminate(), control messages and the stop word are all heard in time.
#include "addon.h"

#include <algorithm>
#include <time.h>

namespace {

constexpr double kSliceElapsed = 0;
constexpr double kIdle = 1;
constexpr double kStopped = 2;
constexpr uint32_t kEveryEntry = 0x7fffffff;
constexpr uint32_t kNeedWakeup = 1u << 0;
constexpr uint32_t kOverflowOrTaskrun = (1u << 1) | (1u << 2);

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

uint32_t load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// pollSlice(ringFd, words, sqHead, sqTail, sqFlags, control, sliceNs, spinNs)
// Returns enterCalls * 4 + state (slice elapsed | idle with NEED_WAKEUP set | stopped), or -errno.
Napi::Value poll_slice(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int fd = numbers.i32(0);
  const uint32_t head_at = numbers.u32(2), tail_at = numbers.u32(3), flags_at = numbers.u32(4);
  const uint64_t slice_ns = numbers.u64(6), spin_ns = numbers.u64(7);
  if (!numbers.valid()) return info.Env().Undefined();
  uint32_t* words = view_data<uint32_t>(info[1], std::max({head_at, tail_at, flags_at}) + size_t{1});
  if (words == nullptr) return info.Env().Undefined();
  RingControl* control = view_data<RingControl>(info[5], 1);
  if (control == nullptr) return info.Env().Undefined();
  uint32_t *head = words + head_at, *tail = words + tail_at, *flags = words + flags_at;

  const auto result = [&](double value) { return Napi::Number::New(info.Env(), value); };
  __atomic_fetch_and(flags, ~kNeedWakeup, __ATOMIC_SEQ_CST);
  double enters = 0;
  const uint64_t started = now_ns();
  uint64_t idle_since = started;
  for (uint32_t turn = 0; __atomic_load_n(&control->stop, __ATOMIC_ACQUIRE) == 0; turn++) {
    const uint32_t ready = load(tail) - load(head);
    const bool attention = (load(flags) & kOverflowOrTaskrun) != 0;
    if (ready != 0 || attention) {
      // All there is when the kernel looks, not `ready`: the client enters, too, and a number from before would end a pass in the middle
      // of the chain that it has published since. Such a number is never reached, and then the kernel skips GETEVENTS.
      long entered = ready != 0 ? uring_enter(fd, kEveryEntry, 0, 0) : 0;
      enters += ready != 0 ? 1 : 0;
      if (attention) {
        const long flushed = uring_enter(fd, 0, 0, 1u);
        enters++;
        if (entered >= 0) entered = flushed;
      }
      const uint64_t now = now_ns();
      // EBUSY and EAGAIN: the kernel is short of memory or of CQ room for a moment; the entries stay queued.
      if (entered < 0 && entered != -EBUSY && entered != -EAGAIN && entered != -EINTR) return result(static_cast<double>(entered));
      if (now - started >= slice_ns) return result(enters * 4 + kSliceElapsed);
      // Completions that do not fit a full CQ are no work: the client brings them in when it has made room.
      if (ready != 0) {
        idle_since = now;
        continue;
      }
    }
    pause();
    if ((turn & 31) != 0) continue;
    const uint64_t now = now_ns();
    if (now - idle_since >= spin_ns) {
      // Publish "I sleep", full fence, look again: the producer publishes its tail, fences, and reads the flag.
      __atomic_fetch_or(flags, kNeedWakeup, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(tail, __ATOMIC_SEQ_CST) == load(head)) return result(enters * 4 + kIdle);
      __atomic_fetch_and(flags, ~kNeedWakeup, __ATOMIC_SEQ_CST);
    }
    if (now - started >= slice_ns) return result(enters * 4 + kSliceElapsed);
  }
  return result(enters * 4 + kStopped);
}

}  // namespace

void define_poller(Napi::Env env, Napi::Object exports) { exports.Set("pollSlice", Napi::Function::New<poll_slice>(env)); }
