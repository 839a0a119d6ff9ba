// What the page remembers of the frames: rates over a second, histograms over ten, series over a minute. Pure; fed by main.ts with
// every frame, read by whatever draws; services/top keeps one, too. A frame that was missed costs resolution of counters, which are totals,
// and its own observations of histograms, which are what was added.

import { bucketCount, quantileNs } from '../exponential-histogram.ts'
import { isBookkeeping } from './operations.ts'
import { liveCounters, ringsDetailedMax, type LiveCounter, type LiveFrame, type LiveRing } from '../live-protocol.ts'

/** A ring's name within the page. */
export const keyOf = (ring: Pick<LiveRing, 'ring' | 'client'>): string => `${ring.ring}.${ring.client}`

const rateMs = 1_000
/** What verdicts and percentiles look back to. */
export const lookBackMs = 10_000
/** What charts show. */
export const seriesMs = 60_000

/** After so long without a frame there is no news: three frames, and two seconds at the least. */
export const silenceMs = (spanMs: number): number => Math.max(2_000, 3 * spanMs)

/** Nothing is known of the time between two frames: the page was paused, or the process stood still. */
export const isGap = (before: Pick<LiveFrame, 'atMs' | 'spanMs'>, frame: Pick<LiveFrame, 'atMs'>): boolean =>
  frame.atMs - before.atMs > silenceMs(before.spanMs)

const indexOf = new Map<LiveCounter, number>(liveCounters.map((name, index) => [name, index]))

/** A counter as it stands. */
export function counterOf(ring: LiveRing, name: LiveCounter): number {
  return ring.counters[indexOf.get(name)!]!
}

/** Whether a ring comes after those whose entries, slots, operations and errors a frame has. */
export const isCountersOnly = (frame: LiveFrame | null, ring: LiveRing): boolean =>
  frame !== null && frame.rings.findIndex((one) => keyOf(one) === keyOf(ring)) >= ringsDetailedMax

/** Two frames, the time between them, and what rings did in it. */
export interface Span {
  readonly first: LiveFrame
  readonly last: LiveFrame
  readonly seconds: number
}

/** What was added up of one histogram. */
interface Window {
  readonly ring: string
  readonly op: number
  readonly stage: number
  readonly counts: Float64Array
}

interface Addition {
  readonly atMs: number
  readonly window: Window
  readonly counts: readonly number[]
}

export class History {
  private readonly frames: LiveFrame[] = []
  private readonly windows = new Map<string, Window>()
  private additions: Addition[] = []

  /** Whether what was remembered is forgotten. */
  add(frame: LiveFrame): boolean {
    const before = this.frames.at(-1)
    // The process was started anew: what it counts begins at zero, and what is remembered is another's.
    const isAnother = before !== undefined && (frame.sequence <= before.sequence || restarted(before, frame))
    if (isAnother) this.clear()
    this.frames.push(frame)
    while (this.frames.length > 1 && this.frames[0]!.atMs < frame.atMs - seriesMs) this.frames.shift()
    for (const ring of frame.rings) {
      for (const histogram of ring.histograms) this.count(frame.atMs, keyOf(ring), histogram)
    }
    const keepFromMs = frame.atMs - lookBackMs
    let over = 0
    for (; over < this.additions.length && this.additions[over]!.atMs < keepFromMs; over++) {
      const { window, counts } = this.additions[over]!
      for (let at = 0; at < counts.length; at += 2) window.counts[counts[at]!]! -= counts[at + 1]!
    }
    if (over > 0) this.additions = this.additions.slice(over)
    return isAnother
  }

  clear(): void {
    this.frames.length = 0
    this.windows.clear()
    this.additions = []
  }

  private count(atMs: number, ring: string, histogram: readonly number[]): void {
    const [op, stage, , ...counts] = histogram as [number, number, number, ...number[]]
    const key = `${ring}/${op}/${stage}`
    let window = this.windows.get(key)
    if (window === undefined)
      this.windows.set(key, (window = { ring, op, stage, counts: new Float64Array(bucketCount) }))
    for (let at = 0; at < counts.length; at += 2) window.counts[counts[at]!]! += counts[at + 1]!
    this.additions.push({ atMs, window, counts })
  }

  get latest(): LiveFrame | null {
    return this.frames.at(-1) ?? null
  }

  /** All frames of the last minute, the oldest first. */
  get series(): readonly LiveFrame[] {
    return this.frames
  }

  /** From the newest frame back to the one that is `backMs` older, or the oldest behind the last gap. Null: there is only one. */
  span(backMs: number = rateMs): Span | null {
    const last = this.frames.at(-1)
    if (last === undefined) return null
    let first = last
    for (let index = this.frames.length - 1; index >= 0; index--) {
      const frame = this.frames[index]!
      if (isGap(frame, first)) break
      first = frame
      if (last.atMs - first.atMs >= backMs) break
    }
    const seconds = (last.atMs - first.atMs) / 1000
    return seconds > 0 ? { first, last, seconds } : null
  }

  /** Latencies of the last ten seconds: of `ring` (null: all), of `op` (null: all but bookkeeping), in one stage. */
  histogram(ring: string | null, op: number | null, stage: number): Float64Array {
    const sum = new Float64Array(bucketCount)
    for (const window of this.windows.values()) {
      const { counts } = window
      if (
        window.stage !== stage ||
        (ring !== null && window.ring !== ring) ||
        (op === null ? isBookkeeping(window.op) : window.op !== op)
      )
        continue
      for (let index = 0; index < bucketCount; index++) sum[index]! += counts[index]!
    }
    return sum
  }

  /** NaN where nothing was measured. */
  quantile(ring: string | null, op: number | null, stage: number, q: number): number {
    return quantileNs(this.histogram(ring, op, stage), q)
  }
}

function restarted(before: LiveFrame, frame: LiveFrame): boolean {
  return frame.rings.some((ring) => {
    const old = before.rings.find((other) => keyOf(other) === keyOf(ring))
    return old !== undefined && counterOf(ring, 'requests') < counterOf(old, 'requests')
  })
}

/** What one ring's counter grew by between two frames; 0 for a ring that was not there. */
export function growth({ first, last }: Span, ring: string, name: LiveCounter): number {
  const now = last.rings.find((one) => keyOf(one) === ring)
  const then = first.rings.find((one) => keyOf(one) === ring)
  if (now === undefined || then === undefined) return 0
  return Math.max(0, counterOf(now, name) - counterOf(then, name))
}

/** The same of all rings together. */
export function growthOfAll(span: Span, name: LiveCounter): number {
  let sum = 0
  for (const ring of span.last.rings) sum += growth(span, keyOf(ring), name)
  return sum
}
