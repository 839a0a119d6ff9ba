// What a ring is and has done, for stats() and for the metrics exporter. Reads shared counters and fdinfo; costs the I/O path
// nothing.
import { readSqThread } from '../native/fdinfo.ts'
import type { SqThread } from '../native/fdinfo.ts'
import type { MemoryKind } from '../native/ring-geometry.ts'
import { operationName } from '../native/operations/index.ts'
import { ClientCounter, WorkerCounter, operationCount } from '../metrics/ring-metrics.ts'
import type { PollerReason, RingMetricsSource } from '../metrics/catalog/ring-reading.ts'
import { Poller } from '../workers/poller-kind.ts'
import type { ClientState } from '../workers/submission.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import type { WorkerState } from '../workers/supervisor.ts'
import type { Advice, LoadSample } from './advice.ts'
import { setByOption } from './placement/types.ts'

/** One ring's numbers since it was opened. */
export interface RingStats {
  readonly ring: number
  readonly state: ClientState
  readonly poller: Poller
  /** Why this poller. */
  readonly reason: string
  /** Whether it is a fallback, since io_uring or SQPOLL is denied, or the worker is gone. */
  readonly degraded: boolean
  /** Whether another one would suit the load better, as of the last look. */
  readonly advice: Advice
  readonly memory: MemoryKind
  readonly sqEntries: number
  readonly cqEntries: number
  /** Requests in the ring now, and waiting for a place in it; and how many of each there may be. */
  readonly inFlight: number
  readonly backlog: number
  readonly inFlightLimit: number
  readonly backlogLimit: number
  readonly requests: number
  readonly completions: number
  readonly errors: number
  readonly publishedBatches: number
  /** io_uring_enter calls of this thread and of the ring worker. */
  readonly enterCalls: number
  readonly sqWakeups: number
  /** How often this thread went to sleep with requests in flight. */
  readonly sleeps: number
  readonly cqOverflows: number
  readonly staleCompletions: number
  readonly backlogRejections: number
  /** Requests of views that wait for a place in the ring, by their class. */
  readonly foregroundWaiting: number
  readonly backgroundWaiting: number
  /** Background's entries in the ring, and how many it may have; 0 and 0 where there was no view yet. */
  readonly backgroundInFlight: number
  readonly backgroundShare: number
  /** Requests of views refused with ERR_RING_BACKLOG_FULL. */
  readonly viewRejections: number
  /** Requests that were cancelled because their time limit passed. */
  readonly timeouts: number
  readonly sqThread: SqThread | null
  /** Thread id of the ring worker; null once it has ended. */
  readonly workerThreadId: number | null
  /** Whether it has a worker: `replacing` while another one is being started, `gone` where none could be. */
  readonly workerState: WorkerState
  /** For how long there has been none, in ms; 0 while there is one. */
  readonly workerMissingMs: number
  /** How often another worker has adopted the ring. */
  readonly workerRestarts: number
  /** Requests that dead workers had left behind and that were submitted again. */
  readonly revived: number
  /** How often its entries were halved until there was memory for the ring. */
  readonly entryHalvings: number
  /** How often the ring was lost and another one opened in its place. */
  readonly renewals: number
  /** How often it was moved to another poller (option `adapt`). */
  readonly moves: number
}

/** A client's ring. What only its own thread knows is left out of the state: it is open as long as it is listed. */
export interface ClientStats extends RingStats {
  /** The client's number; `ring` is the one whose poller serves it. */
  readonly client: number
  /** The value of the label `client` in the metrics: the smallest number that was free, so another client may have had it. */
  readonly metricsLabel: string
  /** Its thread, as the kernel numbers it. */
  readonly threadId: number
}

/** What is asked of a ring: a handle has it, and of a client's ring what is in shared memory. */
export interface StatsSource extends Pick<
  RingHandle,
  'ring' | 'reason' | 'workerLoss' | 'workerLostMs' | 'workerState' | 'workerThreadId' | 'geometry' | 'metrics'
> {
  readonly client: {
    readonly poller: Poller
    readonly state: ClientState
    readonly inFlight: number
    readonly load: number
    readonly inFlightMax: number
    readonly backlogMax: number
  }
}

const reasonOf = ({ reason, workerLoss }: StatsSource): string =>
  workerLoss === null ? reason : `${reason}; the ring worker is gone: ${workerLoss}`

const sqThreadOf = (handle: StatsSource): SqThread | null =>
  handle.client.poller === 'kernel' && handle.client.state !== 'closed' ? readSqThread(handle.geometry.ringFd) : null

