// Plain system calls for TypeScript: results are values or -errno, never exceptions. All are cold but enter() and
// signal(), which are called at most once per published batch.
#include "addon.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <vector>

static Napi::Value number(const Napi::CallbackInfo& info, double value) { return Napi::Number::New(info.Env(), value); }

// addressOf(view): where a view's bytes are. The caller keeps the view (not just its buffer's name) alive.
static Napi::Value address_of(const Napi::CallbackInfo& info) {
  const uint8_t* data = view_data<uint8_t>(info[0], 0);
  return number(info, static_cast<double>(reinterpret_cast<uintptr_t>(data)));
}

// setup(entries, params, control): params is a struct io_uring_params, filled and read by TypeScript. The descriptor is
// recorded here, not there: terminate() may end the thread before its next line, and nobody could close it then.
static Napi::Value setup(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const uint32_t entries = numbers.u32(0);
  if (!numbers.valid()) return info.Env().Undefined();
  uring::params* params = view_data<uring::params>(info[1], 1);
  if (params == nullptr) return info.Env().Undefined();
  RingControl* control = view_data<RingControl>(info[2], 1);
  if (control == nullptr) return info.Env().Undefined();
  const long fd = uring_setup(entries, params);
  if (fd >= 0) __atomic_store_n(&control->ring_fd, static_cast<int32_t>(fd), __ATOMIC_RELEASE);
  return number(info, static_cast<double>(fd));
}

// enter(fd, toSubmit, minComplete, flags)
static Napi::Value enter(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int fd = numbers.i32(0);
  const uint32_t to_submit = numbers.u32(1), min_complete = numbers.u32(2), flags = numbers.u32(3);
  if (!numbers.valid()) return info.Env().Undefined();
  return number(info, static_cast<double>(uring_enter(fd, to_submit, min_complete, flags)));
}

// register(fd, opcode, view | null, count)
static Napi::Value register_(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int fd = numbers.i32(0);
  const uint32_t opcode = numbers.u32(1), count = numbers.u32(3);
  if (!numbers.valid()) return info.Env().Undefined();
  const void* argument = nullptr;
  if (!info[2].IsNull()) {
    argument = view_data<uint8_t>(info[2], 0);
    if (info.Env().IsExceptionPending()) return info.Env().Undefined();
  }
  return number(info, static_cast<double>(uring_register(fd, opcode, argument, count)));
}

static Napi::Value eventfd_(const Napi::CallbackInfo& info) {
  return number(info, static_cast<double>(uring_result(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))));
}

// signal(eventFd): add one, which wakes whoever polls it. EAGAIN means it is signalled to the brim already: good.
static Napi::Value signal_(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int fd = numbers.i32(0);
  if (!numbers.valid()) return info.Env().Undefined();
  const uint64_t one = 1;
  return number(info, static_cast<double>(uring_result(write(fd, &one, sizeof one))));
}

static Napi::Value close_fd(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const int fd = numbers.i32(0);
  if (!numbers.valid()) return info.Env().Undefined();
  return number(info, static_cast<double>(uring_result(close(fd))));
}

// map(control, sizeBytes, offsetBytes): maps a part of the ring, which the control block then owns, for the same reason.
// The offset says which part (IORING_OFF_SQ_RING or IORING_OFF_SQES). 0 or -errno.
static Napi::Value map(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const uint64_t bytes = numbers.u64(1);
  const off_t offset = static_cast<off_t>(numbers.u64(2));
  if (!numbers.valid()) return info.Env().Undefined();
  RingControl* control = view_data<RingControl>(info[0], 1);
  if (control == nullptr) return info.Env().Undefined();
  const int fd = __atomic_load_n(&control->ring_fd, __ATOMIC_ACQUIRE);
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  if (address == MAP_FAILED) return number(info, -errno);
  (offset == 0 ? control->map_ring_bytes : control->map_sqes_bytes) = bytes;
  __atomic_store_n(offset == 0 ? &control->map_ring_address : &control->map_sqes_address,
                   reinterpret_cast<uint64_t>(address), __ATOMIC_RELEASE);
  return number(info, 0);
}

// view(address, sizeBytes): an external ArrayBuffer over a mapping. It does not own the mapping (the control block
// counts who does), so it must be detached before the hold is released; detach() does that and is safe to repeat.
static Napi::Value view(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  void* address = reinterpret_cast<void*>(static_cast<uintptr_t>(numbers.u64(0)));
  const size_t bytes = numbers.u64(1);
  if (!numbers.valid()) return info.Env().Undefined();
  napi_value buffer;
  if (napi_create_external_arraybuffer(info.Env(), address, bytes, nullptr, nullptr, &buffer) != napi_ok) {
    Napi::Error::New(info.Env(), "this runtime does not allow external ArrayBuffers").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Value(info.Env(), buffer);
}

static Napi::Value detach(const Napi::CallbackInfo& info) {
  if (info[0].IsArrayBuffer()) info[0].As<Napi::ArrayBuffer>().Detach();
  return info.Env().Undefined();
}

// affinity(): the CPUs this thread may run on. setAffinity(cpus): 0 or -errno.
static Napi::Value affinity(const Napi::CallbackInfo& info) {
  std::vector<unsigned char> bits(8192 / 8, 0);
  const long size = syscall(SYS_sched_getaffinity, 0, bits.size(), bits.data());
  Napi::Array cpus = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (long cpu = 0; size > 0 && cpu < size * 8; cpu++) {
    if (bits[cpu / 8] & (1 << (cpu % 8))) cpus.Set(count++, Napi::Number::New(info.Env(), static_cast<double>(cpu)));
  }
  return cpus;
}

static Napi::Value set_affinity(const Napi::CallbackInfo& info) {
  std::vector<unsigned char> bits(8192 / 8, 0);
  if (!info[0].IsArray()) {
    Napi::TypeError::New(info.Env(), "expected an array of CPU numbers").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const Napi::Array cpus = info[0].As<Napi::Array>();
  for (uint32_t index = 0; index < cpus.Length(); index++) {
    const Napi::Value given = cpus.Get(index);
    const uint32_t cpu = given.IsNumber() ? given.As<Napi::Number>().Uint32Value() : UINT32_MAX;
    if (cpu >= bits.size() * 8) return number(info, -EINVAL);
    bits[cpu / 8] = static_cast<unsigned char>(bits[cpu / 8] | (1 << (cpu % 8)));
  }
  return number(info, static_cast<double>(uring_result(syscall(SYS_sched_setaffinity, 0, bits.size(), bits.data()))));
}

static Napi::Value thread_id(const Napi::CallbackInfo& info) {
  return number(info, static_cast<double>(syscall(SYS_gettid)));
}

void define_syscalls(Napi::Env env, Napi::Object exports) {
  exports.Set("addressOf", Napi::Function::New<address_of>(env));
  exports.Set("setup", Napi::Function::New<setup>(env));
  exports.Set("enter", Napi::Function::New<enter>(env));
  exports.Set("register", Napi::Function::New<register_>(env));
  exports.Set("eventfd", Napi::Function::New<eventfd_>(env));
  exports.Set("signal", Napi::Function::New<signal_>(env));
  exports.Set("closeFd", Napi::Function::New<close_fd>(env));
  exports.Set("map", Napi::Function::New<map>(env));
  exports.Set("view", Napi::Function::New<view>(env));
  exports.Set("detach", Napi::Function::New<detach>(env));
  exports.Set("affinity", Napi::Function::New<affinity>(env));
  exports.Set("setAffinity", Napi::Function::New<set_affinity>(env));
  exports.Set("threadId", Napi::Function::New<thread_id>(env));
}
