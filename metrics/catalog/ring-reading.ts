// A ring at the moment of a scrape: what the rows of rings.ts, operations.ts and workers.ts read. Made of what services/ring-stats.ts says of a ring.
import { ClientCounter, operationCount, otherOperation, type RingMetrics, WorkerCounter } from '../ring-metrics.ts'
import type { SampleSink, Subject } from '../plane.ts'

/**
 * Why a ring has its poller: it was asked for; the rules of placement chose it; the ring was moved (option `adapt`); io_uring or SQPOLL is denied; the
 * kernel refused this ring; its worker is gone for good. stats() and the log have it in full: with numbers it would be a series for each.
 */
export const pollerReasons = ['option', 'placement', 'moved', 'denied', 'refused', 'worker_gone'] as const
export type PollerReason = (typeof pollerReasons)[number]

/**
 * What the metrics ask of a ring. `sqThread` reads fdinfo, null where there is none. `runQueueWait` reads schedstat. Both are called once per scrape.
 */
export interface RingMetricsSource {
  /** Of the pool it belongs to; empty for the only one. */
  pool: string
  ring: number
  /** Of a ring of another thread, served by `ring`'s poller: its number. */
  client?: number
  poller: string
  reason: PollerReason
  memory: 'user' | 'mapped'
  sqEntries: number
  cqEntries: number
  inFlightLimit: number
  backlogLimit: number
  state: string
  /** Whether the poller is a fallback, or the worker is gone for good. */
  degraded: boolean
  metrics: RingMetrics
  readonly operationName: (op: number) => string
  /** Which poller would suit its load, and what speaks for it. */
  advice: { readonly poller: string; readonly cause: string }
  sqThread(): SqThreadTimes | null
  runQueueWait(): RunQueueWait
}

/** Time that threads had to wait for a CPU since they began; null for a thread that is not there. */
export interface RunQueueWait {
  clientNs: number | null
  pollerNs: number | null
}

export interface SqThreadTimes {
  busyNs: number
  totalNs: number
}

/** An operation that was ever requested on the ring: a series for each of the others would be noise. */
export interface OperationInUse {
  readonly op: number
  /** As the label says it; opcodes too new for a row of their own share one. */
  readonly label: string
}

export class RingReading {
  readonly source: RingMetricsSource
  readonly metrics: RingMetrics
  private inUse: readonly OperationInUse[] | null = null
  private thread: SqThreadTimes | null | undefined

  constructor(source: RingMetricsSource) {
    this.source = source
    this.metrics = source.metrics
  }

  get operations(): readonly OperationInUse[] {
    this.inUse ??= usedOperations(this.source)
    return this.inUse
  }

  get sqThread(): SqThreadTimes | null {
    if (this.thread === undefined) this.thread = this.source.sqThread()
    return this.thread
  }
}

/** Opcodes that were ever requested on a ring. */
export function operationsInUse(metrics: RingMetrics): number[] {
  const used: number[] = []
  for (let op = 0; op <= otherOperation; op++) if (metrics.requests(op) > 0) used.push(op)
  return used
}

const usedOperations = ({ metrics, operationName }: RingMetricsSource): OperationInUse[] =>
  operationsInUse(metrics).map((op) => ({ op, label: op < operationCount ? operationName(op) : 'other' }))

/** Rings as subjects of planes over RingReading. */
export function* ringSubjects(sources: Iterable<RingMetricsSource>): Iterable<Subject<RingReading>> {
  for (const source of sources) {
    const { pool, ring, client } = source
    yield { labels: [pool, String(ring), client === undefined ? '' : String(client)], reading: new RingReading(source) }
  }
}

type Read = (reading: RingReading, sample: SampleSink) => void

export const ofClient =
  (counter: keyof typeof ClientCounter): Read =>
  ({ metrics }, sample) =>
    sample(metrics.client[ClientCounter[counter]]!)

export const ofWorker =
  (counter: keyof typeof WorkerCounter): Read =>
  ({ metrics }, sample) =>
    sample(metrics.ofWorker(WorkerCounter[counter]))

/** Both ends of a ring do this; the label says which. */
export const ofBoth =
  (counter: keyof typeof ClientCounter & keyof typeof WorkerCounter): Read =>
  ({ metrics }, sample) => {
    sample(metrics.client[ClientCounter[counter]]!, 'client')
    sample(metrics.ofWorker(WorkerCounter[counter]), 'worker')
  }
