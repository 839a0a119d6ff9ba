// How long a socket may be without traffic before it says so. One for each call of socket.setTimeout() (socket.ts), gone with the next.
import { invalidArgType, outOfRange } from '../../native/errors.ts'

const timeoutMsMax = 2 ** 31 - 1

/** As node:timers takes it. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkTimeout(ms: unknown): number {
  if (typeof ms !== 'number') throw invalidArgType('msecs', 'of type number', ms)
  if (ms >= 0 && Number.isFinite(ms)) return Math.min(ms, timeoutMsMax)
  throw outOfRange('msecs', 'a non-negative finite number', ms)
}

/** Whose time it is. */
export interface Timed {
  /** A number that changes while the peer takes what is sent. */
  progress(): number
  emit(event: 'timeout'): boolean
}

function isOver(inactivity: Inactivity): void {
  inactivity.over()
}

export class Inactivity {
  private readonly timed: Timed
  private readonly timer: NodeJS.Timeout
  /** What had been taken when the time was over last. */
  private taken = 0

  /** It keeps no process alive. */
  constructor(timed: Timed, ms: number) {
    this.timed = timed
    this.timer = setTimeout(isOver, ms, this).unref()
  }

  /** There was traffic: the time begins anew, also where it was over. */
  touched(): void {
    this.timer.refresh()
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  /** @internal */
  over(): void {
    // As node:net: a slow peer that still takes what is sent is no silent one.
    const taken = this.timed.progress()
    if (taken === this.taken) this.timed.emit('timeout')
    else this.timer.refresh()
    this.taken = taken
  }
}
