// Executor: carries out system calls on threads of its own, for the `threadpool` poller. Not libuv's pool: what waits there for
// ever (a FIFO that nobody opens) cannot be interrupted, and everything else in the process that needs the pool waits too.
// A thread here is interrupted by a signal, as the kernel does with its own workers, so that every wait can be stopped.
//
// Calls are copied in and results copied out. How far each job has come is written to shared memory too, where whoever comes
// after a death of this environment finds it: NaN while it waits for a thread, infinity while one has it, then its result.
#include "addon.h"

#include <csignal>
#include <cstring>
#include <limits>
#include <deque>
#include <list>
#include <mutex>
#include <pthread.h>
#include <vector>

namespace {

constexpr int64_t kCopy = -1;  // not a system call: memcpy(arguments 0, 1, 2)
constexpr size_t kCallNumbers = 8;  // job, number of the system call, six arguments
constexpr uint32_t kNoJob = UINT32_MAX;
constexpr useconds_t kAgainUs = 1000;

class Executor;

struct Call {
  uint32_t job;
  int64_t number;
  int64_t arguments[6];
};

struct Done {
  uint32_t job;
  int64_t result;
};

int64_t perform(int64_t number, const int64_t* a) {
  if (number == kCopy) {
    std::memcpy(reinterpret_cast<void*>(a[0]), reinterpret_cast<const void*>(a[1]), static_cast<size_t>(a[2]));
    return 0;
  }
  return uring_result(syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

int interrupt_signal() { return SIGRTMAX - 1; }

extern "C" void on_interrupt(int) {}

// The handler does nothing: a system call that is waiting ends with EINTR. Whoever has a handler of his own keeps it, and
// then nothing is interrupted. The addon is linked so that it is never unloaded: the handler outlives every environment.
bool install_interrupt() {
  struct sigaction now = {};
  if (sigaction(interrupt_signal(), nullptr, &now) != 0) return false;
  if (now.sa_handler == on_interrupt) return true;
  if (now.sa_handler != SIG_DFL) return false;
  struct sigaction ours = {};
  ours.sa_handler = on_interrupt;  // without SA_RESTART, which would go on waiting
  return sigaction(interrupt_signal(), &ours, nullptr) == 0;
}

struct Runner {
  Executor* executor;
  pthread_t thread = {};
  bool over = false;
  uint32_t job = kNoJob;
};

class Executor : public Napi::ObjectWrap<Executor> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Executor",
                       {InstanceMethod<&Executor::run>("run"), InstanceMethod<&Executor::finished>("finished"),
                        InstanceMethod<&Executor::interrupt>("interrupt"), InstanceMethod<&Executor::grow>("grow"),
                        InstanceMethod<&Executor::close>("close")});
  }

  // new Executor(eventFd, threads, owned, journal): `owned` are descriptors (or -1) that are closed with it; `journal` has a number
  // for each job, or there is none.
  explicit Executor(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Executor>(info) {
    if (IsEmpty()) return;  // in a thread that is being terminated no object can be made: there is none to refer to
    Numbers numbers(info);
    event_fd_ = numbers.i32(0);
    base_ = threads_max_ = numbers.u32(1);
    if (!numbers.valid()) return;
    owned_ = view_data<int32_t>(info[2], 0);
    if (owned_ == nullptr) return;
    owned_count_ = info[2].As<Napi::TypedArray>().ElementLength();
    keep_owned_ = Napi::Persistent(info[2].As<Napi::Object>());
    if (info[3].IsTypedArray()) {
      journal_ = view_data<double>(info[3], 0);
      if (journal_ == nullptr) return;
      journal_size_ = info[3].As<Napi::TypedArray>().ElementLength();
      keep_journal_ = Napi::Persistent(info[3].As<Napi::Object>());
    }
    can_interrupt_ = install_interrupt();
    napi_add_env_cleanup_hook(info.Env(), on_environment_end, this);
    hooked_ = true;
    Ref();  // close() or the environment's end lets it be collected
  }

  ~Executor() override { stop(); }

 private:
  static void on_environment_end(void* data) {
    auto* self = static_cast<Executor*>(data);
    self->hooked_ = false;
    self->stop();
  }

  static void* start(void* runner) {
    auto* self = static_cast<Runner*>(runner);
    self->executor->work(self);
    return nullptr;
  }

  void work(Runner* self) {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int signal : {interrupt_signal(), SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT}) {
      sigdelset(&blocked, signal);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      while (queue_.empty() && !stopping_ && alive_ <= base_) {
        idle_++;
        pthread_cond_wait(&work_, mutex_.native_handle());
        idle_--;
      }
      // Threads that a stuck queue called for go as soon as they have nothing to do.
      if (stopping_ || queue_.empty()) break;
      const Call call = queue_.front();
      queue_.pop_front();
      self->job = call.job;
      note(call.job, std::numeric_limits<double>::infinity());
      lock.unlock();
      const int64_t result = perform(call.number, call.arguments);
      note(call.job, static_cast<double>(result));
      lock.lock();
      self->job = kNoJob;
      finish({call.job, result});
    }
    self->over = true;
    alive_--;
  }

