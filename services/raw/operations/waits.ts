// Waiting for memory and for processes: futexWait, futexWake, futexWaitv, waitid. For RawRing.submit() and chains.
// Atomics.wait() and notify() are not futexes: V8 keeps wait lists of its own, and neither side wakes the other.
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType, invalidArgValue, outOfRange } from '../../../native/errors.ts'
import {
  futexWait as futexWaitRow,
  futexWaitv as futexWaitvRow,
  futexWake as futexWakeRow,
  prepFutexWait,
  prepFutexWaitv,
  prepFutexWake,
  prepWaitid,
  waitid as waitidRow,
} from '../../../native/operations/waits.ts'
import { checkInteger } from '../../arguments.ts'
import { checkOptions, flagBits, namedValue } from '../checks.ts'
import { FutexFlag, WaitFlag, WaitIdType } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { processChange, putU64, siginfoBytes } from '../structs.ts'
import type { ProcessChange } from '../structs.ts'

/** A 32-bit word that threads or processes share. */
export interface FutexWord {
  readonly array: Int32Array | Uint32Array
  /** Element of the array. Default 0. */
  readonly index?: number
  /**
   * Default: 32 bits, for every process that maps the memory. FUTEX2_PRIVATE, this process only, has lost waiters on 6.16
   * and 6.17.
   */
  readonly flags?: Flags<keyof typeof FutexFlag>
}

interface CheckedWord {
  readonly array: Int32Array | Uint32Array
  readonly offset: number
  readonly futexFlags: number
}

const maskAll = 0xffffffff
const waitersMax = 128
const waiterBytes = 24

function checkWord({ array, index, flags }: FutexWord): CheckedWord {
  const given: unknown = array
  if (!(given instanceof Int32Array || given instanceof Uint32Array))
    throw invalidArgType('array', 'an instance of Int32Array or Uint32Array', given)
  if (array.length === 0) throw invalidArgValue('array', array, 'must have an element')
  const at = checkInteger(index ?? 0, 'index', 0, array.length - 1)
  const futexFlags = flagBits(flags, FutexFlag, 'flags') | FutexFlag.FUTEX2_SIZE_U32
  return { array, offset: at * 4, futexFlags }
}

// An array that was detached or shrunk since the operation was made: behind its end lies somebody else's memory.
function wordAddress({ array, offset }: CheckedWord): number {
  if (offset >= array.byteLength) throw invalidArgValue('array', array, 'was detached, or is too short by now')
  return addressOfView(array) + offset
}

const checkValue = (value: unknown): number => checkInteger(value, 'value', -(2 ** 31), 2 ** 32 - 1) >>> 0

const checkMask = (mask: unknown): number => checkInteger(mask ?? maskAll, 'mask', 1, maskAll)

/**
 * Waits while the word holds `value`, until a futexWake. Resolves with 0. Limit it with a link timeout; cancel it as an
 * operation, not by descriptor. Since 6.7. io_uring_prep_futex_wait(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EAGAIN (holds another value), ECANCELED
 */
export function futexWait(options: FutexWord & { readonly value: number; readonly mask?: number }): Operation<number> {
  const word = checkWord(checkOptions(options))
  const value = checkValue(options.value)
  const mask = checkMask(options.mask)
  return makeOperation(
    futexWaitRow,
    (words, at, flags) => {
      prepFutexWait(words, at, flags, wordAddress(word), value, mask, word.futexFlags)
    },
    { keep: [word] },
  )
}

/**
 * Wakes at most `count` waiters whose mask has a bit of `mask`. Resolves with how many it woke.
 * Since 6.7. io_uring_prep_futex_wake(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EINVAL (flags differ from the waiters')
 */
export function futexWake(
  options: FutexWord & {
    /** Default: all. */
    readonly count?: number
    readonly mask?: number
  },
): Operation<number> {
  const word = checkWord(checkOptions(options))
  const count = checkInteger(options.count ?? 2 ** 31 - 1, 'count', 1, 2 ** 31 - 1)
  const mask = checkMask(options.mask)
  return makeOperation(
    futexWakeRow,
    (words, at, flags) => {
      prepFutexWake(words, at, flags, wordAddress(word), count, mask, word.futexFlags)
    },
    { keep: [word] },
  )
}

/**
 * Waits for the first of several words. Resolves with its number in `waiters`.
 * Since 6.7. io_uring_prep_futex_waitv(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE (none, or more than 128). Rejects as futexWait.
 */
export function futexWaitv(options: {
  readonly waiters: readonly (FutexWord & { readonly value: number })[]
}): Operation<number> {
  const { waiters } = checkOptions(options)
  if (!Array.isArray(waiters)) throw invalidArgType('waiters', 'an array', waiters)
  if (waiters.length < 1 || waiters.length > waitersMax)
    throw outOfRange('waiters.length', `>= 1 && <= ${waitersMax}`, waiters.length)
  const list = (waiters as typeof options.waiters).map((waiter) => ({
    word: checkWord(checkOptions(waiter)),
    value: checkValue(waiter.value),
  }))
  const structs = Buffer.alloc(list.length * waiterBytes)
  return makeOperation(
    futexWaitvRow,
    (words, at, flags) => {
      list.forEach(({ word, value }, index) => {
        putU64(structs, index * waiterBytes, value)
        putU64(structs, index * waiterBytes + 8, wordAddress(word))
        structs.writeUInt32LE(word.futexFlags, index * waiterBytes + 16)
      })
      prepFutexWaitv(words, at, flags, addressOfView(structs), list.length)
    },
    { keep: [list, structs] },
  )
}

export interface WaitidOptions {
  readonly idType: keyof typeof WaitIdType | number
  /** The process, process group or pidfd. Default 0, for P_ALL. */
  readonly id?: number
  /** What to wait for: WEXITED, WSTOPPED, WCONTINUED; WNOWAIT leaves it for others to see. */
  readonly options: Flags<keyof typeof WaitFlag>
}

/**
 * waitid(2): waits for a child of this process. Resolves with what happened to it; null where nothing has (WNOHANG). Node reaps the
 * children that node:child_process started: use WNOWAIT for those, and expect ECHILD when it was faster.
 * Since 6.7. io_uring_prep_waitid(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ECHILD (no such child), EINVAL, ECANCELED
 */
export function waitid(options: WaitidOptions): Operation<ProcessChange | null> {
  const idType = namedValue(checkOptions(options).idType, WaitIdType, 'idType')
  const id = checkInteger(options.id ?? 0, 'id', 0, 2 ** 31 - 1)
  const waitFlags = flagBits(options.options, WaitFlag, 'options')
  const siginfo = Buffer.alloc(siginfoBytes)
  return makeOperation(
    waitidRow,
    (words, at, flags) => {
      siginfo.fill(0)
      prepWaitid(words, at, flags, idType, id, addressOfView(siginfo), waitFlags)
    },
    { keep: [siginfo], result: () => processChange(siginfo) },
  )
}
