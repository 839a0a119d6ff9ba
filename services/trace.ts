// rings.trace(): the last operations of all rings, one by one, while they go on. Starts and stops tracers (workers/tracer.ts) and reads what
// they write. One Tracing per Ringmaster; used by `ringmaster serve` for GET /trace too.
import { ringErrors } from '../native/errors.ts'
import { operationName } from '../native/operations/index.ts'
import type { TraceEvent, TraceWakeup } from '../metrics/trace-event.ts'
import { TraceFeed, tracesMax } from '../metrics/trace-feed.ts'
import { TraceKind, TraceLink, allocateTrace } from '../metrics/trace-memory.ts'
import { TraceReader } from '../metrics/trace-reader.ts'
import type { TraceRecord } from '../metrics/trace-reader.ts'
import { TraceWriter } from '../metrics/trace-writer.ts'
import { CqeFlag } from '../native/abi.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { Tracer } from '../workers/tracer.ts'
import { checkInteger, checkOptionNames } from './arguments.ts'
import type { OpenRings } from './open-rings.ts'

export interface TraceOptions {
  /**
   * Events of each ring that are kept until they are read, rounded up to a power of two; of more, the oldest are lost and counted.
   * 1–65,536, default 4096; 80 bytes each.
   */
  readonly eventsMax?: number
  /** Trace the first of this many operations, where a chain counts as one. 1–1,000,000, default 1: all. */
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

interface Source {
  readonly ring: number
  readonly feed: TraceFeed
  readonly writer: TraceWriter
  readonly reader: TraceReader
}

/** Of `ring`'s records those of one thread, in the order of their completion. */
export class Trace {
  /** One of how many operations is traced. */
  readonly sampleEvery: number
  private readonly sources: readonly Source[]
  private readonly wakeupsMax: number
  private readonly onStop: (trace: Trace) => void
  private woken: TraceWakeup[] = []
  private stopped = false

  /** Made by Ringmaster.trace(). @internal */
  constructor(
    sources: readonly Source[],
    { eventsMax, sampleEvery }: Required<TraceOptions>,
    onStop: (trace: Trace) => void,
  ) {
    this.sources = sources
    this.sampleEvery = sampleEvery
    this.wakeupsMax = eventsMax
    this.onStop = onStop
  }

  /**
   * What has completed since the last time: ring after ring, each in the order in which completions were taken. Read as often as
   * `eventsMax` needs it: what is overwritten meanwhile is in `dropped`. May be called after stop(), for what is left.
   */
  read(): TraceEvent[] {
    const events: TraceEvent[] = []
    for (const { ring, reader } of this.sources) {
      for (const record of reader.read()) {
        if (record.kind === TraceKind.completion) events.push(eventOf(record, ring))
        else if (record.kind === TraceKind.wakeup)
          this.woken.push({ ring, client: null, atMs: record.openedMs, count: record.result })
      }
    }
    if (this.woken.length > this.wakeupsMax) this.woken = this.woken.slice(-this.wakeupsMax)
    return events
  }

  /** The wake-ups that read() has come across since this was called last: at most `eventsMax`, the newest. */
  readWakeups(): TraceWakeup[] {
    return this.woken.splice(0)
  }

  /** Records, of events and of wake-ups, that were overwritten before they were read. */
  get dropped(): number {
    return this.sources.reduce((sum, { reader }) => sum + reader.dropped, 0)
  }

  /** Records written so far. */
  get written(): number {
    return this.sources.reduce((sum, { writer }) => sum + writer.written, 0)
  }

  /** Ends it. Safe to repeat. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    for (const { feed, writer } of this.sources) feed.remove(writer)
    this.onStop(this)
  }

  [Symbol.dispose](): void {
    this.stop()
  }
}

const links = { [TraceLink.none]: null, [TraceLink.soft]: 'soft', [TraceLink.hard]: 'hard' } as const
/** IORING_CQE_BUFFER_SHIFT: where in a completion's flags a buffer's number begins. */
const bufferShift = 16

function eventOf(record: TraceRecord, ring: number): TraceEvent {
  const { flags } = record
  return {
    ring,
    client: null,
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

export class Tracing {
  private readonly rings: Pick<OpenRings, 'handles' | 'users' | 'onRenewed'>
  /** By ring; it outlasts the rings that take each other's place. */
  private readonly feeds: TraceFeed[]
  private readonly traces = new Set<Trace>()
  private writtenBefore = 0
  private droppedBefore = 0

  constructor(rings: Pick<OpenRings, 'handles' | 'users' | 'onRenewed'>) {
    this.rings = rings
    this.feeds = rings.handles.map(() => new TraceFeed())
    rings.onRenewed.add((ring) => {
      if (this.traces.size > 0) this.attach(rings.handles[ring]!)
    })
  }

  /** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_TRACES_FULL */
  start(options: TraceOptions): Trace {
    checkOptionNames(options, ['eventsMax', 'sampleEvery'])
    const eventsMax = checkInteger(options.eventsMax ?? 4096, 'options.eventsMax', 1, 65_536)
    const sampleEvery = checkInteger(options.sampleEvery ?? 1, 'options.sampleEvery', 1, 1_000_000)
    if (this.traces.size >= tracesMax) throw ringErrors.tracesFull(tracesMax)
    const sources = this.feeds.map((feed, ring): Source => {
      const memory = allocateTrace(eventsMax)
      const writer = new TraceWriter(memory, sampleEvery)
      feed.add(writer)
      return { ring, feed, writer, reader: new TraceReader(memory) }
    })
    const trace = new Trace(sources, { eventsMax, sampleEvery }, (stopped) => {
      this.ended(stopped)
    })
    this.traces.add(trace)
    for (const handle of this.rings.users) this.attach(handle)
    return trace
  }

  stats(): TraceStats {
    const traces = [...this.traces]
    return {
      active: traces.length,
      written: traces.reduce((sum, trace) => sum + trace.written, this.writtenBefore),
      dropped: traces.reduce((sum, trace) => sum + trace.dropped, this.droppedBefore),
    }
  }

  /** Ends all of them; what they have can still be read. */
  close(): void {
    for (const trace of [...this.traces]) trace.stop()
  }

  private attach({ client, ring }: RingHandle): void {
    client.tracer ??= new Tracer(client.slots, client.counters, this.feeds[ring]!)
  }

  private ended(trace: Trace): void {
    if (!this.traces.delete(trace)) return
    this.writtenBefore += trace.written
    this.droppedBefore += trace.dropped
    if (this.traces.size > 0) return
    for (const { client } of this.rings.users) client.tracer = null
  }
}
