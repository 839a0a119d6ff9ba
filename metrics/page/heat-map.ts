// Latency over a minute: time from left to right, latency upwards by the exponential buckets of the histograms, colour for how many.
// Fed by main.ts with every frame; two neighbouring buckets make a row.

import type { ColourScheme } from './colours.ts'
import { bucketLowerBoundSeconds, bucketUpperBoundSeconds, quantileNs, bucketCount } from '../exponential-histogram.ts'
import { duration, whole } from './format.ts'
import type { LiveFrame } from '../live-protocol.ts'
import { isGap, keyOf, silenceMs, seriesMs } from './history.ts'
import { isBookkeeping } from './operations.ts'

const columnMs = 200
const columns = seriesMs / columnMs
/** From 2^-20 s (1 µs) to 2^2 s (4 s): what is outside is drawn at the edge. */
const firstBucket = 25
const bucketsPerRow = 2
const rows = 88
const axisPx = 46
const footPx = 16
/** Frames that percentile lines look back to: a second. */
const lineFrames = 5

interface Column {
  readonly atMs: number
  readonly spanMs: number
  readonly counts: Float64Array
  readonly buckets: Float64Array
}

export interface HeatFilter {
  /** Null: all of them. */
  readonly ring: string | null
  readonly op: number | null
  readonly stage: number
}

export class HeatMap {
  private readonly canvas: HTMLCanvasElement
  private readonly context: CanvasRenderingContext2D
  private readonly scheme: ColourScheme
  private list: Column[] = []
  private endMs = 0

  constructor(canvas: HTMLCanvasElement, scheme: ColourScheme) {
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('this browser has no canvas')
    this.canvas = canvas
    this.context = context
    this.scheme = scheme
    scheme.onChange(() => this.draw())
    new ResizeObserver(() => this.draw()).observe(canvas)
  }

  /** Draws all frames anew: the filter has changed. */
  fill(frames: readonly LiveFrame[], filter: HeatFilter): void {
    this.list = []
    for (const frame of frames) this.take(frame, filter)
    this.draw()
  }

  add(frame: LiveFrame, filter: HeatFilter): void {
    this.take(frame, filter)
    this.draw()
  }

  private take(frame: LiveFrame, { ring, op, stage }: HeatFilter): void {
    const counts = new Float64Array(rows)
    const buckets = new Float64Array(bucketCount)
    for (const one of frame.rings) {
      if (ring !== null && keyOf(one) !== ring) continue
      for (const histogram of one.histograms) {
        if (histogram[1] !== stage || (op === null ? isBookkeeping(histogram[0]!) : histogram[0] !== op)) continue
        for (let at = 3; at < histogram.length; at += 2) {
          const bucket = histogram[at]!
          buckets[bucket]! += histogram[at + 1]!
          const row = Math.floor((bucket - firstBucket) / bucketsPerRow)
          counts[Math.max(0, Math.min(rows - 1, row))]! += histogram[at + 1]!
        }
      }
    }
    this.endMs = frame.atMs
    this.list.push({ atMs: frame.atMs, spanMs: frame.spanMs, counts, buckets })
    while (this.list.length > 0 && this.list[0]!.atMs < frame.atMs - seriesMs) this.list.shift()
  }

  /** What is under a point, in words. */
  wordsAt(x: number, y: number): string | null {
    const { clientWidth, clientHeight } = this.canvas
    const width = clientWidth - axisPx
    const height = clientHeight - footPx
    if (x < axisPx || y > height) return null
    const atMs = this.endMs - seriesMs + ((x - axisPx) / width) * seriesMs
    const row = Math.floor((1 - y / height) * rows)
    const column = this.list.find((one) => one.atMs >= atMs)
    if (column === undefined || column.atMs - silenceMs(column.spanMs) > atMs) return null
    const first = firstBucket + row * bucketsPerRow
    const from = bucketLowerBoundSeconds(first) * 1e9
    const to = bucketUpperBoundSeconds(first + bucketsPerRow - 1) * 1e9
    const seconds = ((this.endMs - atMs) / 1000).toFixed(1)
    return `${seconds} s ago, ${duration(from)} to ${duration(to)}: ${whole(column.counts[row] ?? 0)} operations. From the histograms in shared memory`
  }

