// A running daemon, watched: frames and traffic come in, snapshots go out. Used by run.ts in each of its ways to show them.
import type { LiveAbout, LiveFrame } from '../../metrics/live-protocol.ts'
import { History } from '../../metrics/page/history.ts'
import type { CommandError } from '../cli/exit.ts'
import { LiveClient } from './live-client.ts'
import type { Snapshot } from './snapshot.ts'
import { takeSnapshot } from './take-snapshot.ts'
import { TrafficClient } from './traffic-client.ts'

export interface Lost {
  readonly reason: string
  readonly sinceMs: number
  /** It is the first time that it is told. */
  readonly isNew: boolean
}

export interface WatchListener {
  /** A frame has come; `snapshot()` knows of it. */
  frame(): void
  lost(reason: CommandError): void
  failed(reason: CommandError): void
}

export class Watch implements Disposable {
  private readonly intervalMs: number
  private readonly history = new History()
  private readonly traffic: TrafficClient
  private readonly live: LiveClient
  private readonly listener: WatchListener
  private daemon: LiveAbout | null = null
  private sinceMs = 0
  /** Why no frames come, and since when. */
  lost: Lost | null = null

  constructor(admin: URL, intervalMs: number, listener: WatchListener) {
    this.intervalMs = intervalMs
    this.listener = listener
    this.traffic = new TrafficClient(admin, intervalMs)
    this.live = new LiveClient(admin, {
      about: (about) => this.meet(about),
      frame: (frame) => this.add(frame),
      lost: (reason) => this.lose(reason),
      failed: (reason) => this.listener.failed(reason),
    })
  }

  start(): void {
    this.live.start()
  }

  /** How long it has been watched without a break, by the daemon's clock. */
  get watchedMs(): number {
    return (this.history.latest?.atMs ?? 0) - this.sinceMs
  }

  /** Asks what the live feed does not tell. Never rejects. */
  askTraffic(): Promise<void> {
    return this.daemon === null || this.lost !== null ? Promise.resolve() : this.traffic.ask()
  }

  /** Null before the second frame. */
  snapshot(): Snapshot | null {
    return this.daemon === null ? null : takeSnapshot(this.history, this.daemon, this.traffic.span, this.intervalMs)
  }

  [Symbol.dispose](): void {
    this.live.close()
    this.traffic.close()
  }

  /** With every connection. Another process has counters of its own. */
  private meet(about: LiveAbout): void {
    const before = this.daemon
    this.daemon = about
    this.traffic.forget()
    if (before !== null && (before.pid !== about.pid || before.startedMs !== about.startedMs)) this.history.clear()
  }

  private add(frame: LiveFrame): void {
    const isFirst = this.history.latest === null || this.lost !== null
    this.lost = null
    const isAnother = this.history.add(frame)
    if (isFirst || isAnother) {
      this.sinceMs = frame.atMs
      void this.askTraffic()
    }
    this.listener.frame()
  }

  private lose(reason: CommandError): void {
    this.lost = { reason: reason.message, sinceMs: this.lost?.sinceMs ?? Date.now(), isNew: this.lost === null }
    this.listener.lost(reason)
  }
}
