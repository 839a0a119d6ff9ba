// A trace as its reader has it: the last operations of all rings, one by one, while they go on. Made by tracing.ts for Ringmaster.trace().
import { operationName } from '../native/operations/index.ts'
import type { TraceEvent, TraceInFlight, TraceWakeup } from '../metrics/trace-event.ts'
import { TraceKind, TraceLink, allocateTrace } from '../metrics/trace-memory.ts'
import { TraceReader } from '../metrics/trace-reader.ts'
import type { TraceRecord } from '../metrics/trace-reader.ts'
import { CqeFlag } from '../native/abi.ts'

export interface TraceOptions {
  /**
   * Records of each ring, of events and of wake-ups, that are kept until they are read, rounded up to a power of two, and to 64; of more, the oldest
   * are lost and counted. 1–65,536, default 4096; 80 bytes each.
   */
  readonly eventsMax?: number
  /** Trace one of this many operations, at random, where a chain counts as one. 1–1,000,000, default 1: all. */
  readonly sampleEvery?: number
}

/** What stats() says of traces. */
export interface TraceStats {
  /** Traces that are not stopped. */
  readonly active: number
  /** Records written since the start, of all traces; one that several take counts once for each. */
  readonly written: number
  /** Of those, overwritten before they were read. */
  readonly dropped: number
}

/** Where records of one ring come from. */
interface Source {
  readonly ring: number
  readonly client: number | null
  readonly reader: TraceReader
  /** Whether nothing will be added any more. */
  ended(): boolean
  stop(): void
  /** What is in the ring and not over; nothing of other threads' rings. */
  inFlight(): readonly TraceInFlight[]
}

/** Clients that have gone and whose last records nobody has read are remembered up to this number. */
const goneMax = 64

export class Trace {
  /** One of how many operations is traced. */
  readonly sampleEvery: number
  private readonly eventsMax: number
  private sources: Source[] = []
  private readonly onStop: (trace: Trace) => void
  private woken: TraceWakeup[] = []
  private stopped = false
  private inFlightAtEnd: readonly TraceInFlight[] = []
  /** Of sources that are gone. */
  private writtenBefore = 0
  private droppedBefore = 0

  /** Made by Ringmaster.trace(). @internal */
  constructor({ eventsMax, sampleEvery }: Required<TraceOptions>, onStop: (trace: Trace) => void) {
    this.sampleEvery = sampleEvery
    this.eventsMax = eventsMax
    this.onStop = onStop
  }

  /** `begin` is given new memory, and sees to it that it is written. @internal */
  add(begin: (memory: SharedArrayBuffer) => Omit<Source, 'reader'>): void {
    const memory = allocateTrace(this.eventsMax)
    this.sources.push({ ...begin(memory), reader: new TraceReader(memory) })
    const gone = this.sources.filter((source) => source.ended())
    if (gone.length > goneMax) this.forget(gone.slice(0, -goneMax))
  }

  private forget(gone: readonly Source[]): void {
    for (const { reader } of gone) {
      this.writtenBefore += reader.written
      this.droppedBefore += reader.dropped + Math.min(reader.unread, reader.capacity)
    }
    this.sources = this.sources.filter((source) => !gone.includes(source))
  }

  /**
   * What has completed since the last time: ring after ring, each in the order in which completions were taken. Read as often as
   * `eventsMax` needs it: what is overwritten meanwhile is in `dropped`. May be called after stop(), for what is left.
   */
  read(): TraceEvent[] {
    const gone = this.sources.filter((source) => source.ended())
    const events = this.sources.flatMap((source) => this.readFrom(source))
    this.forget(gone)
    return events
  }

  /** What read() would return, in pieces of at most `eventsMax`, each of one ring; `run` is the same for all of that one. After stop(). @internal */
  *readInPieces(eventsMax: number): Generator<{ readonly run: number; readonly events: readonly TraceEvent[] }> {
    for (const [run, source] of this.sources.entries()) {
      // A client writes until word of the end has reached it: what is there now is enough.
      const pieces = Math.ceil(Math.min(source.reader.unread, source.reader.capacity) / eventsMax)
      for (let piece = 0; piece < pieces; piece++) yield { run, events: this.readFrom(source, eventsMax) }
    }
  }

  private readFrom({ ring, client, reader }: Source, recordsMax?: number): TraceEvent[] {
    const events: TraceEvent[] = []
    for (const record of reader.read(recordsMax)) {
      if (record.kind === TraceKind.completion) events.push(eventOf(record, ring, client))
      else if (record.kind === TraceKind.wakeup)
        this.woken.push({ ring, client, atMs: record.openedMs, count: record.result })
    }
    if (this.woken.length > 2 * this.eventsMax) this.woken = this.woken.slice(-this.eventsMax)
    return events
  }

  /** The wake-ups that read() has come across since this was called last: at most `eventsMax`, the newest. */
  readWakeups(): TraceWakeup[] {
    return this.woken.splice(0).slice(-this.eventsMax)
  }

  /**
   * What is in the rings of this thread and not over, begun before the trace or since, whatever the sample; after stop() what was then. A read that
   * hangs is here and nowhere else.
   */
  inFlight(): readonly TraceInFlight[] {
    return this.stopped ? this.inFlightAtEnd : this.sources.flatMap((source) => source.inFlight())
  }

  /** Records, of events and of wake-ups, that were overwritten before they were read. */
  get dropped(): number {
    return this.sources.reduce((sum, { reader }) => sum + reader.dropped, this.droppedBefore)
  }

  /** Records written so far. */
  get written(): number {
    return this.sources.reduce((sum, { reader }) => sum + reader.written, this.writtenBefore)
  }

  /** Ends it. Safe to repeat. */
  stop(): void {
    if (this.stopped) return
    this.inFlightAtEnd = this.inFlight()
    this.stopped = true
    for (const source of this.sources) source.stop()
    this.onStop(this)
  }

  [Symbol.dispose](): void {
    this.stop()
  }
}

const links = { [TraceLink.none]: null, [TraceLink.soft]: 'soft', [TraceLink.hard]: 'hard' } as const
/** IORING_CQE_BUFFER_SHIFT: where in a completion's flags a buffer's number begins. */
const bufferShift = 16

function eventOf(record: TraceRecord, ring: number, client: number | null): TraceEvent {
  const { flags } = record
  return {
    ring,
    client,
    operation: operationName(record.opcode),
    id: record.id,
    chain: record.chain < 0 ? null : record.chain,
    link: links[record.link as keyof typeof links],
    more: (flags & CqeFlag.MORE) !== 0,
    slot: record.slot,
    openedMs: record.openedMs,
    publishedMs: record.publishedMs,
    seenMs: record.seenMs,
    settledMs: record.settledMs,
    result: record.result,
    flags,
    buffer: (flags & CqeFlag.BUFFER) === 0 ? null : flags >>> bufferShift,
  }
}
