// The `worker` poller: this thread consumes the SQ. Used by the ring worker. It polls in native time slices; between slices the
// event loop runs (control messages, heartbeat), and with nothing to do the thread sleeps there until its wake eventfd fires.
import { binding, PollState } from '../native/binding.ts'
import { Control } from '../native/layout.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import { WorkerCounter } from '../metrics/ring-metrics.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'

/** How long one native slice may last: what a control call or terminate() waits at most. */
const sliceNs = 5_000_000
/** After an error the poller tries again, this much later. */
const retryMs = 10

export interface WorkerPollerOptions {
  readonly geometry: RingGeometry
  readonly words: Int32Array
  readonly control: Int32Array
  readonly controlBytes: Uint8Array
  readonly wakeFd: number
  readonly metrics: RingMetrics
  readonly spinNs: number
}

/** Starts polling; the returned function stops it, at once and for good. */
export function startWorkerPoller(options: WorkerPollerOptions): () => void {
  const addon = binding()
  const { geometry, metrics } = options
  let stopped = false
  let asleep = false
  const slice = (): void => {
    if (stopped) return
    const outcome = addon.pollSlice(
      geometry.ringFd,
      options.words,
      geometry.sqHead,
      geometry.sqTail,
      geometry.sqFlags,
      options.controlBytes,
      sliceNs,
      options.spinNs,
    )
    if (outcome < 0) {
      metrics.worker[WorkerCounter.errors]! += 1
      setTimeout(slice, retryMs)
      return
    }
    metrics.worker[WorkerCounter.enterCalls]! += Math.floor(outcome / 4)
    const state = outcome % 4
    if (state === PollState.sliceElapsed) setImmediate(slice)
    else if (state === PollState.idle) {
      asleep = true
      metrics.worker[WorkerCounter.sleeps]! += 1
    }
  }
  const watcher = new addon.Watcher(options.wakeFd, () => {
    if (!asleep) return
    asleep = false
    metrics.worker[WorkerCounter.wakeups]! += 1
    slice()
  })
  setImmediate(slice)
  return () => {
    stopped = true
    Atomics.store(options.control, Control.stop >> 2, 1)
    watcher.close()
  }
}
