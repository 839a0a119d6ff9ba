// What all have in common that trace one ring: who takes which operation, and the numbers that operations have. One for each ring, also
// when another ring takes its place. Used by workers/tracer.ts, which writes, and services/trace.ts, which adds and removes writers.
import type { LiveRequests, TraceWriter, TracedOperations } from './trace-writer.ts'

/** Traces that one thread may have at a time. */
export const tracesMax = 8
/** Of one ring: those of the thread that uses it, and those of the thread that started the rings, where that is another one. Each has a bit. */
const writersMax = 2 * tracesMax

export class TraceFeed {
  /** By the bit that stands for it. */
  private readonly writers: (TraceWriter | null)[] = new Array<TraceWriter | null>(writersMax).fill(null)
  /** What `additions` was when each of them was added. */
  private readonly addedAt = new Float64Array(writersMax)
  private ids = 0
  /** How often somebody was added. */
  additions = 0

  /** Whether anybody wants records. */
  get wanted(): boolean {
    return this.writers.some((writer) => writer !== null)
  }

  /** Returns whether there was room for one more. */
  add(writer: TraceWriter): boolean {
    const free = this.writers.indexOf(null)
    if (free < 0) return false
    this.writers[free] = writer
    this.addedAt[free] = ++this.additions
    return true
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
    let takers = 0
    for (let index = 0; index < writersMax; index++) if (this.writers[index]?.takesNext() === true) takers |= 1 << index
    return takers
  }

  /** An operation goes on that `takers` took when `additions` was `since`: they still do, who came later decides now, and who has gone does not. */
  goesOn(takers: number, since: number): number {
    let those = 0
    for (let index = 0; index < writersMax; index++) {
      const writer = this.writers[index]!
      if (writer === null) continue
      const bit = 1 << index
      if (this.addedAt[index]! > since ? writer.takesNext() : (takers & bit) !== 0) those |= bit
    }
    return those
  }

  /** Up to `count` records are to come before the next publish(). */
  reserve(count: number): void {
    for (let index = 0; index < writersMax; index++) this.writers[index]?.reserve(count)
  }

  /** Writes a record for each of `takers`: the operation in `slot` has completed. */
  write(takers: number, operations: TracedOperations, slot: number, result: number, flags: number): void {
    for (let index = 0; index < writersMax; index++)
      if ((takers & (1 << index)) !== 0) this.writers[index]?.write(operations, slot, result, flags)
  }

  /** The thread that polls was woken `count` times since the last time; everybody is told. */
  writeWakeup(count: number, atMs: number): void {
    for (let index = 0; index < writersMax; index++) this.writers[index]?.writeWakeup(count, atMs)
  }

  /** What was written since the last time is settled, and may be read. */
  publish(settledMs: number, live: LiveRequests): void {
    for (let index = 0; index < writersMax; index++) this.writers[index]?.publish(settledMs, live)
  }
}