  private draw(): void {
    const { context, canvas } = this
    const { colours } = this.scheme
    const { clientWidth, clientHeight } = canvas
    if (clientWidth === 0) return
    const scale = Math.min(2, devicePixelRatio)
    if (canvas.width !== Math.round(clientWidth * scale)) canvas.width = Math.round(clientWidth * scale)
    if (canvas.height !== Math.round(clientHeight * scale)) canvas.height = Math.round(clientHeight * scale)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    context.clearRect(0, 0, clientWidth, clientHeight)
    const width = clientWidth - axisPx
    const height = clientHeight - footPx
    context.fillStyle = colours.track
    context.globalAlpha = 0.45
    context.fillRect(axisPx, 0, width, height)
    context.globalAlpha = 1
    let most = 1
    for (const { counts } of this.list) for (const count of counts) if (count > most) most = count
    const rowPx = height / rows
    const columnPx = width / columns
    for (const [index, { atMs, counts }] of this.list.entries()) {
      const right = axisPx + (1 - (this.endMs - atMs) / seriesMs) * width
      // A frame that came late stands for the time since the one before.
      const before = this.list[index - 1]
      const isNew = before === undefined || isGap(before, { atMs })
      if (before !== undefined && isNew) this.drawGap(atMs - before.atMs, right, width, height)
      const since = isNew ? columnMs : atMs - before.atMs
      const wide = Math.max(columnPx, (since / seriesMs) * width) + 0.5
      for (let row = 0; row < rows; row++) {
        if (counts[row] === 0) continue
        context.fillStyle = ramp(Math.log1p(counts[row]!) / Math.log1p(most), colours.dark)
        context.fillRect(right - wide, height - (row + 1) * rowPx, wide, rowPx + 0.5)
      }
    }
    this.drawLine(0.5, [], width, height)
    this.drawLine(0.99, [3, 3], width, height)
    this.drawAxes(width, height)
  }

  /** Nothing is known: the paper without the track. */
  private drawGap(gapMs: number, right: number, width: number, height: number): void {
    const { context } = this
    context.fillStyle = this.scheme.colours.card
    const wide = (Math.max(0, gapMs - columnMs) / seriesMs) * width
    const left = Math.max(axisPx, right - (columnMs / seriesMs) * width - wide)
    context.fillRect(left, 0, Math.max(0, right - (columnMs / seriesMs) * width - left), height)
  }

  private yOf(ns: number, height: number): number {
    const octaves = Math.log2(ns / 1e9) + 20
    return height * (1 - Math.max(0, Math.min(1, (octaves * 4) / rows)))
  }

  private drawLine(q: number, dash: number[], width: number, height: number): void {
    const { context } = this
    const { colours } = this.scheme
    context.strokeStyle = colours.text
    context.lineWidth = 1.25
    context.setLineDash(dash)
    context.beginPath()
    let isDown = false
    const recent = new Float64Array(bucketCount)
    let since = 0
    for (const [index, { atMs, buckets }] of this.list.entries()) {
      const before = this.list[index - 1]
      if (before !== undefined && isGap(before, { atMs })) {
        recent.fill(0)
        since = index
        isDown = false
      }
      const old = index - lineFrames >= since ? this.list[index - lineFrames] : undefined
      for (let bucket = 0; bucket < bucketCount; bucket++)
        recent[bucket]! += buckets[bucket]! - (old?.buckets[bucket] ?? 0)
      const ns = quantileNs(recent, q)
      if (Number.isNaN(ns)) {
        isDown = false
        continue
      }
      const x = axisPx + (1 - (this.endMs - atMs) / seriesMs) * width
      if (isDown) context.lineTo(x, this.yOf(ns, height))
      else context.moveTo(x, this.yOf(ns, height))
      isDown = true
    }
    context.stroke()
    context.setLineDash([])
  }

  private drawAxes(width: number, height: number): void {
    const { context } = this
    const { colours } = this.scheme
    context.fillStyle = colours.quiet
    context.strokeStyle = colours.line
    context.lineWidth = 1
    context.font = '11px system-ui, sans-serif'
    context.textBaseline = 'middle'
    context.textAlign = 'right'
    for (let power = 3; power <= 9; power++) {
      const y = this.yOf(10 ** power, height)
      context.globalAlpha = 0.6
      context.beginPath()
      context.moveTo(axisPx, y)
      context.lineTo(axisPx + width, y)
      context.stroke()
      context.globalAlpha = 1
      const label = power === 9 ? '1 s' : power >= 6 ? `${10 ** (power - 6)} ms` : `${10 ** (power - 3)} µs`
      context.fillText(label, axisPx - 6, Math.max(6, Math.min(height - 5, y)))
    }
    context.textBaseline = 'bottom'
    for (const seconds of [60, 40, 20, 0]) {
      const x = axisPx + (1 - (seconds * 1000) / seriesMs) * width
      context.textAlign = seconds === 60 ? 'left' : seconds === 0 ? 'right' : 'center'
      context.fillText(seconds === 0 ? 'now' : `${seconds} s ago`, x, height + footPx)
    }
  }
}

// One hue, from the paper to its opposite: order is seen in grey and by every eye.
const lightRamp = [
  [214, 230, 240],
  [120, 180, 217],
  [31, 119, 180],
  [8, 48, 107],
] as const
const darkRamp = [
  [27, 58, 82],
  [33, 104, 152],
  [86, 180, 233],
  [222, 243, 255],
] as const

function ramp(part: number, dark: boolean): string {
  const stops = dark ? darkRamp : lightRamp
  const at = Math.max(0, Math.min(1, part)) * (stops.length - 1)
  const low = stops[Math.floor(at)]!
  const high = stops[Math.min(stops.length - 1, Math.floor(at) + 1)]!
  const mix = at - Math.floor(at)
  const channel = (index: 0 | 1 | 2): number => Math.round(low[index] + (high[index] - low[index]) * mix)
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`
}
