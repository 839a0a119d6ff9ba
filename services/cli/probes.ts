// What /livez and /readyz say, and what the watchdog goes by. Used by file-daemon.ts.
//
// Live: would a restart help? Event loop and heartbeats only: a full disk or much to do is no reason to lose what is in flight.
// Ready: may requests be sent here? Everything that speaks against it, each check by its name.
import type { ProbeResult } from '../../metrics/admin-server.ts'
import type { RingHealth } from '../ring-health.ts'
import { Heartbeats } from './heartbeats.ts'

/** Undefined when all is well, else what is not. */
export type Check = () => string | undefined

/** A worker is replaced in less: who has none for longer has no prospect of one. */
const graceMs = 5_000

export interface ProbesOptions {
  readonly rings: () => readonly RingHealth[]
  /** How long a ring worker may be silent. */
  readonly silentMsMax: number
}

export class Probes implements Disposable {
  readonly #heartbeats: Heartbeats
  readonly #options: ProbesOptions
  readonly #readiness = new Map<string, Check>()

  constructor(options: ProbesOptions) {
    this.#options = options
    this.#heartbeats = new Heartbeats(options.rings)
    this.#readiness.set('rings', () => this.#ringsUsable())
  }

  /** Adds a check to /readyz: a plane that has to refuse requests (a fenced root) says so here. */
  addReadiness(name: string, check: Check): void {
    this.#readiness.set(name, check)
  }

  readonly ready = (): ProbeResult => report([...this.#readiness].map(([name, check]) => [name, check()]))

  /** That it is asked at all proves that the event loop turns. */
  readonly live = (): ProbeResult => {
    const rings = this.#options.rings()
    const lost = rings.length > 0 && rings.every(({ state }) => state === 'lost')
    return report([
      ['event loop', undefined],
      ['rings', lost ? 'all rings are lost' : undefined],
      ...rings.map(({ ring }): [string, string | undefined] => [`worker of ring ${ring}`, this.#silence(ring)]),
    ])
  }

  #silence(ring: number): string | undefined {
    const silentMs = this.#heartbeats.silentMs(ring)
    if (silentMs <= this.#options.silentMsMax) return undefined
    return `the worker of ring ${ring} has had no heartbeat for ${Math.floor(silentMs / 1000)} s`
  }

  #ringsUsable(): string | undefined {
    const rings = this.#options.rings()
    const closed = rings.find(({ state }) => state !== 'open')
    if (closed !== undefined) return `ring ${closed.ring} is ${closed.state}`
    const silent = rings.map(({ ring }) => this.#silence(ring)).find((problem) => problem !== undefined)
    if (silent !== undefined) return silent
    const orphan = rings.find(({ workerState, workerMissingMs }) => workerState !== 'well' && workerMissingMs > graceMs)
    return orphan === undefined ? undefined : `ring ${orphan.ring} has no worker: ${orphan.reason}`
  }

  [Symbol.dispose](): void {
    this.#heartbeats[Symbol.dispose]()
  }
}

/** The first line is the verdict, and the reason if it is bad; then every check by its name. */
function report(checks: readonly (readonly [string, string | undefined])[]): ProbeResult {
  const reason = checks.find(([, problem]) => problem !== undefined)?.[1]
  const lines = checks.map(([name, problem]) => `${name}: ${problem ?? 'ok'}`)
  const details = lines.join('\n')
  return reason === undefined ? { ok: true, details } : { ok: false, reason, details }
}
