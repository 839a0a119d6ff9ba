// The `worker` poller: this thread consumes the SQs of its rings, its own and those of clients. Used by the ring worker. It polls in
// time slices; between slices the event loop runs (control messages, heartbeat, resident services), and with nothing to do the thread
// sleeps there until a ring's wake eventfd fires. One ring is polled by native code; several take turns in polled-ring.ts.
import { binding, PollState } from '../native/binding.ts'
import { Control, Stop } from '../native/layout.ts'
import { WorkerCounter } from '../metrics/ring-metrics.ts'
import { PolledRing, pollTurns } from './polled-ring.ts'
import type { PolledRingOptions } from './polled-ring.ts'

/** How long one slice may last: what a control call or terminate() waits at most. */
const sliceNs = 5_000_000
/** The same where other code lives in this thread. */
const sharedSliceNs = 200_000
/** After an error the poller tries again, this much later. */
const retryMs = 10

/** One per thread, for all of its rings. */
export class WorkerPoller {
  private readonly addon = binding()
  private rings: readonly PolledRing[] = []
  private scheduled = false
  private asleep = true
  private sliceNs = sliceNs
  private readonly slice = (): void => {
    this.scheduled = false
    const { rings } = this
    if (rings.length === 0) this.asleep = true
    else if (rings.length === 1) this.pollOne(rings[0]!)
    else this.pollSeveral(rings)
  }

  /** Polls a ring too; the returned function stops that, at once and for good. */
  add(options: PolledRingOptions): () => void {
    const ring = new PolledRing(options)
    this.rings = [...this.rings, ring]
    const watcher = new this.addon.Watcher(options.wakeFd, () => {
      if (!this.asleep) return
      options.metrics.worker[WorkerCounter.wakeups]! += 1
      this.wake()
      this.slice()
    })
    this.wake()
    return () => {
      this.rings = this.rings.filter((other) => other !== ring)
      Atomics.store(options.control, Control.stop >> 2, Stop.stop)
      watcher.close()
    }
  }

  /** Other code lives in this thread from now on: it gets its turns more often. */
  share(): void {
    this.sliceNs = sharedSliceNs
  }

  private wake(): void {
    if (!this.asleep) return
    this.asleep = false
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(this.slice)
  }

  private pollOne({ options }: PolledRing): void {
    const { geometry, metrics } = options
    const outcome = this.addon.pollSlice(
      geometry.ringFd,
      options.words,
      geometry.sqHead,
      geometry.sqTail,
      geometry.sqFlags,
      options.controlBytes,
      this.sliceNs,
      options.spinNs,
    )
    if (outcome < 0) {
      metrics.worker[WorkerCounter.errors]! += 1
      this.retry()
      return
    }
    metrics.worker[WorkerCounter.enterCalls]! += Math.floor(outcome / 4)
    const state = outcome % 4
    if (state === PollState.sliceElapsed) this.schedule()
    else if (state === PollState.idle) {
      this.asleep = true
      metrics.worker[WorkerCounter.sleeps]! += 1
    }
  }

  private pollSeveral(rings: readonly PolledRing[]): void {
    const outcome = pollTurns(rings, this.sliceNs)
    if (outcome === 'failed') this.retry()
    else if (outcome === 'sliceElapsed') this.schedule()
    else this.asleep = true
  }

  private retry(): void {
    this.scheduled = true
    setTimeout(this.slice, retryMs)
  }
}
