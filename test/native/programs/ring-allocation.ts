// Drives a real ring for millions of operations and prints what the garbage collector did meanwhile. Run with --expose-gc.
import { PerformanceObserver } from 'node:perf_hooks'
import { binding } from '../../../native/binding.ts'
import { prepNop } from '../../../native/operations/control.ts'
import { openTestRing } from '../support/rings.ts'

const collect: unknown = Reflect.get(globalThis, 'gc')
if (typeof collect !== 'function') throw new Error('run with --expose-gc')
const gc = (): void => {
  Reflect.apply(collect, undefined, [])
}

const { ring, geometry } = openTestRing({ sqEntries: 128 })
const addon = binding()
const batch = 128

function drive(batches: number): number {
  let sum = 0
  for (let turn = 0; turn < batches; turn++) {
    for (let index = 0; index < batch && ring.hasRoom(1); index++) {
      const at = ring.reserve()
      prepNop(ring.sqes, at, 0)
      ring.sqes[at + 8] = index
      ring.sqes[at + 9] = turn
    }
    const published = ring.publish()
    if (ring.needsWakeup() || ring.overflowed()) throw new Error('a ring without an SQ thread never says so')
    addon.enter(geometry.ringFd, published, published, 1)
    for (let left = ring.ready(); left > 0; left--) {
      const at = ring.take()
      sum += ring.words[at]! + ring.words[at + 2]!
    }
    ring.release()
  }
  return sum
}

// Until the compiler is done with it, code allocates for reasons of its own.
drive(20_000)
gc()
let collections = 0
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length
})
observer.observe({ entryTypes: ['gc'] })
const before = process.memoryUsage().heapUsed
const batches = 32_000
drive(batches)
const grownBytes = process.memoryUsage().heapUsed - before
// Entries are delivered in a later turn of the event loop.
setTimeout(() => {
  observer.disconnect()
  process.stdout.write(JSON.stringify({ operations: batches * batch, collections, grownBytes }))
}, 50)
