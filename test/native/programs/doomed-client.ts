// Opens a ring and keeps it as busy as the seed says, with reads of a pipe that never come and of a big file that do, with watchers
// and with slices of the poller, until it is terminated, whenever that is.
import { parentPort, workerData } from 'node:worker_threads'
import { EnterFlag, RegisterOp, SetupFlag } from '../../../native/abi.ts'
import { PollState, binding } from '../../../native/binding.ts'
import { Control } from '../../../native/layout.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { prepNop } from '../../../native/operations/control.ts'
import { prepRead } from '../../../native/operations/files.ts'
import { controlWords, openRing, viewRing } from '../../../native/ring-memory.ts'
import { randomFrom } from '../support/random.ts'
import { clientOffsets, controlBytes, reserve } from '../support/rings.ts'

interface Task {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly seed: number
  readonly readFd: number
  readonly fileFd: number
  readonly fileSizeBytes: number
}

const task = workerData as Task
const random = randomFrom(task.seed)
const addon = binding()
const control = controlWords(task.memory, task.place)
const bytes = controlBytes(task.memory, task.place)
const eventFd = Atomics.load(control, Control.event_fd >> 2)
const wakeFd = Atomics.load(control, Control.wake_fd >> 2)
const poller = random.pick(['caller', 'kernel', 'worker'] as const)
const geometry = openRing(task.memory, task.place, {
  sqEntries: 64,
  cqEntries: 128,
  flags: poller === 'kernel' ? SetupFlag.SQPOLL : 0,
  sqThreadIdleMs: 1 + random.below(10),
  sqThreadCpu: -1,
  memory: random.pick(['user', 'mapped'] as const),
})
const { ring } = viewRing(task.memory, task.place, geometry)
addon.hold(bytes, ring.words, clientOffsets(geometry), poller === 'kernel')
addon.register(geometry.ringFd, RegisterOp.REGISTER_EVENTFD, Int32Array.of(eventFd), 1)

const chunkBytes = 262_144
const buffers = Array.from({ length: 64 }, () => new Uint8Array(chunkBytes))
let inFlight = 0

function reap(): void {
  let over = 0
  for (let left = ring.ready(); left > 0; left--) {
    ring.take()
    over++
  }
  ring.release()
  inFlight -= over
  Atomics.store(control, Control.in_flight >> 2, inFlight)
}

function turn(): void {
  reap()
  for (let left = 1 + random.below(16); left > 0 && ring.hasRoom(1) && inFlight < buffers.length; left--) {
    const index = inFlight++
    const at = reserve(ring, index)
    const address = addon.addressOf(buffers[index]!)
    const kind = random.below(10)
    if (kind === 0) prepNop(ring.sqes, at, 0)
    else if (kind < 4) prepRead(ring.sqes, at, 0, task.readFd, address, 16, -1)
    else prepRead(ring.sqes, at, 0, task.fileFd, address, chunkBytes, random.below(task.fileSizeBytes - chunkBytes))
  }
  Atomics.store(control, Control.in_flight >> 2, inFlight)
  ring.publish()
  if (poller === 'caller') addon.enter(geometry.ringFd, ring.unconsumed, 0, 0)
  else if (poller === 'kernel' && ring.needsWakeup()) addon.enter(geometry.ringFd, 0, 0, EnterFlag.SQ_WAKEUP)
  else if (poller === 'worker') {
    const { ringFd, sqHead, sqTail, sqFlags } = geometry
    const outcome = addon.pollSlice(
      ringFd,
      ring.words,
      sqHead,
      sqTail,
      sqFlags,
      bytes,
      5_000_000,
      1 + random.below(4_000_000),
    )
    if (outcome % 4 === PollState.stopped) throw new Error('nobody said stop')
  }
  if (random.below(3) === 0) addon.signal(wakeFd)
}

const completions = new addon.Watcher(eventFd, reap)
completions.ref()
const wakeUps = new addon.Watcher(wakeFd, () => {
  if (random.below(4) === 0) void Promise.resolve().then(turn)
})
wakeUps.ref()
parentPort!.postMessage('running')
setInterval(turn, 1)
