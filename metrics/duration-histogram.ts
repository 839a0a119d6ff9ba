// A histogram of durations for who counts in one thread and off the hot path: exponential buckets, and per classic bucket the latest trace. Used by
// planes that are no rings', such as HTTP. Other threads may read it where its memory is shared, all but the traces.
import { classicBounds, classicBucketOf } from './classic-buckets.ts'
import type { Exemplar } from './exemplar.ts'
import { bucketCount, bucketIndex } from './exponential-histogram.ts'
import { nsPerSecond } from './plane.ts'

const classicBuckets: Uint8Array = Uint8Array.from({ length: bucketCount }, (_, index) => classicBucketOf(index))

/** Numbers that a histogram takes: its buckets, and their sum. */
export const durationNumbers: number = bucketCount + 1

export class DurationHistogram {
  readonly counts: Float64Array
  private readonly sum: Float64Array
  /** By classic bucket, `+Inf` last. */
  readonly exemplars: (Exemplar | null)[] = Array.from({ length: classicBounds.length + 1 }, () => null)

  /** `memory`: durationNumbers of them. */
  constructor(memory: Float64Array = new Float64Array(durationNumbers)) {
    this.counts = memory.subarray(0, bucketCount)
    this.sum = memory.subarray(bucketCount, durationNumbers)
  }

  get sumNs(): number {
    return this.sum[0]!
  }

  /** `trace`: the labels of an exemplar, where the trace is known. */
  record(valueNs: number, trace: Exemplar['labels'] | null): void {
    const index = bucketIndex(valueNs)
    this.counts[index]! += 1
    this.sum[0]! += Math.max(0, valueNs)
    if (trace === null) return
    this.exemplars[classicBuckets[index]!] = { labels: trace, value: valueNs / nsPerSecond, timestampMs: Date.now() }
  }
}
