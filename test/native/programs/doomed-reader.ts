// The client of a ring that another thread keeps open: starts reads of an empty pipe into ArrayBuffers of its own and waits for its end.
import { parentPort, workerData } from 'node:worker_threads'
import { EnterFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { Control } from '../../../native/layout.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { prepRead } from '../../../native/operations/files.ts'
import { controlWords, viewRing } from '../../../native/ring-memory.ts'
import type { RingGeometry } from '../../../native/ring-geometry.ts'
import { clientOffsets, controlBytes, reserve } from '../support/rings.ts'

interface Task {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly geometry: RingGeometry
  readonly readFd: number
  readonly reads: number
  readonly mode: 'enters' | 'wakes' | 'publishes'
}

const { memory, place, geometry, readFd, reads, mode } = workerData as Task
const addon = binding()
const { ring } = viewRing(memory, place, geometry)
addon.hold(controlBytes(memory, place), ring.words, clientOffsets(geometry), mode === 'wakes')
const buffers = Array.from({ length: reads }, () => new Uint8Array(4096))
for (const [index, buffer] of buffers.entries()) {
  prepRead(ring.sqes, reserve(ring, index), 0, readFd, addon.addressOf(buffer), 1, -1)
}
Atomics.store(controlWords(memory, place), Control.in_flight >> 2, reads)
ring.publish()
if (mode === 'enters') addon.enter(geometry.ringFd, reads, 0, 0)
if (mode === 'wakes') {
  if (ring.needsWakeup()) addon.enter(geometry.ringFd, 0, 0, EnterFlag.SQ_WAKEUP)
  while (ring.unconsumed > 0);
}
parentPort!.postMessage('reading')
setInterval(() => buffers.length, 1000)
