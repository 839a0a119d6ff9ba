// Who holds a ring. Its descriptors and mappings belong to the process and are counted in the control block: a ring
// outlives the worker that made it, and whoever lets go last closes it. When an environment dies (worker.terminate(),
// process exit) its holds are released here, and a client's ring is first brought to rest, because the buffers that the
// kernel still writes to are freed with the environment.
#include "addon.h"

#include <sys/mman.h>
#include <time.h>

#include <set>

namespace {

constexpr uint64_t kQuiesceDeadlineNs = 2'000'000'000;
constexpr uint8_t kOpClose = 19;
constexpr int32_t kCanceled = -125;

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

uint32_t load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

// How many requests are over with this CQE, which is their last: its own, and those of its chain that get none of their own.
uint32_t stands_for(const RingHold& hold, uint32_t slot) {
  return hold.credits != nullptr && slot < hold.slots ? hold.credits[slot] : 1;
}

// What an environment that ends leaves behind: its own descriptors, and those that the kernel has made for it and it has not heard of.
struct Estate {
  uint8_t* owned;
  size_t owned_count;
  std::set<int32_t> unheard;
};

// A CQE that nobody has seen: it may be all that is known of a descriptor, or say that one is closed, whose number is another's by now.
void inherit(const RingHold& hold, const uint32_t* cqe, Estate& estate) {
  const uint32_t slot = cqe[0];
  const int32_t result = static_cast<int32_t>(cqe[2]);
  if (hold.descriptors == nullptr || slot >= hold.slots || hold.descriptors[slot] != static_cast<int32_t>(cqe[1])) return;
  if (hold.opcodes[slot] != kOpClose) {
    if (result > 0) estate.unheard.insert(result);
    return;
  }
  const size_t closed = static_cast<size_t>(hold.tags[slot]);
  if (result != kCanceled && closed < estate.owned_count && estate.owned[closed] == kClosing)
    estate.owned[closed] = kNotOwned;
}

// Consumes what has completed; returns how many requests are over (a CQE with F_MORE is followed by another).
int32_t consume(RingHold& hold, Estate& estate) {
  uint32_t* head_word = hold.words + hold.cq_head;
  uint32_t head = *head_word, over = 0;
  const uint32_t tail = load(hold.words + hold.cq_tail);
  for (; head != tail; head++) {
    const uint32_t* cqe = hold.words + hold.cqes + ((head & hold.cq_mask) << 2);
    if ((cqe[3] & (1u << 1)) == 0) over += stands_for(hold, cqe[0]);
    inherit(hold, cqe, estate);
  }
  __atomic_store_n(head_word, head, __ATOMIC_RELEASE);
  return static_cast<int32_t>(over);
}

// Without a kernel it is another thread that writes to the environment's buffers: its poller stops, and says when it has. A poller that
// is gone has ended its threads; then this hold is the last.
void quiesce_without_kernel(RingControl* control) {
  const uint64_t deadline = now_ns() + kQuiesceDeadlineNs;
  const uint64_t one = 1;
  int32_t running = 0;
  __atomic_compare_exchange_n(&control->stop, &running, kAbandoned, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  const int wake = __atomic_load_n(&control->wake_fd, __ATOMIC_ACQUIRE);
  if (wake >= 0) (void)!write(wake, &one, sizeof one);
  while (__atomic_load_n(&control->stop, __ATOMIC_ACQUIRE) != kStopped &&
         __atomic_load_n(&control->refs, __ATOMIC_ACQUIRE) > 1 && now_ns() < deadline)
    usleep(200);
  if (__atomic_load_n(&control->stop, __ATOMIC_ACQUIRE) == kStopped) control->in_flight = 0;
}

// Cancels everything and waits, up to a deadline, until the kernel owns none of the environment's buffers.
void quiesce(RingHold& hold, Estate& estate) {
  const int fd = __atomic_load_n(&hold.control->ring_fd, __ATOMIC_ACQUIRE);
  int32_t left = hold.control->in_flight;
  if (hold.words == nullptr || left <= 0) return;
  if (fd < 0) {
    quiesce_without_kernel(hold.control);
    consume(hold, estate);
    return;
  }
  left -= consume(hold, estate);
  const uint64_t deadline = now_ns() + kQuiesceDeadlineNs;
  while (left > 0 && now_ns() < deadline) {
    // What was published and not consumed yet goes in too: a poller in another thread could still take it when the
    // buffers have gone. What the kernel has had can be cancelled, and waited for.
    if (!hold.sqpoll) uring_enter(fd, load(hold.words + hold.sq_tail) - load(hold.words + hold.sq_head), 0, 0);
    uring::sync_cancel_reg cancel = {};
    cancel.fd = -1;
    cancel.flags = (1u << 0) | (1u << 2);  // ALL | ANY
    cancel.timeout = {0, 10'000'000};
    uring_register(fd, 24, &cancel, 1);  // -ENOENT, -ETIME: the wait below decides
    uring_enter(fd, 0, 0, hold.sqpoll ? 3u : 1u);  // GETEVENTS (and SQ_WAKEUP): flushes an overflow, runs task work
    left -= consume(hold, estate);
    if (left > 0) usleep(200);
  }
  hold.control->in_flight = left > 0 ? left : 0;
}

void close_once(int32_t* fd_word) {
  const int32_t fd = __atomic_exchange_n(fd_word, -1, __ATOMIC_ACQ_REL);
  if (fd >= 0) close(fd);
}

void unmap_once(uint64_t* address_word, uint64_t bytes) {
  const uint64_t address = __atomic_exchange_n(address_word, 0, __ATOMIC_ACQ_REL);
  if (address != 0) munmap(reinterpret_cast<void*>(address), bytes);
}

// Lets go of a hold; true when it was the last and the ring was closed.
bool release(RingHold& hold) {
  RingControl* control = hold.control;
  if (control == nullptr) return false;
  hold.control = nullptr;
  hold.words = nullptr;
  if (__atomic_sub_fetch(&control->refs, 1, __ATOMIC_ACQ_REL) != 0) return false;
  close_once(&control->ring_fd);
  close_once(&control->event_fd);
  close_once(&control->wake_fd);
  unmap_once(&control->map_ring_address, control->map_ring_bytes);
  unmap_once(&control->map_sqes_address, control->map_sqes_bytes);
  return true;
}

// One cleanup hook per environment, so that releasing a hold by hand leaves no hook behind.
void on_environment_end(AddonData* data) {
  Estate estate = {data->owned_descriptors, data->owned_count, {}};
  for (auto& [number, hold] : data->holds) {
    if (hold->control != nullptr && hold->words != nullptr) quiesce(*hold, estate);
    release(*hold);
  }
  data->holds.clear();
  // A thread that is terminated has no say in it: its files are nobody's from here on. Each number once: what it has heard of last may be
  // its own already.
  for (size_t fd = 0; fd < estate.owned_count; fd++) {
    if (estate.owned[fd] != kNotOwned) estate.unheard.insert(static_cast<int32_t>(fd));
  }
  for (const int32_t fd : estate.unheard) close(fd);
  data->keep_owned.Reset();
}

// A column of the slot table; null where it is missing or not as long as the first one.
template <typename T>
const T* column(const Napi::Object& table, const char* name, RingHold& hold, Napi::ObjectReference& keep) {
  const Napi::Value value = table.Get(name);
  const T* data = value.IsTypedArray() ? view_data<T>(value, hold.slots) : nullptr;
  if (data == nullptr) return nullptr;
  if (hold.slots == 0) hold.slots = static_cast<uint32_t>(value.As<Napi::TypedArray>().ElementLength());
  keep = Napi::Persistent(value.As<Napi::Object>());
  return data;
}

// hold(control, words | null, offsets | null, sqpoll, slots?): counts this environment in and returns the hold's number.
// offsets: Int32Array of word indexes: cqHead, cqTail, cqMask (a value), cqes, sqHead, sqTail.
// slots: the client's SlotTable; without it, each completion stands for one request, and none makes descriptors.
Napi::Value hold_ring(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto hold = std::make_unique<RingHold>();
  hold->control = view_data<RingControl>(info[0], 1);
  if (hold->control == nullptr) return env.Undefined();
  if (info[1].IsTypedArray()) {
    const int32_t* offsets = view_data<int32_t>(info[2], 6);
    if (offsets == nullptr) return env.Undefined();
    hold->cq_head = static_cast<uint32_t>(offsets[0]);
    hold->cq_tail = static_cast<uint32_t>(offsets[1]);
    hold->cq_mask = static_cast<uint32_t>(offsets[2]);
    hold->cqes = static_cast<uint32_t>(offsets[3]);
    hold->sq_head = static_cast<uint32_t>(offsets[4]);
    hold->sq_tail = static_cast<uint32_t>(offsets[5]);
    hold->words = view_data<uint32_t>(info[1], hold->cqes + (static_cast<size_t>(hold->cq_mask) + 1) * 4);
    if (hold->words == nullptr) return env.Undefined();
    hold->keep_words = Napi::Persistent(info[1].As<Napi::Object>());
  }
  napi_get_value_bool(env, info[3], &hold->sqpoll);
  if (info[4].IsObject()) {
    const Napi::Object table = info[4].As<Napi::Object>();
    hold->credits = column<uint16_t>(table, "credits", *hold, hold->keep_credits);
    hold->opcodes = column<uint8_t>(table, "opcode", *hold, hold->keep_opcodes);
    hold->descriptors = column<int32_t>(table, "descriptors", *hold, hold->keep_descriptors);
    hold->tags = column<int32_t>(table, "tag", *hold, hold->keep_tags);
    if (hold->opcodes == nullptr || hold->tags == nullptr) hold->descriptors = nullptr;
  }
  hold->keep_control = Napi::Persistent(info[0].As<Napi::Object>());
  __atomic_add_fetch(&hold->control->refs, 1, __ATOMIC_ACQ_REL);
  AddonData* data = addon_data(env);
  const uint32_t number = data->next_hold++;
  data->holds.emplace(number, std::move(hold));
  return Napi::Number::New(env, number);
}

// release(number): true when the ring was closed with it. Repeating it does nothing.
Napi::Value release_ring(const Napi::CallbackInfo& info) {
  Numbers numbers(info);
  const uint32_t number = numbers.u32(0);
  if (!numbers.valid()) return info.Env().Undefined();
  auto& holds = addon_data(info.Env())->holds;
  const auto found = holds.find(number);
  if (found == holds.end()) return Napi::Boolean::New(info.Env(), false);
  const bool closed = release(*found->second);
  holds.erase(found);
  return Napi::Boolean::New(info.Env(), closed);
}

// ownDescriptors(owned): what to close when this environment ends, an Owned by number. The view is read then, and kept until then.
Napi::Value own_descriptors(const Napi::CallbackInfo& info) {
  uint8_t* owned = view_data<uint8_t>(info[0], 0);
  if (owned == nullptr) return info.Env().Undefined();
  AddonData* data = addon_data(info.Env());
  data->owned_descriptors = owned;
  data->owned_count = info[0].As<Napi::TypedArray>().ElementLength();
  data->keep_owned = Napi::Persistent(info[0].As<Napi::Object>());
  return info.Env().Undefined();
}

}  // namespace

void define_rings(Napi::Env env, Napi::Object exports) {
  env.AddCleanupHook(on_environment_end, addon_data(env));
  exports.Set("hold", Napi::Function::New<hold_ring>(env));
  exports.Set("release", Napi::Function::New<release_ring>(env));
  exports.Set("ownDescriptors", Napi::Function::New<own_descriptors>(env));
}
