// Looks now and then whether a ring refused requests or its completion queue overflowed, for diagnostics.ts: the counters are written on the hot path,
// which tells nobody. Called by open-rings.ts with every look at the heartbeats; costs two comparisons where nobody listens.
import { ClientCounter, type RingMetrics } from '../metrics/ring-metrics.ts'
import { isHeard, publish } from './diagnostics.ts'

export class RingEvents {
  private readonly pool: string
  private readonly ring: number
  private rejections = NaN
  private overflows = NaN

  constructor(pool: string, ring: number) {
    this.pool = pool
    this.ring = ring
  }

  /** Publishes what is new since the last look. A listener that has just come is told of what comes after. */
  look({ client }: RingMetrics): void {
    const { pool, ring } = this
    if (!isHeard('ringmaster:backlog:full')) this.rejections = NaN
    else {
      const now = client[ClientCounter.backlogRejections]! + client[ClientCounter.viewRejections]!
      const rejections = now - this.rejections
      this.rejections = now
      if (rejections > 0) publish('ringmaster:backlog:full', () => ({ pool, ring, rejections }))
    }
    if (!isHeard('ringmaster:cq:overflow')) this.overflows = NaN
    else {
      const now = client[ClientCounter.cqOverflows]!
      const overflows = now - this.overflows
      this.overflows = now
      if (overflows > 0) publish('ringmaster:cq:overflow', () => ({ pool, ring, overflows }))
    }
  }
}
