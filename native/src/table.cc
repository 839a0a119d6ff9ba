// table(): every struct offset, size and constant as compiled, by name. native/abi.ts and native/layout.ts are compared
// with it field by field by a test, so that TypeScript and C++ cannot drift apart unnoticed.
#include "addon.h"

static Napi::Value table(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  const auto put = [&](const char* name, double value) { out.Set(name, Napi::Number::New(info.Env(), value)); };
#define SIZE(type, name) put("sizeof " name, sizeof(type));
#define FIELD(type, name, field) put(name "." #field, offsetof(type, field));

  SIZE(uring::sqe, "io_uring_sqe")
#define F(field) FIELD(uring::sqe, "io_uring_sqe", field)
  F(opcode) F(flags) F(ioprio) F(fd) F(off) F(addr) F(len) F(op_flags) F(user_data) F(buf_index) F(personality)
  F(file_index) F(addr3)
#undef F
  SIZE(uring::cqe, "io_uring_cqe")
#define F(field) FIELD(uring::cqe, "io_uring_cqe", field)
  F(user_data) F(res) F(flags)
#undef F
  SIZE(uring::params, "io_uring_params")
#define F(field) FIELD(uring::params, "io_uring_params", field)
  F(sq_entries) F(cq_entries) F(flags) F(sq_thread_cpu) F(sq_thread_idle) F(features) F(wq_fd) F(sq_off) F(cq_off)
#undef F
  SIZE(uring::sqring_offsets, "io_sqring_offsets")
#define F(field) FIELD(uring::sqring_offsets, "io_sqring_offsets", field)
  F(head) F(tail) F(ring_mask) F(ring_entries) F(flags) F(dropped) F(array) F(user_addr)
#undef F
  SIZE(uring::cqring_offsets, "io_cqring_offsets")
#define F(field) FIELD(uring::cqring_offsets, "io_cqring_offsets", field)
  F(head) F(tail) F(ring_mask) F(ring_entries) F(overflow) F(cqes) F(flags) F(user_addr)
#undef F
  SIZE(uring::rsrc_register, "io_uring_rsrc_register")
#define F(field) FIELD(uring::rsrc_register, "io_uring_rsrc_register", field)
  F(nr) F(flags) F(data) F(tags)
#undef F
  SIZE(uring::rsrc_update2, "io_uring_rsrc_update2")
#define F(field) FIELD(uring::rsrc_update2, "io_uring_rsrc_update2", field)
  F(offset) F(data) F(tags) F(nr)
#undef F
  SIZE(uring::clone_buffers, "io_uring_clone_buffers")
#define F(field) FIELD(uring::clone_buffers, "io_uring_clone_buffers", field)
  F(src_fd) F(flags) F(src_off) F(dst_off) F(nr)
#undef F
  SIZE(uring::probe, "io_uring_probe")
  SIZE(uring::probe_op, "io_uring_probe_op")
#define F(field) FIELD(uring::probe, "io_uring_probe", field)
  F(last_op) F(ops_len)
#undef F
#define F(field) FIELD(uring::probe_op, "io_uring_probe_op", field)
  F(op) F(flags)
#undef F
  SIZE(uring::open_how, "open_how")
#define F(field) FIELD(uring::open_how, "open_how", field)
  F(flags) F(mode) F(resolve)
#undef F
  SIZE(uring::statx, "statx")
#define F(field) FIELD(uring::statx, "statx", field)
  F(stx_mask) F(stx_blksize) F(stx_nlink) F(stx_uid) F(stx_gid) F(stx_mode) F(stx_ino) F(stx_size) F(stx_blocks)
  F(stx_atime) F(stx_btime) F(stx_ctime) F(stx_mtime) F(stx_rdev_major) F(stx_rdev_minor) F(stx_dev_major)
  F(stx_dev_minor)
#undef F
  SIZE(RingControl, "RingControl")
#define F(field) FIELD(RingControl, "RingControl", field)
  F(version) F(refs) F(ring_fd) F(event_fd) F(wake_fd) F(map_ring_address) F(map_ring_bytes) F(map_sqes_address)
  F(map_sqes_bytes) F(stop) F(in_flight) F(heartbeat)
#undef F
  put("RingControl version", kRingControlVersion);

#define C(prefix, name, value) put(prefix #name, value);
#define X(name, value) C("IORING_OP_", name, value)
  URING_OPCODES(X)
#undef X
#define X(name, value) C("IORING_SETUP_", name, value)
  URING_SETUP_FLAGS(X)
#undef X
#define X(name, value) C("IORING_FEAT_", name, value)
  URING_FEATURES(X)
#undef X
#define X(name, value) C("IORING_ENTER_", name, value)
  URING_ENTER_FLAGS(X)
#undef X
#define X(name, value) C("IORING_SQ_", name, value)
  URING_SQ_FLAGS(X)
#undef X
#define X(name, value) C("IORING_CQE_F_", name, value)
  URING_CQE_FLAGS(X)
#undef X
#define X(name, value) C("IOSQE_", name, value)
  URING_SQE_FLAGS(X)
#undef X
#define X(name, value) C("IORING_ASYNC_CANCEL_", name, value)
  URING_CANCEL_FLAGS(X)
#undef X
#define X(name, value) C("IORING_", name, value)
  URING_REGISTER_OPCODES(X)
#undef X
#define X(name, value) C("", name, value)
  URING_OTHERS(X) URING_FILE_CONSTANTS(X)
#undef X
  return out;
}

void define_table(Napi::Env env, Napi::Object exports) { exports.Set("table", Napi::Function::New<table>(env)); }
