// The counters and histograms of one ring, in memory shared by the threads around it. The ring client writes its part
// on the hot path, the ring worker writes its own, the exporter (and `top`, and stats) reads; nobody waits for anybody.
//
//   offset (bytes)                        written by     one element is
//   ┌──────────────────────────────────┐
//   │ client counters                  │  ring client    ClientCounter
//   ├ gap ─────────────────────────────┤
//   │ worker counters                  │  ring worker    WorkerCounter
//   ├ gap ─────────────────────────────┤
//   │ operation rows     [op]          │  ring client    requests, completions, errors, bytes
//   ├ gap ─────────────────────────────┤
//   │ error table        [op][errno]   │  ring client    completions with that errno; column 0: any other
//   ├ gap ─────────────────────────────┤
//   │ histograms         [stage][op]   │  ring client    bucketCount counts, then their sum in ns, then padding
//   └──────────────────────────────────┘  ringMetricsSizeBytes, about 445 KB
//
// Every number is a Float64: exact to 2^53 (285 years at a million per second), where a Uint32 wraps in 72 minutes and a
// BigInt64 element makes a BigInt per access. Every element has one writer, so `+= 1` loses nothing and needs no Atomics:
// on the 64-bit platforms we run on an aligned 8-byte store is one instruction, and a reader in another thread sees the
// old value or the new one, never half of each. What a reader sees may be a moment old, and two numbers may be of
// different moments; each of them only grows, which is all that Prometheus asks for.

import { bucketCount, bucketIndex, totalCount, type HistogramSnapshot } from './exponential-histogram.ts'

/** Slots of `RingMetrics.client`. Written by the client's thread only. */
export const ClientCounter = {
  publishedBatches: 0,
  publishedEntries: 1,
  enterCalls: 2,
  sqWakeups: 3,
  sleeps: 4,
  cqOverflows: 5,
  staleCompletions: 6,
  inFlight: 7,
  inFlightMax: 8,
  backlog: 9,
  backlogRejections: 10,
  cancels: 11,
  reapedBatches: 12,
  reapedCompletions: 13,
  /** Of views: who waits in their queues, of either class; what background has of the ring and may have; who was refused. */
  foregroundWaiting: 14,
  backgroundWaiting: 15,
  backgroundInFlight: 16,
  backgroundShare: 17,
  viewRejections: 18,
  /** Requests whose time limit passed. */
  timeouts: 19,
  /** Requests that a dead ring worker had left behind and that were submitted again. */
  revived: 20,
  workerRestarts: 21,
  /** 1 while there is no ring worker, else 0. */
  workerMissing: 22,
  /** How often the ring was lost and made anew. */
  renewals: 23,
  /** How often the ring was moved to another poller. */
  moves: 24,
} as const

/** Slots of `client` that say how things are, not how often they were. */
const states: readonly number[] = [
  ClientCounter.inFlight,
  ClientCounter.inFlightMax,
  ClientCounter.backlog,
  ClientCounter.foregroundWaiting,
  ClientCounter.backgroundWaiting,
  ClientCounter.backgroundInFlight,
  ClientCounter.backgroundShare,
  ClientCounter.workerMissing,
]

/** Slots of `RingMetrics.worker`. Written by the ring worker's thread only. */
export const WorkerCounter = {
  enterCalls: 0,
  sleeps: 1,
  wakeups: 2,
  heartbeats: 3,
  /** Date.now() of the last heartbeat, 0 before the first: a time other threads and Prometheus can compare with. */
  heartbeatTimestampMs: 4,
  errors: 5,
  /** How often the ring's entries were halved until the kernel had memory for it. */
  entryHalvings: 6,
} as const

/** The three parts of a request's life; see DESIGN, "Time". */
export const Stage = { queued: 0, kernel: 1, delivered: 2 } as const
export type Stage = (typeof Stage)[keyof typeof Stage]
const stageCount = 3

/** Opcodes with a row of their own. */
export const operationCount = 64
const rowCount = operationCount + 1
/** The row of every opcode newer than that: counted together rather than lost or written over a neighbour. */
export const otherOperation: number = rowCount - 1

/** Largest errno with a column of its own (EHWPOISON). Column 0 takes the rest. */
export const errnoMax = 133
export const otherErrno = 0

/** Numbers of errors and opcodes, because metrics/ imports nobody. */
const ENOENT = 2
const ETIME = 62
const EALREADY = 114
const ECANCELED = 125
const TIMEOUT = 11
const LINK_TIMEOUT = 15
const POLL_REMOVE = 7
const TIMEOUT_REMOVE = 12
const ASYNC_CANCEL = 14
/** What a CQE's result holds, negated, that is a notification's usage report (bit 31) and no errno. */
const usageReport = 2147483648