  void note(uint32_t job, double how) {
    if (job < journal_size_) journal_[job] = how;
  }

  // With the mutex held.
  void finish(Done done) {
    done_.push_back(done);
    if (done_.size() > 1) return;  // signalled already
    const uint64_t one = 1;
    (void)!write(event_fd_, &one, sizeof one);
  }

  // With the mutex held. Threads are made when there is work that no idle one will take.
  void summon() {
    for (auto runner = runners_.begin(); runner != runners_.end();) {
      if (!runner->over) {
        ++runner;
        continue;
      }
      pthread_join(runner->thread, nullptr);  // it has let go of the mutex for good
      runner = runners_.erase(runner);
    }
    for (size_t wanted = queue_.size(); wanted > idle_ && alive_ < threads_max_; wanted--) {
      Runner* runner = &runners_.emplace_back(Runner{this});
      if (pthread_create(&runner->thread, nullptr, start, runner) != 0) {
        runners_.pop_back();
        break;
      }
      alive_++;
    }
    if (alive_ > 0) return;
    // Not one thread can be made: an answer all the same.
    for (const Call& call : queue_) finish({call.job, -EAGAIN});
    queue_.clear();
  }

  // run(calls, count): takes `count` calls of kCallNumbers numbers each.
  Napi::Value run(const Napi::CallbackInfo& info) {
    Numbers numbers(info);
    const uint32_t count = numbers.u32(1);
    if (!numbers.valid()) return info.Env().Undefined();
    const double* calls = view_data<double>(info[0], count * kCallNumbers);
    if (calls == nullptr) return info.Env().Undefined();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return info.Env().Undefined();
      for (uint32_t index = 0; index < count; index++) {
        const double* given = calls + index * kCallNumbers;
        Call call = {static_cast<uint32_t>(given[0]), static_cast<int64_t>(given[1]), {}};
        for (size_t at = 0; at < 6; at++) call.arguments[at] = static_cast<int64_t>(given[2 + at]);
        note(call.job, std::numeric_limits<double>::quiet_NaN());
        queue_.push_back(call);
      }
      summon();
    }
    for (uint32_t index = 0; index < count; index++) pthread_cond_signal(&work_);
    return info.Env().Undefined();
  }

  // finished(results): puts job and result of what is over into `results`, as many as fit; returns how many.
  Napi::Value finished(const Napi::CallbackInfo& info) {
    double* results = view_data<double>(info[0], 2);
    if (results == nullptr) return info.Env().Undefined();
    const size_t room = info[0].As<Napi::TypedArray>().ElementLength() / 2;
    std::lock_guard<std::mutex> lock(mutex_);
    const size_t count = done_.size() < room ? done_.size() : room;
    for (size_t index = 0; index < count; index++) {
      results[index * 2] = done_[index].job;
      results[index * 2 + 1] = static_cast<double>(done_[index].result);
    }
    done_.erase(done_.begin(), done_.begin() + static_cast<std::ptrdiff_t>(count));
    return Napi::Number::New(info.Env(), static_cast<double>(count));
  }

  // interrupt(job): 0: it had not begun and never will; 1: its thread was interrupted; 2: nothing to interrupt.
  Napi::Value interrupt(const Napi::CallbackInfo& info) {
    Numbers numbers(info);
    const uint32_t job = numbers.u32(0);
    if (!numbers.valid()) return info.Env().Undefined();
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto call = queue_.begin(); call != queue_.end(); ++call) {
      if (call->job != job) continue;
      queue_.erase(call);
      return Napi::Number::New(info.Env(), 0);
    }
    for (Runner& runner : runners_) {
      if (runner.job != job || !can_interrupt_) continue;
      pthread_kill(runner.thread, interrupt_signal());  // it cannot end meanwhile: that takes the mutex
      return Napi::Number::New(info.Env(), 1);
    }
    return Napi::Number::New(info.Env(), 2);
  }

  // grow(threadsMax): returns how many calls wait for a thread.
  Napi::Value grow(const Napi::CallbackInfo& info) {
    Numbers numbers(info);
    const uint32_t threads_max = numbers.u32(0);
    if (!numbers.valid()) return info.Env().Undefined();
    std::lock_guard<std::mutex> lock(mutex_);
    threads_max_ = threads_max;
    if (!stopping_) summon();
    return Napi::Number::New(info.Env(), static_cast<double>(queue_.size()));
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (hooked_) {
      hooked_ = false;
      napi_remove_env_cleanup_hook(info.Env(), on_environment_end, this);
      stop();
      keep_owned_.Reset();
      keep_journal_.Reset();
      Unref();
    }
    return info.Env().Undefined();
  }

  // Ends all threads, and waits for them: what they are doing writes to memory that may be freed afterwards. A signal may
  // come just before a call begins to wait, so it is sent again and again.
  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      queue_.clear();
    }
    pthread_cond_broadcast(&work_);
    for (;;) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (alive_ == 0) break;
        for (Runner& runner : runners_) {
          if (runner.job != kNoJob && can_interrupt_) pthread_kill(runner.thread, interrupt_signal());
        }
      }
      usleep(kAgainUs);
    }
    for (Runner& runner : runners_) pthread_join(runner.thread, nullptr);
    runners_.clear();
    for (size_t index = 0; index < owned_count_; index++) {
      if (owned_[index] >= 0) ::close(owned_[index]);
    }
    owned_count_ = 0;
  }

  std::mutex mutex_;
  // Not std::condition_variable, whose code in libstdc++ brings all of exception handling into a prebuilt binary.
  pthread_cond_t work_ = PTHREAD_COND_INITIALIZER;
  std::deque<Call> queue_;
  std::vector<Done> done_;
  std::list<Runner> runners_;
  size_t idle_ = 0, alive_ = 0, base_ = 0, threads_max_ = 0;
  bool stopping_ = false;
  bool can_interrupt_ = false;
  bool hooked_ = false;
  int event_fd_ = -1;
  int32_t* owned_ = nullptr;
  size_t owned_count_ = 0;
  Napi::ObjectReference keep_owned_;
  double* journal_ = nullptr;
  size_t journal_size_ = 0;
  Napi::ObjectReference keep_journal_;
};

