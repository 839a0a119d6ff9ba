// Sends live frames to whoever looks, as server-sent events. Used by the daemon (`serve`) as a route of the admin server.
//
// A frame is built and put into words once, whoever many look. While nobody looks there is no timer and nothing is read. Building
// may take one part in a hundred of the time: where it takes longer, frames come less often. A viewer that does not keep up misses
// frames, and one that does not read at all is let go once the kernel's buffers are full: at most one frame is kept for each here.

import type { ServerResponse } from 'node:http'
import type { ProbeResult, Reply, Route, StreamReply } from './admin-server.ts'
import { livePlane } from './catalog/live.ts'
import { registerPlane, type MetricsRegistry } from './exporter.ts'
import type { LiveFrame, LiveSource } from './live-protocol.ts'

export interface LiveFeedOptions {
  readonly source: LiveSource
  /** What /readyz answers, to be told with each frame. */
  readonly ready?: () => ProbeResult
  /** Frames a second, 4 to 10. Default 5. */
  readonly framesPerSecond?: number
  /** More are answered with 503. Default 16. */
  readonly viewersMax?: number
  /** How long a frame may wait that the kernel's buffers have no room for. Default 10 s. */
  readonly unreadMsMax?: number
}

/** The share of the time that building frames may take. */
const costShareMax = 0.01
/** However long it takes: a page that stands still is taken for broken. */
const intervalMsMax = 2_000
/** Frames whose cheapest says what one costs: the others were kept waiting for a CPU. */
const costFrames = 8

export class LiveFeed {
  private readonly source: LiveSource
  private readonly ready: (() => ProbeResult) | undefined
  private readonly intervalMs: number
  private readonly viewersMax: number
  private readonly unreadMsMax: number
  private readonly viewers = new Map<ServerResponse, { unreadSinceMs: number }>()
  private timer: NodeJS.Timeout | undefined
  private readonly costsMs: number[] = [0]
  private closed = false
  /** Frames that were built, ever. */
  framesBuilt = 0

  /** @throws RangeError */
  constructor({ source, ready, framesPerSecond = 5, viewersMax = 16, unreadMsMax = 10_000 }: LiveFeedOptions) {
    if (!(framesPerSecond >= 4 && framesPerSecond <= 10))
      throw new RangeError(`framesPerSecond=${framesPerSecond} must be from 4 to 10`)
    this.source = source
    this.ready = ready
    this.intervalMs = 1000 / framesPerSecond
    this.viewersMax = viewersMax
    this.unreadMsMax = unreadMsMax
  }

  /** Those who look now. */
  get viewerCount(): number {
    return this.viewers.size
  }

  /** GET /live. */
  readonly route: Route = (): Reply | StreamReply => {
    if (this.closed || this.viewers.size >= this.viewersMax)
      return {
        status: 503,
        body: `${this.viewersMax} viewers are looking already: close one\n`,
        headers: { 'Retry-After': '10' },
      }
    return { status: 200, contentType: 'text/event-stream', start: (response) => this.add(response) }
  }

  private add(response: ServerResponse): void {
    // Several may have asked in one turn.
    if (this.closed || this.viewers.size >= this.viewersMax) {
      response.end('event: full\ndata: {}\n\n')
      return
    }
    this.viewers.set(response, { unreadSinceMs: -1 })
    response.once('close', () => {
      this.viewers.delete(response)
      if (this.viewers.size === 0) this.rest()
    })
    response.write(`retry: 2000\nevent: about\ndata: ${JSON.stringify(this.source.about())}\n\n`)
    if (this.timer === undefined) this.schedule(0)
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.timer = undefined
      if (this.viewers.size === 0) return
      // Next first: a frame that fails is one frame less, and the next may do.
      this.schedule(Math.min(intervalMsMax, Math.max(this.intervalMs, Math.min(...this.costsMs) / costShareMax)))
      this.send()
    }, delayMs)
    this.timer.unref()
  }

  private send(): void {
    const nowMs = performance.now()
    this.framesBuilt++
    const text = `id: ${this.framesBuilt}\nevent: frame\ndata: ${JSON.stringify(this.frame())}\n\n`
    const bytes = Buffer.from(text)
    this.costsMs.push(performance.now() - nowMs)
    if (this.costsMs.length > costFrames) this.costsMs.shift()
    for (const [response, viewer] of this.viewers) {
      if (!response.writableNeedDrain && response.writableLength === 0) {
        viewer.unreadSinceMs = -1
        response.write(bytes)
      } else if (viewer.unreadSinceMs < 0) viewer.unreadSinceMs = nowMs
      else if (nowMs - viewer.unreadSinceMs > this.unreadMsMax) response.destroy()
    }
  }

  private frame(): LiveFrame {
    const frame = this.source.frame()
    const probed = this.ready?.()
    return probed === undefined ? frame : { ...frame, ready: { ok: probed.ok, reason: probed.reason ?? '' } }
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.source.rest()
  }

  /** Metrics about the feed itself. Returns how to take them out. */
  register(registry: MetricsRegistry): () => void {
    return registerPlane(registry, livePlane, () => [{ labels: [], reading: this }])
  }

  /** Lets everybody go. */
  close(): void {
    this.closed = true
    for (const response of this.viewers.keys()) response.end()
    this.rest()
  }
}
