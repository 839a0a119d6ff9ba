// Routes requests to rings. One per Ringmaster; everything that needs a ring asks pick().
import { constants } from 'node:fs'
import { RingError, ringErrors } from '../native/errors.ts'
import type { ArenaSlabs } from '../workers/arena.ts'
import { ClientState } from '../workers/submission.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import type { OpenRings } from './open-rings.ts'
import type { FileCounts, Router } from './request-handle.ts'

export class Coordinator implements Router {
  /** What requests look their buffers up in. */
  readonly arenas: ArenaSlabs[] = []
  readonly files: FileCounts = { opened: 0, closed: 0 }
  private readonly handles: readonly RingHandle[]
  private only: RingHandle | null
  private covers = false
  private closed = false

  constructor({ handles, onRenewed }: Pick<OpenRings, 'handles' | 'onRenewed'>) {
    this.handles = handles
    onRenewed.add(() => {
      this.renewed()
    })
    this.only = handles.length === 1 ? handles[0]! : null
  }

  /**
   * The ring with least in flight; of equals the first. A ring that is lost gets nothing while there are others.
   * @throws ERR_RING_CLOSED
   */
  pick(): RingHandle {
    if (this.closed) throw ringErrors.closed()
    if (this.only !== null) return this.only
    let best: RingHandle | null = null
    let leastLoad = Infinity
    for (const handle of this.handles) {
      const { client } = handle
      if (client.state === ClientState.open && client.load < leastLoad) {
        best = handle
        leastLoad = client.load
      }
    }
    const chosen = best ?? this.handles[0]
    if (chosen === undefined) throw ringErrors.closed()
    return chosen
  }

  /** As pick(), where `waiting` says what waits elsewhere for a ring: the queues of a view. @throws ERR_RING_CLOSED */
  pickBeside(waiting: (handle: RingHandle) => number): RingHandle {
    const first = this.pick()
    if (this.only !== null) return first
    let best = first
    for (const handle of this.handles) {
      const open = handle.client.state === ClientState.open
      if (open && handle.client.load + waiting(handle) < best.client.load + waiting(best)) best = handle
    }
    return best
  }

  /** What may be repeated of a ring that is lost is carried out on another one. */
  coverLosses(): void {
    this.covers = true
    for (const handle of this.handles) handle.elsewhere = () => this.other(handle)
  }

  /** Another ring has taken the place of one that was lost. */
  private renewed(): void {
    if (this.only !== null) this.only = this.handles[0]!
    if (this.covers) this.coverLosses()
  }

  insteadOf(error: unknown, flags: number): RingHandle | null {
    const changes = (flags & (constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL)) !== 0
    if (!this.covers || changes || !(error instanceof RingError) || error.code !== 'ERR_RING_LOST') return null
    return this.other(null)
  }

  /** Another ring that is open, for requests of `lost`; null where there is none. */
  private other(lost: RingHandle | null): RingHandle | null {
    if (this.closed) return null
    return this.handles.find((handle) => handle !== lost && handle.client.state === ClientState.open) ?? null
  }

  /** No new requests from now on. Tasks that have begun hold their ring already and go on. */
  close(): void {
    this.closed = true
  }
}
