// Which rings the functions of `ringmaster/fs` use, if any: those of a program, or those that the module starts by itself (default-rings.ts).
import { RingError, ringErrors } from '../../native/errors.ts'
import type { OperationRow } from '../../native/operations/row.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { isSupported } from '../raw/support.ts'
import type { RequestHandle, Router } from '../request-handle.ts'

/** How long a call that found the queues full waits before it is made again. */
const fullPauseMs = 1

const isFull = (error: unknown): boolean => error instanceof RingError && error.code === 'ERR_RING_BACKLOG_FULL'

/** Whether nothing was asked of the kernel, since the rings are closed or lost, and Node can do it as well. */
const isGone = (error: unknown): boolean =>
  error instanceof RingError && (error.code === 'ERR_RING_CLOSED' || error.code === 'ERR_RING_LOST')

export class Route {
  private router: Router | null = null
  private readonly full: (() => void)[] = []
  private readonly onCall: () => Promise<unknown>

  /** `onCall`: there are no rings, and somebody could use some; it resolves when they are there, or will not be. */
  constructor(onCall: () => Promise<unknown> = () => Promise.resolve()) {
    this.onCall = onCall
  }

  /** From now on requests are made of these rings; null: of Node. */
  use(router: Router | null): void {
    this.router = router
  }

  /** A ring; null where Node's own implementation is to be asked. */
  handle(): RequestHandle | null {
    if (this.router === null) {
      void this.onCall()
      return null
    }
    try {
      const handle = this.router.pick()
      // Without io_uring a ring is libuv's threads with more around them.
      return handle.client.poller === Poller.threadpool ? null : handle
    } catch {
      return null // closed: who holds files may go on with them
    }
  }

  /** A ring that has an operation which not every kernel has; null where Node's own implementation is to be asked. */
  handleFor(row: OperationRow): RequestHandle | null {
    const handle = this.handle()
    return handle !== null && isSupported(row, handle.client.poller) ? handle : null
  }

  /** The router, for what makes several requests. */
  get rings(): Router | null {
    return this.router
  }

  /** The router, for what only rings can do, of whatever kind they are. @throws (rejects) ERR_RING_CLOSED where there is none */
  async started(): Promise<Router> {
    if (this.router === null) await this.onCall()
    if (this.router === null) throw ringErrors.closed()
    return this.router
  }

  /**
   * A request could not be made. Where the rings have no room it is made `again` later, in order, as often as it takes: node:fs/promises refuses
   * nobody. Where they are gone, Node does it.
   */
  async refused<T>(error: unknown, again: () => Promise<T>, ownWay: () => Promise<T>): Promise<T> {
    if (isGone(error)) return ownWay()
    if (!isFull(error)) throw error
    await this.room()
    return again()
  }

  /** As refused(), for a request among several of one call: it is made as often as the rings have no room. */
  async persist<T>(request: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await request()
      } catch (error) {
        if (!isFull(error)) throw error
      }
      await this.room()
    }
  }

  private room(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.full.push(resolve)
      if (this.full.length === 1) this.wait()
    })
  }

  // Not a queue that completions drain: it would cost every request something, and this costs a timer while queues of thousands are full.
  private wait(): void {
    setTimeout(() => {
      const waiting = this.full.splice(0, this.full.length)
      for (const resolve of waiting) resolve()
    }, fullPauseMs)
  }
}
