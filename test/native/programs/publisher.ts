// The client of a ring that another thread polls: publishes nops in bursts and pauses that the seed decides, wakes the poller if it
// says that it sleeps, and waits for what it published, which it counts. With `endless` it publishes without a pause until it is told to end.
import { parentPort, workerData } from 'node:worker_threads'
import { binding } from '../../../native/binding.ts'
import { Control } from '../../../native/layout.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { prepNop } from '../../../native/operations/control.ts'
import { viewRing } from '../../../native/ring-memory.ts'
import type { RingGeometry } from '../../../native/ring-geometry.ts'
import { randomFrom } from '../support/random.ts'
import { pauseMs } from '../support/rings.ts'

interface Task {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly geometry: RingGeometry
  readonly shared: Int32Array
  readonly seed: number
  readonly endless?: boolean
  readonly total: number
  readonly wakeFd: number
  readonly control: Int32Array
}

const task = workerData as Task
const { ring } = viewRing(task.memory, task.place, task.geometry)
const addon = binding()
const random = randomFrom(task.seed)
const seen = new Uint8Array(task.endless === true ? 0 : task.total)
let published = 0
let completed = 0
let wakeups = 0

function reap(): void {
  for (let left = ring.ready(); left > 0; left--) {
    const at = ring.take()
    if (seen.length > 0) seen[ring.words[at]!]! += 1
    completed++
  }
  ring.release()
}

function publish(count: number): void {
  for (; count > 0 && ring.hasRoom(1) && published - completed < ring.cqEntries; count--) {
    const at = ring.reserve()
    prepNop(ring.sqes, at, 0)
    ring.sqes[at + 8] = published++
  }
  ring.publish()
}

if (task.endless === true) {
  parentPort!.postMessage('ready')
  while (Atomics.load(task.shared, 0) === 0) {
    publish(ring.sqEntries)
    reap()
  }
} else {
  const patienceMs = 20_000
  let lost = false
  while (completed < task.total && !lost) {
    publish(Math.min(1 + random.below(ring.sqEntries), task.total - published))
    // Asked once for each publication and never again: a sleeper that this misses sleeps for good.
    if (ring.needsWakeup()) {
      addon.signal(task.wakeFd)
      wakeups++
    }
    const startedMs = performance.now()
    while (completed < published && !lost) {
      reap()
      lost = performance.now() - startedMs > patienceMs
    }
    // Now nothing, now just about as long as the poller spins, now long enough for it to sleep.
    if (random.below(40) === 0) pauseMs(random.next())
    else for (let spin = random.below(2000); spin > 0; spin--) Atomics.load(task.shared, 0)
  }
  Atomics.store(task.control, Control.stop >> 2, 1)
  addon.signal(task.wakeFd)
  parentPort!.postMessage({ completed, wakeups, doubled: seen.filter((times) => times > 1).length })
}
