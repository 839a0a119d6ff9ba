// The memory of a trace: the last operations of one ring, written by the thread that uses the ring and read by any other, while nobody
// waits for anybody. Laid out here; written by trace-writer.ts, read by trace-reader.ts.
//
//   ┌────────┬──────────┬──────────┬─────┬──────────┐
//   │ header │ record 0 │ record 1 │  …  │ record n │   n + 1 is a power of two; record number s is in place s mod (n + 1)
//   └────────┴──────────┴──────────┴─────┴──────────┘
//
// Memory order. The writer overwrites what was not read, so a reader has to know afterwards whether what it has copied was still there:
//
//   writer                                        reader
//   store  reserved = end of what is to come      load   published
//   fence                                         copy the records before it
//   write the records                             fence
//   store  published = end of what there is       load   reserved
//                                                 drop what lies more than the capacity before that
//
// A reader that has copied a byte of a newer record therefore sees a `reserved` that covers it (a seqlock whose sequence number is the
// position, once for a whole batch of records). The fence is an Atomics.store followed by an Atomics.load: on x86-64 the store is one
// (xchg), on arm64 they are stlr and ldar, which keep their order and let nothing pass from before the one to behind the other. It is the same
// store-buffer pattern as everywhere here. JavaScript's own memory model promises nothing about plain loads that race with plain stores.

/** Words of the header; the two that the writer changes most lie in a pair of cache lines of their own. */
export const TraceHeader = {
  version: 0,
  /** Records that the memory holds: a power of two. */
  capacity: 1,
  /** Records written or being written since the beginning, modulo 2^32. */
  reserved: 32,
  /** Records that are whole, modulo 2^32. */
  published: 33,
} as const
/** In doubles: performance.timeOrigin of the thread that writes, which its times are relative to. */
export const timeOriginAt = 2

export const headerBytes = 256
export const traceVersion = 1

/** Words of a record, and behind them its doubles, counted in doubles from the record's beginning. */
export const RecordWord = {
  /** Opcode, TraceLink and TraceKind: a byte each. */
  what: 0,
  slot: 1,
  generation: 2,
  result: 3,
  flags: 4,
} as const
export const RecordDouble = {
  sequence: 3,
  id: 4,
  chain: 5,
  openedMs: 6,
  publishedMs: 7,
  seenMs: 8,
  settledMs: 9,
} as const
export const recordBytes = 80
export const recordWords: number = recordBytes / 4
export const recordDoubles: number = recordBytes / 8

/** How an entry is tied to the one behind it. */
export const TraceLink = { none: 0, soft: 1, hard: 2 } as const

/** What a record says. `void`: nothing, what it said turned out not to be so. */
export const TraceKind = { completion: 0, wakeup: 1, void: 2 } as const

const recordsMax = 65_536

/** Memory for at least `records` records of one ring: 64 to 65,536 of them, 80 bytes each. Starts out empty. @throws RangeError */
export function allocateTrace(records: number): SharedArrayBuffer {
  if (!Number.isInteger(records) || records < 1 || records > recordsMax)
    throw new RangeError(`records=${records} must be an integer from 1 to ${recordsMax}`)
  const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(records)))
  const memory = new SharedArrayBuffer(headerBytes + capacity * recordBytes)
  const words = new Int32Array(memory)
  words[TraceHeader.capacity] = capacity
  Atomics.store(words, TraceHeader.version, traceVersion)
  return memory
}

/** Records that `memory` holds. @throws RangeError where it is no trace's */
export function capacityOf(memory: SharedArrayBuffer): number {
  const words = memory.byteLength >= headerBytes ? new Int32Array(memory, 0, headerBytes / 4) : null
  const capacity = words?.[TraceHeader.capacity] ?? 0
  const fits = memory.byteLength === headerBytes + capacity * recordBytes
  if (words?.[TraceHeader.version] !== traceVersion || !fits || (capacity & (capacity - 1)) !== 0)
    throw new RangeError(`memory of ${memory.byteLength} bytes is no trace of version ${traceVersion}`)
  return capacity
}
