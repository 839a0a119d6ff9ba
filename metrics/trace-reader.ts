// Reads the records of a trace out of shared memory, in any thread, without stopping the writer. Used by services/trace.ts. What was
// overwritten before it was read, or while, is counted and not shown; see trace-memory.ts for why no record is ever half of each.
import { RecordDouble, RecordWord, TraceHeader, capacityOf, headerBytes, recordBytes } from './trace-memory.ts'
import { recordDoubles, recordWords, timeOriginAt } from './trace-memory.ts'

/** One record. Times in ms since the Unix epoch: those of several threads are on one clock. */
export interface TraceRecord {
  /** Its number in this memory, from 0. */
  readonly sequence: number
  /** One of TraceKind. */
  readonly kind: number
  readonly opcode: number
  /** One of TraceLink. */
  readonly link: number
  readonly slot: number
  readonly generation: number
  readonly result: number
  readonly flags: number
  readonly id: number
  /** -1: none. */
  readonly chain: number
  readonly openedMs: number
  readonly publishedMs: number
  readonly seenMs: number
  readonly settledMs: number
}

export class TraceReader {
  private lost = 0
  /** Records that the memory holds. */
  readonly capacity: number
  private readonly shared: Int32Array
  private readonly origin: Float64Array
  private readonly copy: Int32Array
  private readonly copiedDoubles: Float64Array
  /** The next record's number, and what the header's counters say of it. */
  private next = 0
  private position = 0
  private readonly fence = new Int32Array(new SharedArrayBuffer(4))

  /** @throws RangeError where `memory` is no trace's */
  constructor(memory: SharedArrayBuffer) {
    this.capacity = capacityOf(memory)
    this.shared = new Int32Array(memory)
    this.origin = new Float64Array(memory, 0, headerBytes / 8)
    const copied = new ArrayBuffer(this.capacity * recordBytes)
    this.copy = new Int32Array(copied)
    this.copiedDoubles = new Float64Array(copied)
  }

  /** Records written since the beginning. */
  get written(): number {
    return this.next + this.unread
  }

  /** Of those, what was not read, whether it is still there or not. */
  get unread(): number {
    return (Atomics.load(this.shared, TraceHeader.published) - this.position) >>> 0
  }

  /** Records that were overwritten before they were read. */
  get dropped(): number {
    return this.lost + Math.max(0, this.unread - this.capacity)
  }

  /** The records since the last time, in the order in which they were written: the first `recordsMax` of those that are there. */
  read(recordsMax: number = this.capacity): TraceRecord[] {
    const { shared, capacity } = this
    const end = Atomics.load(shared, TraceHeader.published)
    const news = (end - this.position) >>> 0
    if (news === 0) return []
    const there = Math.min(news, capacity)
    const count = Math.min(there, recordsMax)
    const from = (end - there) | 0
    const whole = this.copyFrom(from, count)
    const records: TraceRecord[] = []
    for (let index = whole; index < count; index++) {
      const record = this.recordAt((from + index) & (capacity - 1))
      // Who looks for the first time in four billion records finds places that were never written.
      if ((record.sequence | 0) === ((from + index) | 0)) records.push(record)
    }
    // The numbers in the records go on where those in the header, after four billion, begin again.
    const first = records[0]
    const passed = news - there + count
    this.lost += first === undefined ? passed : first.sequence - this.next
    this.next = first === undefined ? this.next + passed : records.at(-1)!.sequence + 1
    this.position = (from + count) | 0
    return records
  }

  /** Copies records; returns how many of the first may have been overwritten meanwhile. */
  private copyFrom(from: number, count: number): number {
    const { shared, copy, capacity, fence } = this
    const start = from & (capacity - 1)
    const untilEnd = Math.min(count, capacity - start)
    const records = headerBytes >> 2
    const part = (place: number, length: number): void => {
      const at = records + place * recordWords
      copy.set(shared.subarray(at, at + length * recordWords), place * recordWords)
    }
    part(start, untilEnd)
    part(0, count - untilEnd)
    Atomics.store(fence, 0, 0)
    const overwritten = (Atomics.load(shared, TraceHeader.reserved) - capacity - from) | 0
    return Math.min(count, Math.max(0, overwritten))
  }

  private recordAt(place: number): TraceRecord {
    const word = place * recordWords
    const double = place * recordDoubles
    const { copy, copiedDoubles } = this
    const originMs = this.origin[timeOriginAt]!
    const what = copy[word + RecordWord.what]!
    return {
      sequence: copiedDoubles[double + RecordDouble.sequence]!,
      kind: what >>> 16,
      opcode: what & 0xff,
      link: (what >>> 8) & 0xff,
      slot: copy[word + RecordWord.slot]!,
      generation: copy[word + RecordWord.generation]!,
      result: copy[word + RecordWord.result]!,
      flags: copy[word + RecordWord.flags]! >>> 0,
      id: copiedDoubles[double + RecordDouble.id]!,
      chain: copiedDoubles[double + RecordDouble.chain]!,
      openedMs: originMs + copiedDoubles[double + RecordDouble.openedMs]!,
      publishedMs: originMs + copiedDoubles[double + RecordDouble.publishedMs]!,
      seenMs: originMs + copiedDoubles[double + RecordDouble.seenMs]!,
      settledMs: originMs + copiedDoubles[double + RecordDouble.settledMs]!,
    }
  }
}
