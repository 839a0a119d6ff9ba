// What was added to a ring's histograms since the frame before. Used by ring-picture.ts: only operations that something happened to
// are compared, bucket by bucket, with a copy of what was there.
import { bucketCount } from '../../metrics/exponential-histogram.ts'
import { Stage, type RingMetrics } from '../../metrics/ring-metrics.ts'
import type { LiveHistogram } from '../../metrics/live-protocol.ts'

/** Buckets that a frame may still hold, and what found no room. Shared by the rings of a frame. */
export interface BucketBudget {
  left: number
  histogramsLeftOut: number
}

interface Before {
  /** Requests and completions when it was last compared. */
  moves: number
  /** It moved, and the last of it may have been recorded just after: it is compared once more. */
  unsettled: boolean
  readonly counts: readonly Float64Array[]
  readonly sumsNs: Float64Array
}

const stages = Object.values(Stage)

export class HistogramChanges {
  private readonly metrics: RingMetrics
  private readonly before = new Map<number, Before>()
  private primed = false

  constructor(metrics: RingMetrics) {
    this.metrics = metrics
  }

  /** `ops`: those in use. The first call only remembers. */
  take(ops: readonly number[], budget: BucketBudget): LiveHistogram[] {
    const changes: LiveHistogram[] = []
    for (const op of ops) {
      const moves = this.metrics.requests(op) + this.metrics.completions(op)
      let before = this.before.get(op)
      if (before === undefined) {
        before = fresh()
        this.before.set(op, before)
        if (!this.primed) {
          before.moves = moves
          for (const stage of stages) this.remember(before, op, stage)
          continue
        }
      }
      const moved = moves !== before.moves
      if (!moved && !before.unsettled) continue
      if (budget.left < bucketCount) {
        budget.histogramsLeftOut += stages.length
        continue
      }
      before.moves = moves
      before.unsettled = moved
      for (const stage of stages) this.compare(before, op, stage, budget, changes)
    }
    this.primed = true
    return changes
  }

  private compare(before: Before, op: number, stage: Stage, budget: BucketBudget, changes: LiveHistogram[]): void {
    const { counts, sumNs } = this.metrics.histogram(stage, op)
    const old = before.counts[stage]!
    const change = [op, stage, Math.max(0, Math.round(sumNs - before.sumsNs[stage]!))]
    for (let index = 0; index < bucketCount; index++) {
      const added = counts[index]! - old[index]!
      if (added === 0) continue
      old[index] = counts[index]!
      if (added > 0) change.push(index, added)
    }
    before.sumsNs[stage] = sumNs
    if (change.length === 3) return
    budget.left -= (change.length - 3) / 2
    changes.push(change)
  }

  private remember(before: Before, op: number, stage: Stage): void {
    const { counts, sumNs } = this.metrics.histogram(stage, op)
    before.counts[stage]!.set(counts)
    before.sumsNs[stage] = sumNs
  }
}

const fresh = (): Before => ({
  moves: 0,
  unsettled: false,
  counts: stages.map(() => new Float64Array(bucketCount)),
  sumsNs: new Float64Array(stages.length),
})