// call(number, a, b, c, d, e, f): a system call that does not block, here and now; a value or -errno.
Napi::Value call_now(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int64_t number = static_cast<int64_t>(numbers.u64(0));
  int64_t arguments[6];
  for (size_t at = 0; at < 6; at++) arguments[at] = static_cast<int64_t>(numbers.u64(at + 1));
  if (!numbers.valid()) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(perform(number, arguments)));
}

#define CALLS(X)                                                                                                       \
  X(accept4) X(bind) X(close) X(connect) X(epoll_create1) X(epoll_ctl) X(epoll_pwait) X(fadvise64) X(fallocate) \
  X(fcntl) X(fdatasync) X(fgetxattr) X(fsetxattr) X(fsync) X(ftruncate) X(getsockname) X(getpeername) X(getsockopt)     \
  X(getxattr) X(ioctl) X(linkat) X(listen) X(madvise) X(mkdirat) X(openat) X(openat2) X(pipe2) X(ppoll) X(preadv2)      \
  X(pwritev2) X(recvfrom) X(recvmsg) X(renameat2) X(sendmsg) X(sendto) X(setsockopt) X(setxattr)       \
  X(shutdown) X(socket) X(splice) X(statx) X(symlinkat) X(sync_file_range) X(syncfs) X(tee) X(unlinkat) \
  X(clock_gettime)

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

// callNumbers(): system calls by name, as numbered on this architecture.
Napi::Value call_numbers(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("copy", Napi::Number::New(info.Env(), kCopy));
#define X(name) out.Set(#name, Napi::Number::New(info.Env(), SYS_##name));
  CALLS(X)
#undef X
  return out;
}

}  // namespace

void define_executor(Napi::Env env, Napi::Object exports) {
  exports.Set("Executor", Executor::define(env));
  exports.Set("call", Napi::Function::New<call_now>(env));
  exports.Set("callNumbers", Napi::Function::New<call_numbers>(env));
}