/**
 * Whether a negative result is how the operation ends when all is well: a timeout that ran out, a link timeout that did or
 * that was not needed, a zero-copy send whose notification says that the kernel copied, a cancellation of what was over
 * (ENOENT) or too far (EALREADY) already.
 */
function isNoError(op: number, errno: number): boolean {
  if (errno === usageReport) return true
  if (op === ASYNC_CANCEL || op === POLL_REMOVE || op === TIMEOUT_REMOVE) return errno === ENOENT || errno === EALREADY
  return (errno === ETIME && (op === TIMEOUT || op === LINK_TIMEOUT)) || (errno === ECANCELED && op === LINK_TIMEOUT)
}

const Row = { requests: 0, completions: 1, errors: 2, bytes: 3 } as const
const rowStride = 4
const errorStride = errnoMax + 1
/** Counts, sum, and padding to whole pairs of cache lines. */
const histogramStride = Math.ceil((bucketCount + 1) / 16) * 16
const sumSlot = bucketCount

const elementBytes = Float64Array.BYTES_PER_ELEMENT
/** Two cache lines: the adjacent-line prefetcher makes a neighbour's line as bad as one's own. */
const isolationBytes = 128

// The running sum: each region starts on a multiple of two lines and at least two lines after the end of the last.
let endBytes = 0
const nextRegion = (elements: number): { offsetBytes: number; elements: number } => {
  const offsetBytes = endBytes
  endBytes = Math.ceil((offsetBytes + elements * elementBytes) / isolationBytes + 1) * isolationBytes
  return { offsetBytes, elements }
}
const clientRegion = nextRegion(32)
const workerRegion = nextRegion(16)
const rowsRegion = nextRegion(rowCount * rowStride)
const errorsRegion = nextRegion(rowCount * errorStride)
const histogramsRegion = nextRegion(stageCount * rowCount * histogramStride)

/** Memory one ring needs; a multiple of 128, so that several may follow each other in one buffer. */
export const ringMetricsSizeBytes: number = endBytes

export interface ErrnoCount {
  readonly errno: number
  readonly count: number
}

function move(from: Float64Array, to: Float64Array, slot: number): void {
  to[slot]! += from[slot]!
  from[slot] = 0
}

const rowOf = (op: number): number => (op >>> 0 < operationCount ? op : otherOperation)

/** A view over one ring's numbers. Make one per thread and ring, once: making it allocates, using it does not. */
export class RingMetrics {
  readonly client: Float64Array
  readonly worker: Float64Array
  readonly #rows: Float64Array
  readonly #errors: Float64Array
  readonly #histograms: Float64Array
  /** Views over the counts of each stage and operation, made when first read. */
  readonly #stageCounts: Float64Array[] = []
  /** What workers of the rings before this one had counted. */
  readonly #workerBefore = new Float64Array(workerRegion.elements)

  /** `offsetBytes` must be a multiple of 128; the memory starts as zeros and outlives workers. */
  constructor(buffer: SharedArrayBuffer, offsetBytes: number) {
    if (!Number.isInteger(offsetBytes) || offsetBytes < 0 || offsetBytes % isolationBytes !== 0) {
      throw new RangeError(`offsetBytes=${offsetBytes} must be a multiple of ${isolationBytes}`)
    }
    if (offsetBytes + ringMetricsSizeBytes > buffer.byteLength) {
      throw new RangeError(
        `ring metrics need ${ringMetricsSizeBytes} bytes at offsetBytes=${offsetBytes}, byteLength=${buffer.byteLength}`,
      )
    }
    const view = (region: { offsetBytes: number; elements: number }): Float64Array =>
      new Float64Array(buffer, offsetBytes + region.offsetBytes, region.elements)
    this.client = view(clientRegion)
    this.worker = view(workerRegion)
    this.#rows = view(rowsRegion)
    this.#errors = view(errorsRegion)
    this.#histograms = view(histogramsRegion)
  }

