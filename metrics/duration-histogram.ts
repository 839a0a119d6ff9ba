// A histogram of durations for who counts in one thread and off the hot path: exponential buckets, and per classic bucket the latest trace. Used by
// planes that have no shared memory to count in, such as HTTP.
import { classicBounds, classicBucketOf } from './classic-buckets.ts'
import type { Exemplar } from './exemplar.ts'
import { bucketCount, bucketIndex } from './exponential-histogram.ts'
import { nsPerSecond } from './plane.ts'

const classicBuckets: Uint8Array = Uint8Array.from({ length: bucketCount }, (_, index) => classicBucketOf(index))

export class DurationHistogram {
  readonly counts: Float64Array = new Float64Array(bucketCount)
  /** By classic bucket, `+Inf` last. */
  readonly exemplars: (Exemplar | null)[] = Array.from({ length: classicBounds.length + 1 }, () => null)
  sumNs = 0

  /** `trace`: the labels of an exemplar, where the trace is known. */
  record(valueNs: number, trace: Exemplar['labels'] | null): void {
    const index = bucketIndex(valueNs)
    this.counts[index]! += 1
    this.sumNs += Math.max(0, valueNs)
    if (trace === null) return
    this.exemplars[classicBuckets[index]!] = { labels: trace, value: valueNs / nsPerSecond, timestampMs: Date.now() }
  }
}
