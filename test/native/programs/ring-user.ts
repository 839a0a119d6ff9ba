// A thread with a ring of its own: completes as many nops as it is told, with a watcher on the ring's eventfd, and tells how many.
import { parentPort, workerData } from 'node:worker_threads'
import { RegisterOp, SetupFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { prepNop } from '../../../native/operations/control.ts'
import { randomFrom } from '../support/random.ts'
import { openTestRing, reserve } from '../support/rings.ts'

const { seed, operations } = workerData as { readonly seed: number; readonly operations: number }
const random = randomFrom(seed)
const addon = binding()
const { ring, geometry, submit, reap, close } = openTestRing({
  sqEntries: 32,
  flags: random.pick([0, SetupFlag.SQPOLL]),
  memory: random.pick(['user', 'mapped'] as const),
})
const eventFd = addon.eventfd()
addon.register(geometry.ringFd, RegisterOp.REGISTER_EVENTFD, Int32Array.of(eventFd), 1)
let published = 0
let completed = 0
let sum = 0

function publish(): void {
  for (let left = Math.min(1 + random.below(32), operations - published); left > 0 && ring.hasRoom(1); left--) {
    prepNop(ring.sqes, reserve(ring, published++), 0)
  }
  submit()
}

const watcher = new addon.Watcher(eventFd, () => {
  for (const { id } of reap()) {
    completed++
    sum += id
  }
  if (completed < published) return
  if (published < operations) {
    publish()
    return
  }
  watcher.close()
  close()
  addon.closeFd(eventFd)
  parentPort!.postMessage({ completed, sum, threadId: addon.threadId() })
})
watcher.ref()
publish()
