// One ring of a live frame: its queues, slots, counters, threads and tables. Used by live-frames.ts, which keeps one of these per ring
// from frame to frame. Reads shared memory, the client's own slot table, fdinfo and schedstat; the I/O path does nothing for it.
import { parseRingTables, readRingText, parseSqThread, isSqThread, type SqThread } from '../../native/fdinfo.ts'
import { operationName } from '../../native/operations/index.ts'
import { readThreadTimes, type ThreadTimes } from '../../native/schedstat.ts'
import { operationsInUse } from '../../metrics/catalog/ring-reading.ts'
import { errorName } from '../../metrics/error-name.ts'
import {
  bufferGroupsMax,
  errorRowsMax,
  liveCounters,
  liveGauges,
  type LiveBufferGroup,
  type LiveCounter,
  type LiveOperation,
  type LiveRing,
  type LiveTable,
} from '../../metrics/live-protocol.ts'
import { ClientCounter, WorkerCounter, operationCount, type RingMetrics } from '../../metrics/ring-metrics.ts'
import { Poller } from '../../workers/poller-kind.ts'
import type { SlotTable } from '../../workers/slots.ts'
import type { Advice } from '../advice.ts'
import type { StatsSource } from '../ring-stats.ts'
import { HistogramChanges, type BucketBudget } from './histogram-changes.ts'
import { QueueReader, type RingWords } from './queue-windows.ts'
import { slotList } from './slot-list.ts'

/** A ring as whoever has it describes it. */
export interface PicturedRing {
  readonly source: StatsSource
  /** 0: of the thread that started the rings. */
  readonly client: number
  /** The thread that uses it, as the kernel numbers it. */
  readonly clientTid: number
  readonly inFlightMax: number
  readonly backlogMax: number
  readonly advice: Advice
  /** Null where this thread cannot see it. */
  readonly words: RingWords | null
  readonly slots: SlotTable | null
  readonly groups: readonly LiveBufferGroup[]
}

/** What the rings of one frame share. */
export interface FrameContext {
  readonly budget: BucketBudget
  /** Of entries; 0: this ring is numbers only. */
  readonly windowMax: number
  /** Whether fdinfo and the scheduler are asked about this ring in this frame. */
  readonly asksKernel: boolean
  readonly threadTimes: (tid: number) => ThreadTimes | null
}

const reader = new QueueReader()
/** Completions of multishot requests before their last one, by opcode: the counters have the last one only. */
const givenOf = new WeakMap<RingMetrics, Map<number, number>>()
const noTimes = { clientRunNs: null, clientWaitNs: null, pollerRunNs: null, pollerWaitNs: null }

export class RingPicture {
  readonly metrics: RingMetrics
  private readonly histograms: HistogramChanges
  private sqThread: SqThread | null = null
  private files: LiveTable | null = null
  private buffers: LiveTable | null = null
  private cqTail: number | null = null
  private factsAtMs = 0
  private times: LiveRing['times'] = noTimes

  constructor(metrics: RingMetrics) {
    this.metrics = metrics
    this.histograms = new HistogramChanges(metrics)
  }

  draw(ring: PicturedRing, context: FrameContext): LiveRing {
    const { source, advice } = ring
    const { client, geometry } = source
    const { metrics } = this
    const isOpen = client.state === 'open' || client.state === 'closing'
    if (context.asksKernel || this.factsAtMs === 0) {
      this.factsAtMs = Date.now()
      if (isOpen) this.readFdinfo(geometry.ringFd, client.poller)
      this.times = this.readTimes(ring, context)
    }
    const isDetailed = context.windowMax > 0
    const words = isOpen && isDetailed ? ring.words : null
    const windows = words === null ? null : reader.read(words, context.windowMax, ring.slots)
    const slots =
      words === null || ring.slots === null ? null : slotList(ring.slots, words, this.cqTail ?? windows!.cq.tail)
    this.cqTail = windows?.cq.tail ?? null
    const ops = operationsInUse(metrics)
    const given = givenOf.get(metrics) ?? new Map<number, number>()
    givenOf.set(metrics, given)
    for (const [, op, , , count] of slots ?? []) if (count > 0) given.set(op, (given.get(op) ?? 0) + count)
    const operations = ops.map(
      (op) =>
        [
          op,
          op < operationCount ? operationName(op) : 'other',
          metrics.requests(op),
          metrics.completions(op),
          metrics.errors(op),
          metrics.bytes(op),
          given.get(op) ?? 0,
        ] as const,
    )
    return {
      ring: source.ring,
      client: ring.client,
      poller: client.poller,
      reason: source.workerLoss === null ? source.reason : `${source.reason}; the worker is gone: ${source.workerLoss}`,
      state: client.state,
      workerState: source.workerState,
      memory: geometry.kind,
      sqEntries: geometry.sqEntries,
      cqEntries: geometry.cqEntries,
      inFlightMax: ring.inFlightMax,
      backlogMax: ring.backlogMax,
      sq: windows?.sq ?? null,
      cq: windows?.cq ?? null,
      asleep: windows?.asleep ?? false,
      overflowed: windows?.overflowed ?? false,
      slots,
      counters: this.counters(operations),
      gauges: this.gauges(client.inFlight, client.load),
      factsAtMs: this.factsAtMs,
      sqThread: this.sqThread,
      times: this.times,
      groups: isDetailed ? ring.groups.slice(0, bufferGroupsMax) : [],
      files: this.files,
      buffers: this.buffers,
      operations: isDetailed ? operations : [],
      errors: isDetailed ? this.errors(ops) : [],
      histograms: this.histograms.take(ops, context.budget),
      advice: { poller: advice.poller, cause: advice.cause, reason: advice.reason },
    }
  }

