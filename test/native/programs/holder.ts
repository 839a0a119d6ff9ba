// Holds a ring and ends in the way it is told.
import { parentPort, workerData } from 'node:worker_threads'
import { binding } from '../../../native/binding.ts'
import type { RingPlace } from '../../../native/layout.ts'
import { viewRing } from '../../../native/ring-memory.ts'
import type { RingGeometry } from '../../../native/ring-geometry.ts'
import { clientOffsets, controlBytes } from '../support/rings.ts'

interface Task {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly geometry: RingGeometry
  readonly how: string
}

const { memory, place, geometry, how } = workerData as Task
const { ring } = viewRing(memory, place, geometry)
binding().hold(controlBytes(memory, place), ring.words, clientOffsets(geometry), false)
parentPort!.postMessage('held')
if (how === 'exits') process.exit(3)
if (how === 'throws') throw new Error('as told')
if (how === 'is terminated') setInterval(() => undefined, 1000)
