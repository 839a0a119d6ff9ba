// Looks every second, and once more at the end, whether a ring refused requests or its completion queue overflowed, for diagnostics.ts: the counters are
// written on the hot path, which tells nobody. Made by open-rings.ts; a look costs two comparisons for each ring.
import { ClientCounter, type RingMetrics } from '../metrics/ring-metrics.ts'
import { publish } from './diagnostics.ts'

const lookMs = 1000

interface Seen {
  rejections: number
  overflows: number
}

export class RingEvents {
  private readonly pool: string
  private readonly rings: readonly { readonly metrics: RingMetrics }[]
  private readonly seen: Seen[] = []
  private readonly timer: NodeJS.Timeout

  /** `rings`: those that are open now, at each look. What takes a ring's place goes on with its counters. */
  constructor(pool: string, rings: readonly { readonly metrics: RingMetrics }[]) {
    this.pool = pool
    this.rings = rings
    this.timer = setInterval(() => {
      this.look()
    }, lookMs)
    this.timer.unref()
  }

  /** Nothing happens any more: tells what was not told yet. */
  close(): void {
    clearInterval(this.timer)
    this.look()
  }

  /** Publishes what is new since the last look, whether anybody listened then or not. */
  private look(): void {
    const { pool } = this
    for (const [ring, { metrics }] of this.rings.entries()) {
      const { client } = metrics
      const seen = (this.seen[ring] ??= { rejections: 0, overflows: 0 })
      const rejections = client[ClientCounter.backlogRejections]! + client[ClientCounter.viewRejections]!
      const overflows = client[ClientCounter.cqOverflows]!
      const before = { ...seen }
      seen.rejections = rejections
      seen.overflows = overflows
      if (rejections > before.rejections)
        publish('ringmaster:backlog:full', () => ({ pool, ring, rejections: rejections - before.rejections }))
      if (overflows > before.overflows)
        publish('ringmaster:cq:overflow', () => ({ pool, ring, overflows: overflows - before.overflows }))
    }
  }
}