  private readFdinfo(ringFd: number, poller: Poller): void {
    if (poller === Poller.threadpool) return
    const text = readRingText(ringFd)
    // The kernel leaves the tables out while somebody else has the ring's lock: what was known stands.
    const tables = parseRingTables(text)
    if (tables === null) return
    this.files = [tables.filesUsed, tables.files]
    this.buffers = [tables.buffersUsed, tables.buffers]
    const thread = poller === Poller.kernel ? parseSqThread(text) : null
    const isKnown = thread !== null && (thread.tid === this.sqThread?.tid || isSqThread(thread.tid))
    this.sqThread = isKnown ? thread : null
  }

  private counters(operations: readonly LiveOperation[]): number[] {
    const { metrics } = this
    const totals = { requests: 0, completions: 0, errors: 0 }
    for (const [, , requests, completions, errors] of operations) {
      totals.requests += requests
      totals.completions += completions
      totals.errors += errors
    }
    const value = (name: LiveCounter): number => {
      switch (name) {
        case 'requests':
        case 'completions':
        case 'errors':
          return totals[name]
        case 'workerEnterCalls':
          return metrics.ofWorker(WorkerCounter.enterCalls)
        case 'heartbeats':
          return metrics.ofWorker(WorkerCounter.heartbeats)
        default:
          return metrics.client[ClientCounter[name]]!
      }
    }
    return liveCounters.map(value)
  }

  private gauges(inFlight: number, load: number): number[] {
    const { client } = this.metrics
    return liveGauges.map((name) =>
      name === 'inFlight' ? inFlight : name === 'backlog' ? load - inFlight : client[ClientCounter[name]]!,
    )
  }

  private errors(ops: readonly number[]): (readonly [string, string, number])[] {
    const rows: (readonly [string, string, number])[] = []
    for (const op of ops) {
      if (this.metrics.errors(op) === 0) continue
      const name = op < operationCount ? operationName(op) : 'other'
      for (const { errno, count } of this.metrics.errorsByErrno(op)) rows.push([name, errorName(errno), count])
    }
    return rows.sort((one, other) => other[2] - one[2]).slice(0, errorRowsMax)
  }

  private readTimes({ source, clientTid, client }: PicturedRing, { threadTimes }: FrameContext): LiveRing['times'] {
    const { poller } = source.client
    const own = client === 0 // an attached thread's ring is polled by the ring's that serves it, and counted there
    const pollerTid = this.sqThread?.tid ?? (poller === Poller.worker ? source.workerThreadId : 0)
    const clientTimes = threadTimes(clientTid)
    const pollerTimes = own && pollerTid > 0 && source.workerState === 'well' ? threadTimes(pollerTid) : null
    return {
      clientRunNs: clientTimes?.runNs ?? null,
      clientWaitNs: clientTimes?.waitNs ?? null,
      pollerRunNs: pollerTimes?.runNs ?? null,
      pollerWaitNs: pollerTimes?.waitNs ?? null,
    }
  }
}

/** Thread times that are read once however many ask. */
export function timesOnce(): (tid: number) => ThreadTimes | null {
  const known = new Map<number, ThreadTimes | null>()
  return (tid) => {
    let times = known.get(tid)
    if (times === undefined) known.set(tid, (times = readThreadTimes(tid)))
    return times
  }
}