  /**
   * Goes on counting where `other`, the ring that was here before, has got to; again later for what it has counted since. For the
   * client's thread, which writes both: what is taken over is 0 there. What a worker writes is only remembered.
   */
  takeOver(other: RingMetrics): void {
    for (let slot = 0; slot < other.client.length; slot++) {
      if (!states.includes(slot)) move(other.client, this.client, slot)
    }
    for (const [from, to] of [
      [other.#rows, this.#rows],
      [other.#errors, this.#errors],
      [other.#histograms, this.#histograms],
    ] as const) {
      for (let slot = 0; slot < from.length; slot++) if (from[slot] !== 0) move(from, to, slot)
    }
    for (const slot of Object.values(WorkerCounter)) {
      if (slot === WorkerCounter.heartbeatTimestampMs) continue
      const counted = other.ofWorker(slot)
      this.#workerBefore[slot]! += counted
      other.#workerBefore[slot]! -= counted
    }
  }

  /** What workers have counted, those of rings that were here before included. */
  ofWorker(slot: number): number {
    return this.worker[slot]! + this.#workerBefore[slot]!
  }

  /** A request entered the ring's care: once per request. */
  countRequest(op: number): void {
    this.#rows[rowOf(op) * rowStride + Row.requests]! += 1
  }

  /**
   * A request is over: once per request, on its last completion. A negative result is an errno, and an error unless the
   * operation ends like that when all is well.
   */
  countCompletion(op: number, result: number): void {
    const row = rowOf(op)
    this.#rows[row * rowStride + Row.completions]! += 1
    if (result < 0) this.#countError(row, -result)
  }

  /** A request has failed and is not over yet: a zero-copy send whose notification is still to come. */
  countEarlyError(op: number, result: number): void {
    this.#countError(rowOf(op), -result)
  }

  /** Bytes moved, for operations whose result is a length. */
  countBytes(op: number, sizeBytes: number): void {
    this.#rows[rowOf(op) * rowStride + Row.bytes]! += sizeBytes
  }

  /** Adds `count` observations of `valueNs`. A clock that went backwards counts as 0, so that the sum never falls. */
  recordStage(stage: number, op: number, valueNs: number, count: number): void {
    this.recordBucket(stage, op, bucketIndex(valueNs), valueNs > 0 ? valueNs * count : 0, count)
  }

  /**
   * What recordStage does after finding the bucket. For runs of one value over several operations: take
   * `bucketIndex(valueNs)` once. `sumNs` is the sum of the `count` values and must not be negative.
   */
  recordBucket(stage: number, op: number, bucket: number, sumNs: number, count: number): void {
    const histograms = this.#histograms
    const base = (stage * rowCount + rowOf(op)) * histogramStride
    histograms[base + bucket]! += count
    // Exact until 104 days of latency have been added up; then each addition rounds, by one part in 2^53.
    histograms[base + sumSlot]! += sumNs
  }

  requests(op: number): number {
    return this.#rows[rowOf(op) * rowStride + Row.requests]!
  }

  completions(op: number): number {
    return this.#rows[rowOf(op) * rowStride + Row.completions]!
  }

  errors(op: number): number {
    return this.#rows[rowOf(op) * rowStride + Row.errors]!
  }

  bytes(op: number): number {
    return this.#rows[rowOf(op) * rowStride + Row.bytes]!
  }

  /** Requests that have not completed. Completions are read first, so a racing client cannot make this negative. */
  inFlight(op: number): number {
    const completions = this.completions(op)
    return this.requests(op) - completions
  }

  /** The errors that occurred, by errno; `otherErrno` stands for numbers outside 1..133. */
  errorsByErrno(op: number): ErrnoCount[] {
    const base = rowOf(op) * errorStride
    const found: ErrnoCount[] = []
    for (let errno = 0; errno < errorStride; errno++) {
      const count = this.#errors[base + errno]!
      if (count > 0) found.push({ errno, count })
    }
    return found
  }

  /** Counts by bucket: a live view. For who reads many: nothing is made but the first time. */
  stageCounts(stage: number, op: number): Float64Array {
    const histogram = stage * rowCount + rowOf(op)
    const base = histogram * histogramStride
    return (this.#stageCounts[histogram] ??= this.#histograms.subarray(base, base + bucketCount))
  }

  stageSumNs(stage: number, op: number): number {
    return this.#histograms[(stage * rowCount + rowOf(op)) * histogramStride + sumSlot]!
  }

  /** `counts` is a live view, `count` its total when read. Copy with mergeHistograms to keep it. */
  histogram(stage: number, op: number): HistogramSnapshot {
    const counts = this.stageCounts(stage, op)
    return { counts, sumNs: this.stageSumNs(stage, op), count: totalCount(counts) }
  }

  #countError(row: number, errno: number): void {
    if (isNoError(row, errno)) return
    this.#rows[row * rowStride + Row.errors]! += 1
    this.#errors[row * errorStride + (errno <= errnoMax ? errno : otherErrno)]! += 1
  }
}
