// The daemon's conversation with its service manager: that it is ready, what it does, that it reloads or stops, and that it is alive.
// Used by file-daemon.ts. All of it is nothing where nobody asked ($NOTIFY_SOCKET is not set). Source: sd_notify(3).
import type { Logger } from 'pino'
import type { Ringmaster } from '../ringmaster.ts'
import { Notifier, type Notice } from './notifier.ts'

export interface ServiceManagerOptions {
  readonly notifySocket: string | undefined
  readonly watchdogMs: number | undefined
  readonly rings: Ringmaster
  /** What speaks against being alive. */
  readonly problem: () => string | undefined
  readonly log: Logger
}

/** What setInterval takes. */
const timerMsMax = 2 ** 31 - 1

export class ServiceManager {
  readonly #notifier: Notifier | null
  readonly #rings: Ringmaster
  readonly #problem: () => string | undefined
  readonly #log: Logger
  #watchdog: NodeJS.Timeout | undefined
  /** Of each ring's worker when the watchdog was last told. */
  #heartbeats: readonly number[] = []
  #telling = false
  #withheld: string | undefined

  constructor({ notifySocket, watchdogMs, rings, problem, log }: ServiceManagerOptions) {
    this.#notifier = Notifier.create(notifySocket, rings, log)
    this.#rings = rings
    this.#problem = problem
    this.#log = log
    if (watchdogMs === undefined || this.#notifier === null) return
    // Half of the time, as sd_watchdog_enabled(3) recommends: one lost word is not yet a death.
    this.#watchdog = setInterval(() => void this.#tellWatchdog(), Math.min(watchdogMs / 2, timerMsMax))
    this.#watchdog.unref()
  }

  async ready(status: string): Promise<void> {
    await this.#tell({ READY: 1, MAINPID: process.pid, STATUS: status })
  }

  /** Before anything is changed; ready() follows when it is done, whether it worked or not. */
  async reloading(): Promise<void> {
    // CLOCK_MONOTONIC, which is hrtime's: the manager tells by it which READY=1 is the answer to its request (systemd 253).
    await this.#tell({ RELOADING: 1, MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n), STATUS: 'reloading' })
  }

  /** `msMax`: how long it may take, whatever TimeoutStopSec= says. */
  async stopping(msMax: number, status: string): Promise<void> {
    await this.#tell({ STOPPING: 1, EXTEND_TIMEOUT_USEC: Math.ceil(msMax * 1000), STATUS: status })
  }

  /** Before the rings are closed: what is said afterwards cannot be sent. */
  async close(): Promise<void> {
    clearInterval(this.#watchdog)
    await this.#notifier?.close()
  }

  async #tell(notice: Notice): Promise<void> {
    await this.#notifier?.send(notice)
  }

  /** Said only if every worker's heart has beaten since it was said last, and sent through a ring: who hears it knows that both work. */
  async #tellWatchdog(): Promise<void> {
    if (this.#telling) return // the last word is still on its way: the ring that should send it hangs
    const health = this.#rings.health()
    const silent = health.find(({ ring, heartbeats }) => heartbeats === this.#heartbeats[ring])
    const problem =
      this.#problem() ?? (silent && `the worker of ring ${silent.ring} has had no heartbeat since the last time`)
    if (problem !== undefined) {
      if (this.#withheld === undefined) this.#log.error({ problem }, 'the watchdog is not told that all is well')
      this.#withheld = problem
      return
    }
    this.#telling = true
    const sent = await this.#notifier?.send({ WATCHDOG: 1 })
    this.#telling = false
    if (sent !== true) return
    this.#heartbeats = health.map(({ heartbeats }) => heartbeats)
    if (this.#withheld !== undefined) this.#log.info({ problem: this.#withheld }, 'the watchdog is told again')
    this.#withheld = undefined
  }
}
