// Writes the records of a trace into shared memory. Used by the tracer of a ring client (workers/tracer.ts), in the client's thread: one
// writer for each trace and ring. Per record some plain stores, per batch two fences; nothing is allocated.
import { RecordDouble, RecordWord, TraceHeader, TraceKind, capacityOf, headerBytes } from './trace-memory.ts'
import { recordDoubles, recordWords, timeOriginAt } from './trace-memory.ts'

/** What a record names and a revived request still has. */
export interface LiveRequests {
  /** Whether the request is in the ring. */
  matches(slot: number, generation: number): boolean
}

/**
 * What is known of the operations in a ring, by slot; of those that are traced. Columns, because a double that is handed from function to
 * function is allocated wherever the compiler has not made one function of both.
 */
export interface TracedOperations {
  readonly opcodes: Uint8Array
  /** 1: it has had a completion that others follow. */
  readonly multishot: Uint8Array
  /** One of TraceLink. */
  readonly links: Uint8Array
  /** Int32 values; NaN: none. */
  readonly generations: Float64Array
  readonly ids: Float64Array
  /** -1: none. */
  readonly chains: Float64Array
  readonly openedMs: Float64Array
  readonly publishedMs: Float64Array
  /** One element: when the completions that are being taken were seen. */
  readonly seenMs: Float64Array
}

const none = -1

/** CQE_F_MORE, as a number because metrics/ imports nobody. */
const MORE = 2

export class TraceWriter {
  readonly sampleEvery: number
  private readonly words: Int32Array
  private readonly doubles: Float64Array
  private readonly mask: number
  private readonly sinceMs = performance.now()
  /** Records written; those from `settled` on wait for the end of their batch. */
  private sequence = 0
  private settled = 0
  /** Where the next operation stands among `sampleEvery`, and which of those is taken. */
  private place = 0
  private chosen: number
  private wakeups = 0

  /** One of `sampleEvery` operations is to be written. @throws RangeError where `memory` is no trace's */
  constructor(memory: SharedArrayBuffer, sampleEvery: number) {
    this.mask = capacityOf(memory) - 1
    this.words = new Int32Array(memory)
    this.doubles = new Float64Array(memory)
    this.sampleEvery = sampleEvery
    this.chosen = this.choose()
    this.doubles[timeOriginAt] = performance.timeOrigin
  }

  /**
   * Whether it takes the operation that begins: one of each `sampleEvery`, at a random place among them. Programs repeat themselves; every fifth operation
   * of one that does five for each request would always be the same one.
   */
  takesNext(): boolean {
    const takes = this.place++ === this.chosen
    if (this.place === this.sampleEvery) {
      this.place = 0
      this.chosen = this.choose()
    }
    return takes
  }

  private choose(): number {
    return this.sampleEvery === 1 ? 0 : Math.floor(Math.random() * this.sampleEvery)
  }

  /** Up to `count` records are to come before the next publish(). */
  reserve(count: number): void {
    Atomics.store(this.words, TraceHeader.reserved, (this.sequence + count) | 0)
    Atomics.load(this.words, TraceHeader.published)
  }

  /** Writes one of the records that were reserved; of what was published before this writer was there, only multishot operations'. */
  write(operations: TracedOperations, slot: number, result: number, flags: number): void {
    if (operations.publishedMs[slot]! < this.sinceMs && operations.multishot[slot] === 0) return
    const double = this.begin(
      operations.opcodes[slot]! | (operations.links[slot]! << 8),
      slot,
      operations.generations[slot]!,
      result,
      flags,
    )
    const { doubles } = this
    doubles[double + RecordDouble.id] = operations.ids[slot]!
    doubles[double + RecordDouble.chain] = operations.chains[slot]!
    doubles[double + RecordDouble.openedMs] = operations.openedMs[slot]!
    doubles[double + RecordDouble.publishedMs] = operations.publishedMs[slot]!
    doubles[double + RecordDouble.seenMs] = operations.seenMs[0]!
  }

  /** As write(), for `count` wake-ups of the poller; of `sampleEvery` of them one record, which has their number. */
  writeWakeup(count: number, atMs: number): void {
    if (atMs < this.sinceMs) return
    this.wakeups += count
    if (this.wakeups < this.sampleEvery) return
    const double = this.begin(TraceKind.wakeup << 16, none, 0, this.wakeups, 0)
    this.wakeups = 0
    const { doubles } = this
    doubles[double + RecordDouble.id] = doubles[double + RecordDouble.chain] = none
    for (const at of [RecordDouble.openedMs, RecordDouble.publishedMs, RecordDouble.seenMs]) doubles[double + at] = atMs
  }

  /** Writes a record's words; returns where its doubles begin. */
  private begin(what: number, slot: number, generation: number, result: number, flags: number): number {
    const place = this.sequence & this.mask
    const word = (headerBytes >> 2) + place * recordWords
    const double = (headerBytes >> 3) + place * recordDoubles
    const { words, doubles } = this
    words[word + RecordWord.what] = what
    words[word + RecordWord.slot] = slot
    words[word + RecordWord.generation] = generation
    words[word + RecordWord.result] = result
    words[word + RecordWord.flags] = flags
    doubles[double + RecordDouble.sequence] = this.sequence++
    return double
  }

  /** What was written since the last time is settled at `settledMs`, and may be read. `live` knows what is not over after all. */
  publish(settledMs: number, live: LiveRequests): void {
    const { words, doubles, sequence } = this
    // Of a batch that is longer than the memory only the end is left.
    for (let index = Math.max(this.settled, sequence - this.mask - 1); index < sequence; index++) {
      const place = index & this.mask
      const word = (headerBytes >> 2) + place * recordWords
      doubles[(headerBytes >> 3) + place * recordDoubles + RecordDouble.settledMs] = settledMs
      const what = words[word + RecordWord.what]!
      const last = (words[word + RecordWord.flags]! & MORE) === 0 && what >>> 16 === TraceKind.completion
      if (last && live.matches(words[word + RecordWord.slot]!, words[word + RecordWord.generation]!))
        words[word + RecordWord.what] = TraceKind.void << 16
    }
    this.settled = sequence
    Atomics.store(words, TraceHeader.published, sequence | 0)
    // Fewer may have come than were reserved: what they would have overwritten is still there.
    Atomics.store(words, TraceHeader.reserved, sequence | 0)
  }
}
