// What all have in common that trace one ring: who takes which operation, and the numbers that operations have. One for each ring, also
// when another ring takes its place. Used by workers/tracer.ts, which writes, and services/trace.ts, which adds and removes writers.
import { TraceKind } from './trace-memory.ts'
import type { LiveRequests, TraceWriter } from './trace-writer.ts'

/** Traces of one ring at a time: each has a bit in a byte. */
export const tracesMax = 8

export class TraceFeed {
  /** By the bit that stands for it. */
  private readonly writers: (TraceWriter | null)[] = new Array<TraceWriter | null>(tracesMax).fill(null)
  private operations = 0
  private ids = 0

  /** Whether anybody wants records. */
  get wanted(): boolean {
    return this.writers.some((writer) => writer !== null)
  }

  /** Returns whether there was room for one more. */
  add(writer: TraceWriter): boolean {
    const free = this.writers.indexOf(null)
    if (free >= 0) this.writers[free] = writer
    return free >= 0
  }

  remove(writer: TraceWriter): void {
    const index = this.writers.indexOf(writer)
    if (index >= 0) this.writers[index] = null
  }

  /** A number for the next operation. */
  nextId(): number {
    return this.ids++
  }

  /** An operation begins, or a chain, which counts as one: the bits of those who take it. */
  begin(): number {
    const operation = this.operations++
    let takers = 0
    for (let index = 0; index < tracesMax; index++) {
      const writer = this.writers[index]!
      if (writer !== null && operation % writer.sampleEvery === 0) takers |= 1 << index
    }
    return takers
  }

  /** Up to `count` records are to come before the next publish(). */
  reserve(count: number): void {
    for (let index = 0; index < tracesMax; index++) this.writers[index]?.reserve(count)
  }

  /** Writes a record for each of `takers`. `link`: one of TraceLink. */
  write(
    takers: number,
    opcode: number,
    link: number,
    slot: number,
    generation: number,
    result: number,
    flags: number,
    id: number,
    chain: number,
    openedMs: number,
    publishedMs: number,
    seenMs: number,
  ): void {
    const what = opcode | (link << 8)
    for (let index = 0; index < tracesMax; index++) {
      if ((takers & (1 << index)) === 0) continue
      this.writers[index]?.write(what, slot, generation, result, flags, id, chain, openedMs, publishedMs, seenMs)
    }
  }

  /** The poller was woken, or the thread that polls, `count` times since the last time; everybody is told. */
  writeWakeup(count: number, atMs: number): void {
    for (let index = 0; index < tracesMax; index++)
      this.writers[index]?.write(TraceKind.wakeup << 16, -1, 0, count, 0, -1, -1, atMs, atMs, atMs)
  }

  /** What was written since the last time is settled, and may be read. */
  publish(settledMs: number, live: LiveRequests): void {
    for (let index = 0; index < tracesMax; index++) this.writers[index]?.publish(settledMs, live)
  }
}
