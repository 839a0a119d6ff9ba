// Turns batches into the three latency stages of each request: queued, kernel, delivered. Used by the ring client.
// A clock is read once per batch opened, published, seen and settled, never per request; requests of one batch and operation
// share their values, so they are added up as a run and cost one histogram access.
import { bucketIndex } from '../metrics/exponential-histogram.ts'
import { Stage } from '../metrics/ring-metrics.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'

const nsPerMs = 1e6

export class StageRecorder {
  private readonly metrics: RingMetrics
  private readonly delivered = new Uint32Array(256)
  private readonly deliveredOps = new Uint8Array(256)
  private deliveredCount = 0
  // Two runs, because a completion may claim and so publish in the middle of a reap.
  private queuedOp = -1
  private queuedLength = 0
  private runOp = -1
  private runMs = 0
  private runLength = 0
  /** When the completions that are being taken were seen. */
  seenMs = 0
  private queuedNs = 0
  private queuedBucket = 0

  constructor(metrics: RingMetrics) {
    this.metrics = metrics
  }

  /** A batch opened at `openedMs` is published at `nowMs`; its requests follow by published(). */
  beginPublish(openedMs: number, nowMs: number): void {
    this.queuedNs = (nowMs - openedMs) * nsPerMs
    this.queuedBucket = bucketIndex(this.queuedNs)
    this.queuedLength = 0
    this.queuedOp = -1
  }

  /** One request of the batch. `claimedMs` is 0 unless it had to wait in the backlog. */
  published(op: number, claimedMs: number, nowMs: number): void {
    if (claimedMs !== 0) {
      this.metrics.recordStage(Stage.queued, op, (nowMs - claimedMs) * nsPerMs, 1)
      return
    }
    if (op !== this.queuedOp) this.flushQueued()
    this.queuedOp = op
    this.queuedLength++
  }

  endPublish(): void {
    this.flushQueued()
  }

  private flushQueued(): void {
    const { queuedLength } = this
    if (queuedLength === 0) return
    const sumNs = Math.max(0, this.queuedNs) * queuedLength
    this.metrics.recordBucket(Stage.queued, this.queuedOp, this.queuedBucket, sumNs, queuedLength)
    this.queuedLength = 0
  }

  /** Completions are about to be taken; they were seen at `seenMs`. */
  beginReap(seenMs: number): void {
    this.seenMs = seenMs
    this.runLength = 0
    this.runOp = -1
  }

  /** One completion of a request published at `publishedMs`. */
  seen(op: number, publishedMs: number): void {
    if (op !== this.runOp || publishedMs !== this.runMs) {
      this.flushKernel()
      this.runOp = op
      this.runMs = publishedMs
    }
    this.runLength++
    if (this.delivered[op]!++ === 0) this.deliveredOps[this.deliveredCount++] = op
  }

  /** All of the batch are settled at `nowMs`. */
  endReap(nowMs: number): void {
    this.flushKernel()
    const deliveredNs = Math.max(0, (nowMs - this.seenMs) * nsPerMs)
    const bucket = bucketIndex(deliveredNs)
    for (let index = 0; index < this.deliveredCount; index++) {
      const op = this.deliveredOps[index]!
      const count = this.delivered[op]!
      this.delivered[op] = 0
      this.metrics.recordBucket(Stage.delivered, op, bucket, deliveredNs * count, count)
    }
    this.deliveredCount = 0
  }

  private flushKernel(): void {
    if (this.runLength === 0) return
    this.metrics.recordStage(Stage.kernel, this.runOp, (this.seenMs - this.runMs) * nsPerMs, this.runLength)
    this.runLength = 0
  }
}
