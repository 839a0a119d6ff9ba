// Rings that were moved to another poller and finish what they have: requests in flight, what waits for a place in them, tasks of several
// requests, queues of views. Nothing is cancelled and there is no deadline: a ring whose last request does not end (a read of a pipe that
// nobody writes to) stays, and costs its memory. Used by open-rings.ts, which gives new requests to the ring in its place.
import { quarantineMemory } from '../workers/quarantine.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { ClientState } from '../workers/submission.ts'
import type { ResolvedOptions } from './options.ts'
import type { RingSpot } from './ring-maker.ts'

interface RetiredRing {
  readonly ring: number
  readonly handle: RingHandle
  readonly spot: RingSpot
}

interface Watched extends RetiredRing {
  timer: NodeJS.Timeout | undefined
  ending: Promise<void> | null
}

/** Between two looks whether a ring has finished: from the first to the second, doubled each time. */
const lookMsMin = 5
const lookMsMax = 500

export class RetiredRings {
  private readonly rings = new Set<Watched>()
  private readonly options: ResolvedOptions
  private readonly successor: (ring: number) => RingHandle

  /** `successor`: what is in a ring's place now, which goes on counting for it. */
  constructor(options: ResolvedOptions, successor: (ring: number) => RingHandle) {
    this.options = options
    this.successor = successor
  }

  /** `retired` gets no new requests from now on. */
  add(retired: RetiredRing): void {
    retired.handle.client.onLost = null // nothing is to take its place
    const watched: Watched = { ...retired, timer: undefined, ending: null }
    this.rings.add(watched)
    this.lookLater(watched, lookMsMin)
  }

  /** Whether a ring that was the `ring`th has not finished. */
  has(ring: number): boolean {
    return this.of(ring).length > 0
  }

  *handles(): Generator<RingHandle> {
    for (const { handle } of this.rings) yield handle
  }

  private of(ring: number): readonly Watched[] {
    return [...this.rings].filter((retired) => retired.ring === ring)
  }

  /** The thread that the `ring`th ring has and had has ended: who finishes does without one. */
  workerDied(ring: number, cause: unknown): void {
    for (const { handle } of this.of(ring)) {
      if (handle.workerLoss !== null) continue
      handle.workerDied(cause)
      handle.workerLost(cause)
    }
  }

  /** Looks whether they are still there. */
  check(ring: number): void {
    for (const { handle } of this.of(ring)) handle.client.check()
  }

  private lookLater(retired: Watched, afterMs: number): void {
    retired.timer = setTimeout(() => {
      const { handle, ring } = retired
      const { client } = handle
      if (client.state === ClientState.open && (handle.tasks > 0 || client.busy)) {
        this.successor(ring).metrics.takeOver(handle.metrics)
        this.lookLater(retired, Math.min(lookMsMax, afterMs * 2))
      } else void this.end(retired)
    }, afterMs)
    retired.timer.unref() // requests that are not over keep the process alive themselves
  }

  private end(retired: Watched): Promise<void> {
    clearTimeout(retired.timer)
    retired.ending ??= this.endOnce(retired)
    return retired.ending
  }

  private async endOnce(retired: Watched): Promise<void> {
    const { closeGraceMs, closeDeadlineMs } = this.options
    const drained = await retired.handle.close(closeGraceMs, closeDeadlineMs)
    this.ended(retired, drained)
  }

  private ended(retired: Watched, drained: boolean): void {
    const { handle, ring, spot } = retired
    if (!this.rings.delete(retired)) return
    // Rings that were opened together lie in one memory, which is kept as a whole.
    if (!drained || handle.client.lossCause !== null) quarantineMemory(spot.memory)
    this.successor(ring).metrics.takeOver(handle.metrics)
  }

  /** As the rings in their places are closed: what is left has its time to finish, and is cancelled then. */
  async close(): Promise<void> {
    await Promise.all([...this.rings].map((retired) => this.end(retired)))
  }

  /** The same without the event loop; whether every request came back. */
  closeSync(graceEndMs: number, endMs: number): boolean {
    let all = true
    for (const retired of [...this.rings]) {
      clearTimeout(retired.timer)
      const drained = retired.handle.closeSync(graceEndMs, endMs)
      if (!drained) all = false
      this.ended(retired, drained)
    }
    return all
  }
}
