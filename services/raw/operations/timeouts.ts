// Time: timeout, timeoutRemove (and update), linkTimeout. For RawRing.submit() and chains; timeoutStream() ticks.
import { TimeoutFlag } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import {
  linkTimeout as linkTimeoutRow,
  prepLinkTimeout,
  prepTimeout,
  prepTimeoutRemove,
  prepTimeoutUpdate,
  timeout as timeoutRow,
  timeoutRemove as timeoutRemoveRow,
} from '../../../native/operations/timeouts.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import { checkOptions, checkTarget, checkTimeMs, namedValue } from '../checks.ts'
import { limitOf, noteLimit } from '../limit-times.ts'
import type { ClockName } from '../limit-times.ts'
import { makeOperation, timespec } from '../operation.ts'
import type { Operation } from '../operation.ts'

const clocks: Readonly<Record<ClockName, number>> = {
  monotonic: 0,
  boottime: TimeoutFlag.BOOTTIME,
  realtime: TimeoutFlag.REALTIME,
}
const ETIME = -62

export interface LinkTimeoutOptions {
  /** How long, in milliseconds; fractions count. With `absolute`: when, in milliseconds of the clock. */
  readonly timeMs: number
  /** `boottime` goes on while the machine sleeps; `realtime` is Date.now() (5.15). Default `monotonic`, process.hrtime(). */
  readonly clock?: ClockName
  readonly absolute?: boolean
}

export interface TimeoutOptions extends LinkTimeoutOptions {
  /** Ends when so many other requests of the ring have completed, too. Default 0: by time only. */
  readonly count?: number
  /** In a chain, running out is a failure: what follows is cancelled. Default false (5.16). */
  readonly breaksChain?: boolean
}

/** `elapsed`: the time is over. `counted`: `count` requests completed before. */
export type TimeoutEnd = 'elapsed' | 'counted'

function checkTime(options: LinkTimeoutOptions): { time: Buffer; clockFlags: number } {
  const timeMs = checkTimeMs(checkOptions(options).timeMs)
  const clock = namedValue(options.clock ?? 'monotonic', clocks, 'clock')
  return {
    time: timespec(timeMs),
    clockFlags: clock | (checkBoolean(options.absolute, 'absolute') ? TimeoutFlag.ABS : 0),
  }
}

/**
 * Waits. Resolves with how it ended.
 * Since 5.4. io_uring_prep_timeout(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECANCELED (removed)
 */
export function timeout(options: TimeoutOptions): Operation<TimeoutEnd> {
  const { time, clockFlags } = checkTime(options)
  const count = checkInteger(options.count ?? 0, 'count', 0, 2 ** 31 - 1)
  // To the kernel running out is an error, ETIME, unless it is told otherwise.
  const timeoutFlags = clockFlags | (checkBoolean(options.breaksChain, 'breaksChain') ? 0 : TimeoutFlag.ETIME_SUCCESS)
  return makeOperation<TimeoutEnd>(
    timeoutRow,
    (words, at, flags) => {
      prepTimeout(words, at, flags, addressOfView(time), count, timeoutFlags)
    },
    {
      keep: [time],
      expectedErrno: ETIME,
      breaksChain: checkBoolean(options.breaksChain, 'breaksChain'),
      result: (value) => (value === ETIME ? 'elapsed' : 'counted'),
    },
  )
}

export interface TimeoutRemoveOptions {
  /** The timeout or link timeout, as it was submitted last. */
  readonly operation: Operation<unknown>
  /** Let it end after this time from now (or at this time, with `absolute`) instead of removing it (5.11). */
  readonly timeMs?: number
  /** On the clock that it was made with. */
  readonly absolute?: boolean
}

/**
 * Ends a timeout (which then rejects with ECANCELED), or changes when it ends. Resolves with 0.
 * Since 5.5. io_uring_prep_timeout_remove(3), io_uring_prep_timeout_update(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: ENOENT (no such timeout), EALREADY (it is completing), EBUSY
 */
export function timeoutRemove(options: TimeoutRemoveOptions): Operation<number> {
  const target = checkTarget(checkOptions(options).operation)
  const time = options.timeMs === undefined ? null : timespec(checkTimeMs(options.timeMs))
  const absolute = checkBoolean(options.absolute, 'absolute')
  let updateFlags: number = TimeoutFlag.UPDATE
  if (absolute) updateFlags |= TimeoutFlag.ABS
  if (target.row === linkTimeoutRow) updateFlags |= TimeoutFlag.LINK_TIMEOUT_UPDATE
  // Until the kernel has answered nobody knows how long a limit has left; where it refuses, all is as before.
  let unchangedMs = 0
  return makeOperation(
    timeoutRemoveRow,
    (words, at, flags) => {
      const { slot, generation } = target.ticket
      if (time === null) prepTimeoutRemove(words, at, flags, slot, generation)
      else {
        prepTimeoutUpdate(words, at, flags, slot, generation, addressOfView(time), updateFlags)
        const limit = limitOf(target.ticket)
        if (limit === undefined || limit.changedMs === Infinity) return
        unchangedMs = limit.changedMs
        limit.changedMs = Infinity
      }
    },
    {
      keep: [target, time],
      result: (value) => {
        const limit = limitOf(target.ticket)
        if (limit !== undefined && options.timeMs !== undefined)
          Object.assign(limit, {
            timeMs: options.timeMs,
            absolute,
            changedMs: performance.now(),
          })
        return value
      },
      refusal: () => {
        const limit = limitOf(target.ticket)
        if (limit?.changedMs === Infinity) limit.changedMs = unchangedMs
        return undefined
      },
    },
  )
}

/**
 * Limits the step before it in a chain, which is `timed-out` when the time is over. Chain.timeout() is shorter.
 * Resolves with 'elapsed' when it ran out, and rejects with ECANCELED when it was not needed: as a step, its outcome is `cancelled`.
 * Since 5.5. io_uring_prep_link_timeout(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EINVAL (not linked to anything)
 */
export function linkTimeout(options: LinkTimeoutOptions): Operation<'elapsed'> {
  const { time, clockFlags } = checkTime(options)
  const asMade = { timeMs: options.timeMs, absolute: checkBoolean(options.absolute, 'absolute'), changedMs: 0 }
  const limit = { clock: options.clock ?? 'monotonic', ...asMade }
  const operation = makeOperation<'elapsed'>(
    linkTimeoutRow,
    (words, at, flags) => {
      prepLinkTimeout(words, at, flags, addressOfView(time), clockFlags)
      Object.assign(limit, asMade)
    },
    { keep: [time], expectedErrno: ETIME, result: () => 'elapsed' },
  )
  noteLimit(operation.ticket, limit)
  return operation
}
