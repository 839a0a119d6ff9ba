// What `ringmaster top` shows and what --json prints: rates and levels of one moment. Shapes only; take-snapshot.ts makes them.
//
// Rates are of the time between two frames of the live feed, about one interval apart. A number that nobody knows is NaN here and null in JSON.
import type { LiveAbout, LiveJob } from '../../metrics/live-protocol.ts'

/** A queue: entries that lie in it. */
export interface QueueFill {
  readonly entries: number
  /** In the newest frame. */
  readonly filled: number
  /** The most in any frame of the interval: the feed has about five a second. */
  readonly filledMax: number
}

/** Of the last ten seconds at most; without what the library does for itself (nop, cancellations, timeouts). */
export interface StageTimes {
  readonly p50Ns: number
  readonly p99Ns: number
}

export interface Stages {
  /** From the call until the entry was published to the submission queue. */
  readonly queued: StageTimes
  /** From publishing the entry until its completion was seen. */
  readonly kernel: StageTimes
  /** From seeing the completion until the caller was told. */
  readonly delivered: StageTimes
}

/**
 * What polls the submission queue. `busy`: awake, and entries were published in the newest frame. `idle`: awake for nothing. `none`: the client's
 * own thread enters the kernel, or there is no ring. `unknown`: of this ring the feed tells counters only.
 */
export type ThreadState = 'busy' | 'idle' | 'asleep' | 'none' | 'gone' | 'unknown'

/** As they stand, since the process began: the same as in /metrics. */
export interface Totals {
  /** ringmaster_operation_completions_total */
  readonly operations: number
  /** ringmaster_operation_errors_total */
  readonly errors: number
  /** ringmaster_ring_enter_calls_total, of client and worker */
  readonly enterCalls: number
  /** ringmaster_ring_sq_wakeups_total */
  readonly wakeups: number
}

/** The same a second. */
export interface Rates {
  readonly operationsPerSecond: number
  readonly errorsPerSecond: number
  readonly enterCallsPerSecond: number
  readonly wakeupsPerSecond: number
}

export interface RingRow extends Rates {
  readonly ring: number
  /** 0, or the number of the thread that attached and whose ring this is. */
  readonly client: number
  readonly poller: string
  readonly state: string
  /** Null where the feed tells counters only. */
  readonly sq: QueueFill | null
  readonly cq: QueueFill | null
  /** The kernel keeps completions that found no room. */
  readonly overflowed: boolean
  readonly inFlight: number
  readonly inFlightMax: number
  readonly backlog: number
  readonly thread: ThreadState
  /** Of the SQ thread's CPU time, the part that it spent on entries. 0–1; of the kernel's SQ threads only. */
  readonly usefulShare: number
  /** CPU of the thread that polls: 1 is a whole one. */
  readonly cpuShare: number
  readonly bytesPerSecond: number
  readonly stages: Stages
  readonly totals: Totals
  /** What would suit this ring better, or nothing. */
  readonly advice: string
}

export interface OperationRow {
  readonly operation: string
  readonly perSecond: number
  /** Of all operations a second. 0–1. */
  readonly share: number
  readonly bytesPerSecond: number
  readonly errorsPerSecond: number
  /** Requested and not completed. */
  readonly inFlight: number
  readonly stages: Stages
  readonly total: number
  readonly errorsTotal: number
}

export interface FileRow {
  readonly file: string
  /** Requests that are being answered with it. */
  readonly open: number
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  /** Since it is watched. */
  readonly requests: number
  readonly bytes: number
}

export interface ClientRow {
  /** `thread`: uses rings. `http`: asks the daemon for files. */
  readonly kind: 'thread' | 'http'
  readonly client: string
  /** Operations of a thread, requests of an HTTP client; of these since it is watched. */
  readonly perSecond: number
  readonly bytesPerSecond: number
  readonly inFlight: number
  readonly total: number
  /** CPU of a thread: 1 is a whole one. */
  readonly cpuShare: number
  /** Of a thread: the part of the time that it wanted a CPU and had none. */
  readonly waitShare: number
}

export interface Snapshot {
  /** Of the newest frame, Unix time. */
  readonly atMs: number
  /** Between the two frames that rates are of. */
  readonly seconds: number
  readonly daemon: Pick<LiveAbout, 'host' | 'pid' | 'startedMs' | 'version' | 'node' | 'kernel' | 'effectiveCpus'>
  /** What /readyz says; null where nobody asks it. */
  readonly ready: { readonly ok: boolean; readonly reason: string } | null
  readonly rates: Rates & { readonly bytesPerSecond: number }
  readonly totals: Totals
  readonly inFlight: number
  readonly stages: Stages
  readonly rings: readonly RingRow[]
  /** Rings that the feed has no place for. */
  readonly ringsLeftOut: number
  /** Rings whose operations and queues the feed does not tell. */
  readonly ringsCountersOnly: number
  readonly operations: readonly OperationRow[]
  /** Resident services, and background work. */
  readonly jobs: readonly LiveJob[]
  /** Null where the process does not tell, or not yet. */
  readonly files: readonly FileRow[] | null
  readonly clients: readonly ClientRow[]
}
