// What the parts of the addon share: state of one JavaScript environment (thread) and the system calls.
#pragma once

#define NAPI_VERSION 8
#include <napi.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring_control.h"
#include "uring_abi.h"

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif

// Raw system calls; results are the kernel's: a value or -errno.
inline long uring_result(long result) { return result < 0 ? -errno : result; }
inline long uring_setup(uint32_t entries, uring::params* params) {
  return uring_result(syscall(__NR_io_uring_setup, entries, params));
}
inline long uring_enter(int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags) {
  return uring_result(syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags, nullptr, 0));
}
inline long uring_register(int fd, uint32_t opcode, const void* argument, uint32_t count) {
  return uring_result(syscall(__NR_io_uring_register, fd, opcode, argument, count));
}

// A ring as one environment holds it. `keep` references the views so that the memory outlives the hold.
struct RingHold {
  RingControl* control = nullptr;
  uint32_t* words = nullptr;  // ring header and CQEs; null where only the control block is held (the worker's side)
  uint32_t cq_head = 0, cq_tail = 0, cq_mask = 0, cqes = 0, sq_head = 0, sq_tail = 0;  // indexes into words
  bool sqpoll = false;
  // By slot, all of the same length; null where the client has none. What they say: workers/slots.ts.
  const uint16_t* credits = nullptr;
  const uint8_t* opcodes = nullptr;
  const int32_t* descriptors = nullptr;
  const int32_t* tags = nullptr;
  uint32_t slots = 0;
  Napi::ObjectReference keep_control, keep_words, keep_credits, keep_opcodes, keep_descriptors, keep_tags;
};

// What is known of a descriptor: not this environment's; its own; its own, and a request to close it is on its way.
enum Owned : uint8_t { kNotOwned = 0, kOwned = 1, kClosing = 2 };

// State of one environment; freed with it. No globals: every thread that loads the addon has its own.
struct AddonData {
  std::map<uint32_t, std::unique_ptr<RingHold>> holds;  // by the hold's number in JavaScript
  uint8_t* owned_descriptors = nullptr;  // by number, an Owned: closed when the environment ends
  size_t owned_count = 0;
  Napi::ObjectReference keep_owned;
  uint32_t next_hold = 0;  // a number is never used again: whoever lets go twice must not let go of somebody else's
};

AddonData* addon_data(Napi::Env env);

void define_table(Napi::Env env, Napi::Object exports);
void define_syscalls(Napi::Env env, Napi::Object exports);
void define_rings(Napi::Env env, Napi::Object exports);
void define_watcher(Napi::Env env, Napi::Object exports);
void define_poller(Napi::Env env, Napi::Object exports);
void define_executor(Napi::Env env, Napi::Object exports);

// Arguments are checked in TypeScript; these throw a TypeError where a caller got one wrong all the same.
//
// Numbers are read as they are: ToNumber() would run JavaScript, which a thread that is being terminated cannot do.
class Numbers {
 public:
  explicit Numbers(const Napi::CallbackInfo& info) : info_(info) {}

  int32_t i32(size_t index) { return read<int32_t>(index, napi_get_value_int32); }
  uint32_t u32(size_t index) { return read<uint32_t>(index, napi_get_value_uint32); }
  uint64_t u64(size_t index) { return static_cast<uint64_t>(read<int64_t>(index, napi_get_value_int64)); }

  // Whether all that were read were numbers; else it has thrown.
  bool valid() const {
    if (!valid_) Napi::TypeError::New(info_.Env(), "expected a number").ThrowAsJavaScriptException();
    return valid_;
  }

 private:
  template <typename T>
  T read(size_t index, napi_status (*get)(napi_env, napi_value, T*)) {
    T value = 0;
    if (get(info_.Env(), info_[index], &value) != napi_ok) valid_ = false;
    return value;
  }

  const Napi::CallbackInfo& info_;
  bool valid_ = true;
};

template <typename T>
T* view_data(const Napi::Value& value, size_t min_elements) {
  void* data = nullptr;
  size_t bytes = 0;
  if (value.IsTypedArray()) {
    napi_typedarray_type type;
    size_t length = 0;
    if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok) return nullptr;
    bytes = value.As<Napi::TypedArray>().ByteLength();
  } else if (value.IsDataView()) {
    if (napi_get_dataview_info(value.Env(), value, &bytes, &data, nullptr, nullptr) != napi_ok) return nullptr;
  } else {
    Napi::TypeError::New(value.Env(), "expected a typed array or a DataView").ThrowAsJavaScriptException();
    return nullptr;
  }
  if (bytes < min_elements * sizeof(T) || (reinterpret_cast<uintptr_t>(data) % alignof(T)) != 0) {
    Napi::RangeError::New(value.Env(), "view too short or misaligned").ThrowAsJavaScriptException();
    return nullptr;
  }
  return static_cast<T*>(data);
}
