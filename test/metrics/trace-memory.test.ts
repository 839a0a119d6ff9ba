// The memory of a trace between two threads: a writer that stops for nobody, and a reader that is never told half a record.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { TraceKind, allocateTrace } from '../../metrics/trace-memory.ts'
import { TraceReader, type TraceRecord } from '../../metrics/trace-reader.ts'
import { TraceWriter, type TracedOperations } from '../../metrics/trace-writer.ts'
import { eventually, seededRandom, testSeed } from '../services/harness.ts'

const slotCount = 8

function operationsOf(): TracedOperations {
  return {
    opcodes: new Uint8Array(slotCount),
    multishot: new Uint8Array(slotCount),
    links: new Uint8Array(slotCount),
    generations: new Float64Array(slotCount),
    ids: new Float64Array(slotCount),
    chains: new Float64Array(slotCount).fill(-1),
    openedMs: new Float64Array(slotCount),
    publishedMs: new Float64Array(slotCount).fill(Infinity),
    seenMs: new Float64Array(1),
  }
}

const over = { matches: (): boolean => false }

/** Writes `count` records in one batch, numbered from `first`. */
function writeBatch(writer: TraceWriter, first: number, count: number, live = over): void {
  const operations = operationsOf()
  writer.reserve(count)
  for (let id = first; id < first + count; id++) {
    operations.ids[0] = id
    writer.write(operations, 0, id, 0)
  }
  writer.publish(0, live)
}

const idsOf = (records: readonly TraceRecord[]): number[] => records.map(({ id }) => id)
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

describe('one thread', () => {
  it('reads what was written, once, in its order', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    expect(reader.read()).toEqual([])
    writeBatch(writer, 0, 10)
    writeBatch(writer, 10, 5)
    expect(idsOf(reader.read())).toEqual(upTo(0, 15))
    expect(reader.read()).toEqual([])
    writeBatch(writer, 15, 1)
    expect(idsOf(reader.read())).toEqual([15])
    expect(reader.dropped).toBe(0)
  })

  it('a record says all that was known of its operation', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const operations = operationsOf()
    operations.opcodes[3] = 22
    operations.links[3] = 2
    operations.generations[3] = -7
    operations.ids[3] = 2 ** 40
    operations.chains[3] = 2 ** 40 - 1
    operations.openedMs[3] = 1e9
    operations.publishedMs[3] = 1e9 + 1
    operations.seenMs[0] = 1e9 + 2
    writer.reserve(1)
    writer.write(operations, 3, -125, 0x8000_0001 | 0)
    writer.publish(1e9 + 3, over)
    const { timeOrigin } = performance
    expect(new TraceReader(memory).read()).toEqual([
      {
        sequence: 0,
        kind: TraceKind.completion,
        opcode: 22,
        link: 2,
        slot: 3,
        generation: -7,
        result: -125,
        flags: 0x8000_0001,
        id: 2 ** 40,
        chain: 2 ** 40 - 1,
        openedMs: timeOrigin + 1e9,
        publishedMs: timeOrigin + 1e9 + 1,
        seenMs: timeOrigin + 1e9 + 2,
        settledMs: timeOrigin + 1e9 + 3,
      },
    ])
  })

  it('nothing of a batch is seen before it is settled', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    writer.reserve(1)
    writer.write(operationsOf(), 0, 0, 0)
    expect(reader.read()).toEqual([])
    writer.publish(0, over)
    expect(reader.read()).toHaveLength(1)
  })

  it('of what was overwritten, even within one batch, the number is known', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    writeBatch(writer, 0, 10)
    reader.read()
    writeBatch(writer, 10, 100)
    writeBatch(writer, 110, 20)
    expect(idsOf(reader.read())).toEqual(upTo(66, 130))
    expect(reader.dropped).toBe(56)
  })

  it('a batch of which less came than was announced hides nothing once it is over', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    writeBatch(writer, 0, 64)
    writer.reserve(60)
    writer.publish(0, over)
    expect(idsOf(reader.read())).toEqual(upTo(0, 64))
  })

  it('what the writer is about to overwrite is not shown', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    writeBatch(writer, 0, 64)
    writer.reserve(60)
    expect(idsOf(reader.read())).toEqual(upTo(60, 64))
    expect(reader.dropped).toBe(60)
  })

  it('the completion of a request that goes on after all is not told, and nothing is missing', () => {
    const memory = allocateTrace(64)
    const reader = new TraceReader(memory)
    writeBatch(new TraceWriter(memory, 1), 0, 1, { matches: () => true })
    expect(reader.read().map(({ kind }) => kind)).toEqual([TraceKind.void])
    expect(reader.dropped).toBe(0)
  })

  it('positions may begin again at 2^32: the numbers in the records go on', () => {
    const memory = allocateTrace(64)
    const writer = new TraceWriter(memory, 1)
    const reader = new TraceReader(memory)
    Reflect.set(writer, 'sequence', 2 ** 32 - 20)
    Reflect.set(writer, 'settled', 2 ** 32 - 20)
    writeBatch(writer, 0, 10)
    expect(reader.read()[0]?.sequence).toBe(2 ** 32 - 20)
    writeBatch(writer, 0, 30)
    expect(reader.read().map(({ sequence }) => sequence)).toEqual(upTo(2 ** 32 - 10, 2 ** 32 + 20))
    expect(reader.dropped).toBe(2 ** 32 - 20)
  })

  it('memory that is no trace is refused', () => {
    for (const memory of [new SharedArrayBuffer(0), new SharedArrayBuffer(256), new SharedArrayBuffer(65_536)]) {
      expect(() => new TraceReader(memory)).toThrow(RangeError)
      expect(() => new TraceWriter(memory, 1)).toThrow(RangeError)
    }
    for (const records of [0, 1.5, 65_537]) expect(() => allocateTrace(records)).toThrow(RangeError)
  })
})