/** The poller that was chosen for all rings, and whether another would have been, were everything allowed. */
export interface ChosenPoller {
  readonly poller: Poller
  readonly fallback: boolean
}

// A ring that was moved has another poller since that suits its load: no fallback. One that the kernel refused has threads in its place.
const isDegraded = ({ client, workerState }: StatsSource, chosen: ChosenPoller): boolean =>
  workerState === 'gone' ||
  (chosen.fallback && client.poller === chosen.poller) ||
  (client.poller === Poller.threadpool && chosen.poller !== Poller.threadpool)

export function ringStats(handle: StatsSource, advice: Advice, chosen: ChosenPoller): RingStats {
  const { client, geometry, metrics } = handle
  const counter = (index: number): number => metrics.client[index]!
  let requests = 0
  let completions = 0
  let errors = 0
  for (let op = 0; op <= operationCount; op++) {
    requests += metrics.requests(op)
    completions += metrics.completions(op)
    errors += metrics.errors(op)
  }
  return {
    ring: handle.ring,
    state: client.state,
    poller: client.poller,
    reason: reasonOf(handle),
    degraded: isDegraded(handle, chosen),
    advice,
    memory: geometry.kind,
    sqEntries: geometry.sqEntries,
    cqEntries: geometry.cqEntries,
    inFlight: client.inFlight,
    backlog: client.load - client.inFlight,
    inFlightLimit: client.inFlightMax,
    backlogLimit: client.backlogMax,
    requests,
    completions,
    errors,
    publishedBatches: counter(ClientCounter.publishedBatches),
    enterCalls: counter(ClientCounter.enterCalls) + metrics.ofWorker(WorkerCounter.enterCalls),
    sqWakeups: counter(ClientCounter.sqWakeups),
    sleeps: counter(ClientCounter.sleeps),
    cqOverflows: counter(ClientCounter.cqOverflows),
    staleCompletions: counter(ClientCounter.staleCompletions),
    backlogRejections: counter(ClientCounter.backlogRejections),
    foregroundWaiting: counter(ClientCounter.foregroundWaiting),
    backgroundWaiting: counter(ClientCounter.backgroundWaiting),
    backgroundInFlight: counter(ClientCounter.backgroundInFlight),
    backgroundShare: counter(ClientCounter.backgroundShare),
    viewRejections: counter(ClientCounter.viewRejections),
    timeouts: counter(ClientCounter.timeouts),
    sqThread: sqThreadOf(handle),
    workerState: handle.workerState,
    workerMissingMs: handle.workerLostMs < 0 ? 0 : performance.now() - handle.workerLostMs,
    workerRestarts: counter(ClientCounter.workerRestarts),
    revived: counter(ClientCounter.revived),
    entryHalvings: metrics.ofWorker(WorkerCounter.entryHalvings),
    renewals: counter(ClientCounter.renewals),
    moves: counter(ClientCounter.moves),
    workerThreadId: handle.workerLoss === null ? handle.workerThreadId : null,
  }
}

/** Why this poller, as a label: one of few. `reason` says it in full, with what was measured. */
function reasonLabel(source: StatsSource, chosen: ChosenPoller): PollerReason {
  const { client, metrics, reason, workerState } = source
  if (workerState === 'gone') return 'worker_gone'
  if (client.poller === Poller.threadpool && chosen.poller !== Poller.threadpool) return 'refused'
  if (isDegraded(source, chosen)) return 'denied'
  if (metrics.client[ClientCounter.moves]! > 0) return 'moved'
  return reason.startsWith(setByOption) ? 'option' : 'placement'
}

/** The same ring as the exporter wants it; `times` reads how its threads stand. */
export function metricsSource(
  handle: StatsSource,
  {
    pool,
    chosen,
    advice,
    times,
  }: Readonly<{ pool: string; chosen: ChosenPoller; advice: Advice; times: () => Omit<LoadSample, 'atMs'> }>,
): RingMetricsSource {
  const { client, geometry, metrics, ring } = handle
  return {
    pool,
    ring,
    poller: client.poller,
    reason: reasonLabel(handle, chosen),
    memory: geometry.kind,
    sqEntries: geometry.sqEntries,
    cqEntries: geometry.cqEntries,
    inFlightLimit: client.inFlightMax,
    backlogLimit: client.backlogMax,
    state: client.state,
    degraded: isDegraded(handle, chosen),
    metrics,
    operationName,
    advice,
    sqThread: () => sqThreadOf(handle),
    runQueueWait: () => {
      const { client: clientTimes, poller } = times()
      return { clientNs: clientTimes?.waitNs ?? null, pollerNs: poller?.waitNs ?? null }
    },
  }
}
