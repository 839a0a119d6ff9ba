// Signals an eventfd after every change of a shared word, at intervals that the seed decides.
import { workerData } from 'node:worker_threads'
import { binding } from '../../../native/binding.ts'
import { randomFrom } from '../support/random.ts'

interface Task {
  readonly eventFd: number
  readonly shared: Int32Array
  readonly total: number
  readonly seed: number
}

const { eventFd, shared, total, seed } = workerData as Task
const random = randomFrom(seed)
const addon = binding()
for (let index = 1; index <= total; index++) {
  Atomics.store(shared, 0, index)
  addon.signal(eventFd)
  if (random.below(50) === 0) Atomics.wait(shared, 1, 0, random.next())
  else for (let spin = random.below(500); spin > 0; spin--) Atomics.load(shared, 1)
}
