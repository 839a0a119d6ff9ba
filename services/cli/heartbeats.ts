// For how long each ring worker has been silent, by the heartbeats that its event loop leaves in shared memory. Used by probes.ts for
// /livez. The rings' own supervisor replaces a worker that is silent; what lasts longer than that only a restart repairs: a thread that is
// stuck in a system call cannot be ended.
import type { RingHealth } from '../ring-health.ts'

const lookMs = 250

interface Silence {
  heartbeats: number
  ms: number
}

export class Heartbeats implements Disposable {
  readonly #rings: () => readonly RingHealth[]
  readonly #timer: NodeJS.Timeout
  readonly #silences: Silence[] = []
  #lookedMs = performance.now()

  constructor(rings: () => readonly RingHealth[]) {
    this.#rings = rings
    this.#timer = setInterval(() => {
      this.#look()
    }, lookMs)
    this.#timer.unref()
  }

  /** Of the `ring`th, in ms, to within a quarter of a second. */
  silentMs(ring: number): number {
    return this.#silences[ring]?.ms ?? 0
  }

  // Only time in which this thread could look counts: a process that was stopped, a machine that slept, or this thread's own long turn
  // are no silence of the worker's.
  #look(): void {
    const nowMs = performance.now()
    const elapsedMs = Math.min(nowMs - this.#lookedMs, 2 * lookMs)
    this.#lookedMs = nowMs
    for (const { ring, heartbeats } of this.#rings()) {
      const silence = (this.#silences[ring] ??= { heartbeats, ms: 0 })
      silence.ms = silence.heartbeats === heartbeats ? silence.ms + elapsedMs : 0
      silence.heartbeats = heartbeats
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
