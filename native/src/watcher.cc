// Watcher: runs a callback in this thread's event loop whenever an eventfd is signalled. Ref'd or unref'd by the caller:
// a ring with nothing in flight must not keep the process alive. The uv handle outlives the JavaScript object until
// libuv has closed it, also when the environment is torn down.
#include "addon.h"

#include <uv.h>

namespace {

class Watcher;

// Owned by libuv from uv_poll_init until the close callback, which frees it.
struct PollHandle {
  uv_poll_t poll;
  Watcher* watcher;  // null once closing
  int fd;
  napi_async_cleanup_hook_handle hook;
};

class Watcher : public Napi::ObjectWrap<Watcher> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Watcher",
                       {InstanceMethod<&Watcher::ref>("ref"), InstanceMethod<&Watcher::unref>("unref"),
                        InstanceMethod<&Watcher::close>("close")});
  }

  // new Watcher(eventFd, callback): starts unref'd.
  explicit Watcher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Watcher>(info) {
    if (IsEmpty()) return;  // in a thread that is being terminated no object can be made: there is none to refer to
    Napi::Env env = info.Env();
    if (!info[0].IsNumber() || !info[1].IsFunction()) {
      Napi::TypeError::New(env, "expected a descriptor and a function").ThrowAsJavaScriptException();
      return;
    }
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    handle_ = new PollHandle();
    handle_->watcher = this;
    handle_->fd = info[0].As<Napi::Number>().Int32Value();
    const int status = uv_poll_init(loop, &handle_->poll, handle_->fd);
    if (status != 0) {
      delete handle_;
      handle_ = nullptr;
      Napi::Error::New(env, uv_strerror(status)).ThrowAsJavaScriptException();
      return;
    }
    callback_ = Napi::Persistent(info[1].As<Napi::Function>());
    context_ = std::make_unique<Napi::AsyncContext>(env, "ringmaster:eventfd");
    handle_->poll.data = handle_;
    uv_poll_start(&handle_->poll, UV_READABLE, on_readable);
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
    napi_add_async_cleanup_hook(env, on_environment_end, handle_, &handle_->hook);
    Ref();  // watched means alive: only close() or the environment's end lets it be collected
  }

  ~Watcher() override { close_handle(); }

 private:
  static void on_readable(uv_poll_t* poll, int, int) {
    auto* handle = static_cast<PollHandle*>(poll->data);
    uint64_t count = 0;
    (void)!read(handle->fd, &count, sizeof count);  // resets it; EAGAIN: somebody else did
    Watcher* self = handle->watcher;
    if (self == nullptr) return;
    Napi::Env env = self->Env();
    Napi::HandleScope scope(env);
    // Drains microtasks, as any event of the loop does. An exception goes to 'uncaughtException'; Function::MakeCallback
    // would leave it pending in this environment, where every later call fails of it and nobody is told.
    const napi_status status =
        napi_make_callback(env, *self->context_, env.Global(), self->callback_.Value(), 0, nullptr, nullptr);
    bool thrown = false;
    napi_value error = nullptr;
    if (status != napi_pending_exception || napi_is_exception_pending(env, &thrown) != napi_ok || !thrown) return;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }

  static void on_closed(uv_handle_t* poll) {
    auto* handle = static_cast<PollHandle*>(poll->data);
    napi_remove_async_cleanup_hook(handle->hook);
    delete handle;
  }

  static void on_environment_end(napi_async_cleanup_hook_handle, void* data) {
    auto* handle = static_cast<PollHandle*>(data);
    if (handle->watcher != nullptr) handle->watcher->close_handle();
    // else: already closing; on_closed removes the hook
  }

  void close_handle() {
    if (handle_ == nullptr) return;
    handle_->watcher = nullptr;
    uv_poll_stop(&handle_->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), on_closed);
    handle_ = nullptr;
  }

  Napi::Value ref(const Napi::CallbackInfo& info) {
    if (handle_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
    return info.Env().Undefined();
  }

  Napi::Value unref(const Napi::CallbackInfo& info) {
    if (handle_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
    return info.Env().Undefined();
  }

  // Stops watching; the descriptor is the caller's. Safe to repeat.
  Napi::Value close(const Napi::CallbackInfo& info) {
    if (handle_ != nullptr) {
      close_handle();
      callback_.Reset();
      Unref();
    }
    return info.Env().Undefined();
  }

  PollHandle* handle_ = nullptr;
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

}  // namespace

void define_watcher(Napi::Env env, Napi::Object exports) { exports.Set("Watcher", Watcher::define(env)); }
