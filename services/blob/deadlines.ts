// Whether a connection has taken too long: for a head, for the bytes of a body, to take its answer, to ask for something again, to go away. Asked
// at intervals by connection.ts, which then does what follows; reads no clock.
import type { BlobLimits } from './limits.ts'

/** What a connection is at. */
export interface Standing {
  readonly inHead: boolean
  readonly answering: boolean
  readonly lingering: boolean
  /** Changes whenever something has come or gone. */
  readonly activity: number
  /** Of a body that its client is to go on with, what has come; null where nothing is waited for, or where it waits for us. */
  readonly bodyBytes: number | null
  /** Grows by two for each byte that the client takes; 0 where nothing is being sent. */
  readonly progress: number
}

/** What it took too long for; `moved`: something has moved since it was asked the last time. */
export type Delay = 'moved' | 'none' | 'head' | 'body' | 'answer' | 'request' | 'goodbye'

export class Deadlines {
  private readonly limits: BlobLimits
  private activity = 0
  private progress = 0
  private idleMs = 0
  private headMs = 0
  private lingerMs = 0
  private readonly upload = new Pace()
  private readonly reading = new Pace()

  constructor(limits: BlobLimits) {
    this.limits = limits
  }

  headEnded(): void {
    this.headMs = 0
  }

  /** Since it was asked the last time, `elapsedMs` ago. */
  look(standing: Standing, elapsedMs: number): Delay {
    const { inHead, answering, lingering, activity, progress, bodyBytes } = standing
    const { headersMsMax, lingerMsMax, lingerMsTotal, stalledMsMax, keepAliveMs } = this.limits
    const moved = activity !== this.activity || progress !== this.progress
    this.activity = activity
    this.progress = progress
    this.idleMs = moved ? 0 : this.idleMs + elapsedMs
    this.headMs = inHead ? this.headMs + elapsedMs : 0
    this.lingerMs = lingering ? this.lingerMs + elapsedMs : 0
    if (lingering) return this.idleMs >= lingerMsMax || this.lingerMs >= lingerMsTotal ? 'goodbye' : 'none'
    if (this.headMs >= headersMsMax) return 'head'
    if (this.isTooSlow(bodyBytes, progress, elapsedMs)) return bodyBytes === null ? 'answer' : 'body'
    if (answering && this.idleMs >= stalledMsMax) return bodyBytes === null ? 'answer' : 'body'
    if (!answering && this.idleMs >= keepAliveMs) return 'request'
    return moved ? 'moved' : 'none'
  }

  private isTooSlow(bodyBytes: number | null, progress: number, elapsedMs: number): boolean {
    const { rateWindowMs, uploadBytesPerSecondMin, readBytesPerSecondMin } = this.limits
    const uploads = this.upload.isBelow(uploadBytesPerSecondMin, bodyBytes, elapsedMs, rateWindowMs)
    const taken = progress === 0 ? null : progress / 2
    return this.reading.isBelow(readBytesPerSecondMin, taken, elapsedMs, rateWindowMs) || uploads
  }
}

/** How fast a count grows, from one window of time to the next. */
class Pace {
  private windowMs = 0
  private from: number | null = null

  /** Whether `count` has grown by less than that over the last window. null: it has no reason to grow. */
  isBelow(perSecond: number, count: number | null, elapsedMs: number, windowMsMax: number): boolean {
    if (count === null || this.from === null || count < this.from) {
      this.from = count
      this.windowMs = 0
      return false
    }
    this.windowMs += elapsedMs
    if (this.windowMs < windowMsMax) return false
    const isSlow = (count - this.from) * 1000 < perSecond * this.windowMs
    this.from = count
    this.windowMs = 0
    return isSlow
  }
}
