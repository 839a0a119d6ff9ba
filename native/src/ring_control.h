// The control block of a ring: what the threads that share a ring share about it, in shared memory.
// The names and numbers of native/layout.ts. Change both; table.cc exports these and a test compares them.
//
//   refs       how many environments (threads) hold the ring; whoever takes it to 0 closes the descriptors
//   *_fd       process-wide descriptors, -1 when closed; taken with an atomic exchange so that none is closed twice
//   in_flight  entries published whose last CQE the client has not reaped: what must come in before memory may be freed
//   stop       a Stop of layout.ts: tells a poller inside native code to return; a poller without a kernel answers when it has
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

struct RingControl {
  uint32_t version;
  int32_t refs;
  int32_t ring_fd;
  int32_t event_fd;
  int32_t wake_fd;
  uint32_t reserved0;
  uint64_t map_ring_address;
  uint64_t map_ring_bytes;
  uint64_t map_sqes_address;
  uint64_t map_sqes_bytes;
  uint8_t pad0[128 - 56];
  int32_t stop;  // written by the client, read by the poller; kStopped is the poller's answer
  uint8_t pad1[128 - 4];
  int32_t in_flight;  // written by the client only
  uint8_t pad2[128 - 4];
  int32_t heartbeat;  // written by the ring worker only
  uint8_t pad3[128 - 4];
};

constexpr int32_t kAbandoned = 2;  // the client's thread ends with requests under way
constexpr int32_t kStopped = 3;    // nothing is being done any more, and nothing is written to

constexpr uint32_t kRingControlVersion = 1;
static_assert(sizeof(RingControl) == 512 && offsetof(RingControl, stop) == 128);
static_assert(offsetof(RingControl, in_flight) == 256 && offsetof(RingControl, heartbeat) == 384);