/** Writes at full speed until it is told to end, each record's fields made of its number. */
const writerThread = `
const { parentPort, workerData } = require('node:worker_threads')
const { memory, shared, modules, seed } = workerData
const load = (name) => import(modules + name)
Promise.all([load('trace-writer.js')]).then(([{ TraceWriter }]) => {
  const one = (length) => new Float64Array(length)
  const operations = { opcodes: new Uint8Array(1), links: new Uint8Array(1), generations: one(1), ids: one(1), chains: one(1),
    openedMs: one(1), publishedMs: one(1), seenMs: one(1) }
  const writer = new TraceWriter(memory, 1)
  const { sinceMs } = writer
  let state = seed | 0
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 8
  const over = { matches: () => false }
  let id = 0
  while (Atomics.load(shared, 0) === 0) {
    const count = random() % workerData.batchMax + 1
    writer.reserve(count + random() % 3)
    for (let left = count; left > 0; left--, id++) {
      operations.opcodes[0] = id & 0xff
      operations.links[0] = id % 3
      operations.generations[0] = (id * 7) | 0
      operations.ids[0] = id
      operations.chains[0] = id * 2
      operations.openedMs[0] = sinceMs + id
      operations.publishedMs[0] = sinceMs + id + 1
      operations.seenMs[0] = sinceMs + id + 2
      writer.write(operations, 0, id | 0, ~id & ~2)
    }
    writer.publish(id, over)
    Atomics.store(shared, 1, Math.min(id, 2 ** 31 - 1))
  }
  parentPort.postMessage(id)
})`

describe('a writer in another thread, at full speed', () => {
  it.each([
    { capacity: 64, batchMax: 8 },
    { capacity: 64, batchMax: 200 },
    { capacity: 4096, batchMax: 1000 },
  ])('$capacity records, batches of up to $batchMax: whole, in order, and every loss counted', async (stand) => {
    const seed = testSeed('trace race')
    const random = seededRandom(seed)
    const memory = allocateTrace(stand.capacity)
    const shared = new Int32Array(new SharedArrayBuffer(8))
    const modules = new URL('../../dist/metrics/', import.meta.url).href
    const thread = new Worker(writerThread, {
      eval: true,
      workerData: { memory, shared, modules, seed, batchMax: stand.batchMax },
    })
    const outcome = once(thread, 'message')
    const reader = new TraceReader(memory)
    let told = 0
    let last = -1
    const broken: TraceRecord[] = []
    const look = (): void => {
      for (const record of reader.read()) {
        told++
        const { sequence: id } = record
        const whole =
          record.id === id &&
          record.chain === id * 2 &&
          record.opcode === (id & 0xff) &&
          record.link === id % 3 &&
          record.generation === ((id * 7) | 0) &&
          record.result === (id | 0) &&
          record.flags === (~id & ~2) >>> 0 &&
          Math.round(record.publishedMs - record.openedMs) === 1 &&
          Math.round(record.seenMs - record.openedMs) === 2
        if (!whole || id <= last) broken.push(record)
        last = id
      }
    }
    expect(await eventually(() => Atomics.load(shared, 1) > 0)).toBe(true)
    // Until it has been overwritten many times while it was read.
    while (told < 50_000 || Atomics.load(shared, 1) < 100 * stand.capacity) {
      look()
      for (let pause = random() * 200; pause > 0; pause--);
    }
    Atomics.store(shared, 0, 1)
    const [written] = (await outcome) as [number]
    look()
    expect(broken).toEqual([])
    expect(last).toBe(written - 1)
    expect(told + reader.dropped).toBe(written)
    await thread.terminate()
  })
})
