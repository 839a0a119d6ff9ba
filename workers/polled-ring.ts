// Several rings polled by one thread, in turns: each turn submits everything one ring has, so none starves another and no chain is
// cut. Used by the `worker` poller where clients have attached. The protocol is that of the native loop for one ring.
import { EnterFlag, SqFlag, everyEntry } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import { WorkerCounter } from '../metrics/ring-metrics.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'

const EINTR = -4
const EAGAIN = -11
const EBUSY = -16

export interface PolledRingOptions {
  readonly geometry: RingGeometry
  readonly words: Int32Array
  readonly control: Int32Array
  readonly controlBytes: Uint8Array
  readonly wakeFd: number
  readonly metrics: RingMetrics
  readonly spinNs: number
}

export class PolledRing {
  readonly options: PolledRingOptions
  private readonly addon = binding()

  constructor(options: PolledRingOptions) {
    this.options = options
  }

  private get ready(): number {
    const { words, geometry } = this.options
    return (Atomics.load(words, geometry.sqTail) - Atomics.load(words, geometry.sqHead)) >>> 0
  }

  awake(): void {
    const { words, geometry } = this.options
    Atomics.and(words, geometry.sqFlags, ~SqFlag.NEED_WAKEUP)
  }

  /** Publishes "wake me", fences, and looks again: false when an entry came meanwhile. */
  sleep(): boolean {
    const { words, geometry } = this.options
    Atomics.or(words, geometry.sqFlags, SqFlag.NEED_WAKEUP)
    return this.ready === 0
  }

  /** Submits what there is. Returns whether there was something; negative: the kernel's error. */
  turn(): number {
    const { words, geometry, metrics } = this.options
    const { ready } = this
    const attention = (Atomics.load(words, geometry.sqFlags) & (SqFlag.CQ_OVERFLOW | SqFlag.TASKRUN)) !== 0
    if (ready === 0 && !attention) return 0
    // Two calls: where fewer entries are there than asked for the kernel skips GETEVENTS.
    let entered = ready > 0 ? this.addon.enter(geometry.ringFd, everyEntry, 0, 0) : 0
    if (attention && entered >= 0) entered = this.addon.enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
    metrics.worker[WorkerCounter.enterCalls]! += ready > 0 && attention ? 2 : 1
    // Short of memory or of CQ room for a moment: the entries stay queued.
    if (entered < 0 && entered !== EBUSY && entered !== EAGAIN && entered !== EINTR) {
      metrics.worker[WorkerCounter.errors]! += 1
      return entered
    }
    return ready > 0 ? 1 : 0 // completions that do not fit a full CQ are no work
  }
}

/** One slice for all rings. `idle`: each has been told to wake this thread. `failed`: one is in trouble, the others have been served. */
export function pollTurns(rings: readonly PolledRing[], sliceNs: number): 'idle' | 'sliceElapsed' | 'failed' {
  const spinMs = rings[0]!.options.spinNs / 1e6
  const endMs = performance.now() + sliceNs / 1e6
  let idleSinceMs = performance.now()
  for (const ring of rings) ring.awake()
  for (;;) {
    let worked = false
    let failed = false
    for (const ring of rings) {
      const outcome = ring.turn()
      if (outcome > 0) worked = true
      else if (outcome < 0) failed = true
    }
    const nowMs = performance.now()
    if (worked) idleSinceMs = nowMs
    else if (failed)
      return 'failed' // a retry later, not a loop of errors
    else if (nowMs - idleSinceMs >= spinMs) {
      let asleep = true
      for (const ring of rings) if (!ring.sleep()) asleep = false
      if (asleep) {
        for (const ring of rings) ring.options.metrics.worker[WorkerCounter.sleeps]! += 1
        return 'idle'
      }
      for (const ring of rings) ring.awake()
    }
    if (nowMs >= endMs) return 'sliceElapsed'
  }
}
