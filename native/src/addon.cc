// The addon's entry point: one environment's state, and the list of what is exported. Declared for TypeScript in
// native/binding.ts, which is its only loader.
#include "addon.h"

AddonData* addon_data(Napi::Env env) { return env.GetInstanceData<AddonData>(); }

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData<AddonData>(new AddonData());
  define_table(env, exports);
  define_syscalls(env, exports);
  define_rings(env, exports);
  define_watcher(env, exports);
  define_poller(env, exports);
  define_executor(env, exports);
  return exports;
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
