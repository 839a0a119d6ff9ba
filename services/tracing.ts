// Starts and stops the tracers of a thread's rings (workers/tracer.ts), and has those of clients started in theirs. One per Ringmaster, in
// the thread that started the rings and in each that joined; Trace (trace.ts) reads what is written.
import { ringErrors } from '../native/errors.ts'
import { TraceFeed, tracesMax } from '../metrics/trace-feed.ts'
import type { TraceInFlight } from '../metrics/trace-event.ts'
import { TraceWriter } from '../metrics/trace-writer.ts'
import { Tracer } from '../workers/tracer.ts'
import { checkInteger, checkOptionNames } from './arguments.ts'
import type { Attachment } from './clients/attachment.ts'
import type { Clients } from './clients/clients.ts'
import type { TraceEnd, TraceOrder } from './clients/protocol.ts'
import type { OpenRings } from './open-rings.ts'
import { inFlightOf } from './trace-in-flight.ts'
import { Trace } from './trace.ts'
import type { TraceOptions, TraceStats } from './trace.ts'

export class Tracing {
  private readonly rings: Pick<OpenRings, 'handles' | 'users' | 'onRenewed'>
  /** By ring; it outlasts the rings that take each other's place. */
  private readonly feeds: TraceFeed[]
  private readonly traces = new Set<Trace>()
  /** Of a client: what the thread that started the rings has ordered. */
  private readonly orders = new Map<number, TraceWriter>()
  private clients: Clients | null = null
  private nextOrder = 0
  private writtenBefore = 0
  private droppedBefore = 0

  constructor(rings: Pick<OpenRings, 'handles' | 'users' | 'onRenewed'>) {
    this.rings = rings
    this.feeds = rings.handles.map(() => new TraceFeed())
    rings.onRenewed.add(() => {
      this.attach()
    })
  }

  /** Rings of `clients` are traced, too: those of threads that join later from then on. */
  follow(clients: Clients): void {
    this.clients = clients
    clients.onJoined.add((attachment) => {
      for (const trace of this.traces) this.include(trace, attachment)
    })
  }

  /** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_TRACES_FULL */
  start(options: TraceOptions): Trace {
    checkOptionNames(options, ['eventsMax', 'sampleEvery'])
    const eventsMax = checkInteger(options.eventsMax ?? 4096, 'options.eventsMax', 1, 65_536)
    const sampleEvery = checkInteger(options.sampleEvery ?? 1, 'options.sampleEvery', 1, 1_000_000)
    if (this.traces.size >= tracesMax) throw ringErrors.tracesFull(tracesMax)
    const trace = new Trace({ eventsMax, sampleEvery }, (stopped) => {
      this.ended(stopped)
    })
    for (const [ring, feed] of this.feeds.entries()) {
      trace.add((memory) => {
        const writer = new TraceWriter(memory, sampleEvery)
        feed.add(writer)
        const stop = (): void => {
          feed.remove(writer)
        }
        return { ring, client: null, ended: () => false, stop, inFlight: () => this.inFlight(ring) }
      })
    }
    this.traces.add(trace)
    this.attach()
    for (const attachment of this.clients?.list() ?? []) this.include(trace, attachment)
    return trace
  }

  private include(trace: Trace, attachment: Attachment): void {
    const { client, servedBy: ring } = attachment
    const number = this.nextOrder++
    trace.add((memory) => {
      attachment.notify({ notice: 'trace', number, memory, sampleEvery: trace.sampleEvery })
      const stop = (): void => {
        attachment.notify({ notice: 'trace-end', number })
      }
      return { ring, client, ended: () => attachment.state === 'gone', stop, inFlight: () => [] }
    })
  }

  private inFlight(ring: number): TraceInFlight[] {
    return [...this.rings.users].filter((handle) => handle.ring === ring).flatMap((handle) => inFlightOf(handle))
  }

  /** In a thread that joined: what the other one wants of this one's ring. */
  obey(order: TraceOrder | TraceEnd): void {
    const feed = this.feeds[0]!
    const { number } = order
    if (order.notice === 'trace') {
      const writer = new TraceWriter(order.memory, order.sampleEvery)
      if (feed.add(writer)) this.orders.set(number, writer)
    } else {
      const writer = this.orders.get(number)
      if (writer !== undefined) feed.remove(writer)
      this.orders.delete(number)
    }
    this.attach()
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

  /** Rings that somebody traces have a tracer, the others none. */
  private attach(): void {
    for (const { client, ring } of this.rings.users) {
      const feed = this.feeds[ring]!
      if (!feed.wanted) client.tracer = null
      else client.tracer ??= new Tracer(client.slots, client.counters, feed)
    }
  }

  private ended(trace: Trace): void {
    if (!this.traces.delete(trace)) return
    this.writtenBefore += trace.written
    this.droppedBefore += trace.dropped
    this.attach()
  }
}
