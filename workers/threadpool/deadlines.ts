// Time for the `threadpool` poller: timeouts, and link timeouts, which cancel the request before them. The timers are the event
// loop's; each looks at the clock again when it fires, since it may be a moment early. Used by the engine.
import { Op } from '../../native/abi.ts'
import { RequestState } from './request.ts'
import type { Kit, Request } from './request.ts'
import { readDueMs } from './timespec.ts'

const ETIME = -62
const EALREADY = -114
const ECANCELED = -125

const timerMsMax = 2 ** 31 - 1
/** A thread that was about to wait when it was interrupted has missed it: again, this much later. */
const cancelAgainMs = 20

/** What the engine lets this part do. */
interface Host extends Kit {
  makeReady(request: Request): void
  close(request: Request, result: number, cqeFlags: number): void
}

export class Deadlines {
  private readonly host: Host
  /** Posts what came of a timer. */
  private readonly turn: () => void
  private readonly armed = new Set<Request>()

  constructor(host: Host, turn: () => void) {
    this.host = host
    this.turn = turn
  }

  /** Begins `request` again when `dueMs` has come. */
  sleepUntil(request: Request, dueMs: number): void {
    request.state = RequestState.waiting
    this.setTimer(request, dueMs, () => {
      this.host.makeReady(request)
    })
  }

  private setTimer(request: Request, dueMs: number, due: () => void): void {
    clearTimeout(request.timer ?? undefined)
    request.dueMs = dueMs
    const waitMs = Math.min(timerMsMax, Math.max(0, Math.ceil(dueMs - performance.now())))
    request.timer = setTimeout(() => {
      request.timer = null
      if (performance.now() < dueMs) this.setTimer(request, dueMs, due)
      else {
        due()
        this.turn()
      }
    }, waitMs)
  }

  /** A request begins that `limit` limits. */
  arm(request: Request, limit: Request): void {
    if (request.limit !== null) return // it had begun and waited
    request.limit = limit
    this.armed.add(limit)
    const dueMs = readDueMs(this.host, limit.address, limit.opFlags)
    if (dueMs >= 0) this.update(request, limit, dueMs)
  }

  private update(request: Request, limit: Request, dueMs: number): void {
    this.setTimer(limit, dueMs, () => {
      limit.cancelled = true // it has fired
      if (this.host.cancel(request) === EALREADY) this.update(request, limit, performance.now() + cancelAgainMs)
    })
  }

  /** A request is over whose chain goes on with `next`: ends its limit, and returns what comes after that. */
  disarm(next: Request | null, result: number): Request | null {
    if (next?.opcode !== Op.LINK_TIMEOUT) return next
    const rest = next.next
    this.armed.delete(next)
    const fired = next.cancelled
    this.host.close(next, fired && result === ECANCELED ? ETIME : fired ? EALREADY : ECANCELED, 0)
    return rest
  }

  /** The armed link timeout with this user_data. */
  find(userDataLow: number, userDataHigh: number): Request | null {
    for (const limit of this.armed) {
      if (limit.words[8] === userDataLow && limit.words[9] === userDataHigh) return limit
    }
    return null
  }

  /** A new time for an armed link timeout. */
  limitUntil(limit: Request, dueMs: number): void {
    const request = this.host.begun().find((candidate) => candidate.limit === limit)
    if (request !== undefined) this.update(request, limit, dueMs)
  }
}
