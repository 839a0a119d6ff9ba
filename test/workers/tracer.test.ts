// The tracer's work on a batch allocates nothing: counted by V8's own measure of the heap, over batches whose code is compiled.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { ClientCounter } from '../../metrics/ring-metrics.ts'
import { TraceFeed } from '../../metrics/trace-feed.ts'
import { allocateTrace } from '../../metrics/trace-memory.ts'
import { TraceReader } from '../../metrics/trace-reader.ts'
import { TraceWriter } from '../../metrics/trace-writer.ts'
import { Op } from '../../native/abi.ts'
import { ignoreResult } from '../../workers/completions.ts'
import { SlotState, SlotTable } from '../../workers/slots.ts'
import { Tracer } from '../../workers/tracer.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const batch = 64
/** Entries of four: chains of three, and one that stands alone. */
const linkFlags = [4, 8, 0, 0]

function makeStand(): { round: () => void; reader: TraceReader } {
  const slots = new SlotTable(batch, ignoreResult)
  const sqes = new Int32Array(batch * 16)
  const words = new Int32Array(batch * 4)
  const counters = new Float64Array(32)
  const feed = new TraceFeed()
  const memory = allocateTrace(4096)
  feed.add(new TraceWriter(memory, 1))
  feed.add(new TraceWriter(allocateTrace(64), 3))
  const tracer = new Tracer(slots, counters, feed)
  const ring = {
    sqes,
    words,
    unpublished: batch,
    unpublishedAt: (index: number): number => index * 16,
    peek: (index: number): number => index * 4,
  }
  const round = (): void => {
    for (let index = 0; index < batch; index++) {
      const slot = slots.claim(ignoreResult, null, null)
      slots.opcode[slot] = Op.READ
      slots.state[slot] = SlotState.submitted
      sqes[index * 16] = Op.READ | (linkFlags[index & 3]! << 8)
      words[index * 4] = sqes[index * 16 + 8] = slot
      words[index * 4 + 1] = sqes[index * 16 + 9] = slots.generation[slot]!
      words[index * 4 + 2] = index
    }
    tracer.publishing(ring, performance.now(), performance.now())
    counters[ClientCounter.sqWakeups]! += 1
    tracer.reapBegins(ring, batch, performance.now())
    for (let index = 0; index < batch; index++) slots.free(words[index * 4]!)
    tracer.reapEnds(performance.now())
  }
  return { round, reader: new TraceReader(memory) }
}

it('nothing per operation, for two traces at a time', () => {
  const { round, reader } = makeStand()
  const rounds = 500
  for (let index = 0; index < 20_000; index++) round()
  const warm = reader.read().length
  let leastBytes = Infinity
  // The compiler may still be at it, and allocates for itself.
  for (let attempt = 0; attempt < 20; attempt++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < rounds; index++) round()
    leastBytes = Math.min(leastBytes, process.memoryUsage().heapUsed - before)
  }
  const perOperation = leastBytes / (rounds * batch)
  console.info(`${perOperation.toFixed(2)} bytes per operation, of which the batch's own times are ${(16 * 6) / batch}`)
  // A number that is allocated takes 16 bytes, an object more.
  expect(perOperation).toBeLessThan(8)
  const records = reader.read()
  expect(warm + records.length + reader.dropped).toBe((20_000 + 20 * rounds) * (batch + 1))
  expect(records.at(-1)!.result).toBe(batch - 1)
})
