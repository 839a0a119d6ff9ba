// Chain: operations of which one runs after the other, built here, carried out by the kernel (linked-chain.ts) or, where the SQ
// thread is shared between rings, by the client (stepped-chain.ts). Made by RawRing.chain().
import { RingError, invalidArgValue, outOfRange, ringErrors } from '../../native/errors.ts'
import { throwIfAborted } from '../abort.ts'
import { checkBoolean, checkOptionNames, checkSignal } from '../arguments.ts'
import type { RequestHandle } from '../request-handle.ts'
import { isLimit } from './chain-steps.ts'
import type { Step, StepOutcome } from './chain-steps.ts'
import { carryOutLinked } from './linked-chain.ts'
import { checkOperation, checkRing } from './operation.ts'
import type { Operation } from './operation.ts'
import { linkTimeout } from './operations/timeouts.ts'
import type { LinkTimeoutOptions } from './operations/timeouts.ts'
import { withTimeout } from '../time-limit.ts'
import type { Timed } from '../time-limit.ts'
import { carryOutStepped } from './stepped-chain.ts'
import { checkSupported } from './support.ts'

/** How a step is carried out. */
export interface StepOptions {
  /**
   * Only whether it failed is of interest: `done` comes without a value. Steps like this at the beginning of a chain, softly
   * linked, in a chain without time limits, get no completion of their own (IOSQE_CQE_SKIP_SUCCESS, 5.17). To know: where the
   * first step is one and the kernel refuses an entry of the chain before it begins, it does not say which: all are `cancelled`.
   */
  readonly quiet?: boolean
  /** Hand it to a kernel worker thread at once (IOSQE_ASYNC) instead of trying without blocking first. */
  readonly async?: boolean
}

export interface ChainSubmitOptions extends Timed {
  /**
   * Cancels the chain. It still resolves, with what became of each step: those that were cancelled carry an AbortError. What
   * hangs on a hard link begins all the same, and is cancelled if it waits for anything.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * Start it after everything before it is over, and what follows after it (what IOSQE_IO_DRAIN does): a barrier for the whole ring.
   * A stream, a poll, whatever is in flight and does not end holds it up, and all behind it; cancellations go ahead.
   */
  readonly drain?: boolean
}

/** An outcome for each step. */
export type ChainOutcomes<T extends readonly unknown[]> = { -readonly [Index in keyof T]: StepOutcome<T[Index]> }

/** A chain is built once, and submitted any number of times, one at a time. `T`: the values of its steps. */
export class Chain<T extends readonly unknown[] = []> {
  private readonly handle: RequestHandle
  private readonly steps: Step[] = []
  private running = false

  /** Made by RawRing.chain(). */
  constructor(handle: RequestHandle) {
    this.handle = handle
  }

  /**
   * Adds a step; the next one runs only if this one does all it was asked for.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_RING_OPERATION_UNSUPPORTED
   */
  link<R>(operation: Operation<R>, options: StepOptions & { readonly quiet: true }): Chain<[...T, R | undefined]>
  link<R>(operation: Operation<R>, options?: StepOptions): Chain<[...T, R]>
  link(operation: Operation<unknown>, options: StepOptions = {}): Chain<readonly unknown[]> {
    return this.add(operation, options, false, false)
  }

  /**
   * Adds a step; the next one runs whatever becomes of this one, once it has begun: not if it was cancelled because a softly linked
   * one before it failed, and not if the chain is refused as a whole. What must be undone, a close above all, hangs on one of these.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_RING_OPERATION_UNSUPPORTED
   */
  hardlink<R>(operation: Operation<R>, options: StepOptions & { readonly quiet: true }): Chain<[...T, R | undefined]>
  hardlink<R>(operation: Operation<R>, options?: StepOptions): Chain<[...T, R]>
  hardlink(operation: Operation<unknown>, options: StepOptions = {}): Chain<readonly unknown[]> {
    return this.add(operation, options, true, false)
  }

  /**
   * Limits the step before it: when the time is over it is cancelled, and its outcome is `timed-out`. Milliseconds from when
   * the step begins, or by another clock, or until a time: as op.linkTimeout(), which is a step of its own.
   * @throws ERR_INVALID_ARG_VALUE (no step to limit, or limited already), ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  timeout(time: number | LinkTimeoutOptions): this {
    const limit = linkTimeout(typeof time === 'object' ? time : { timeMs: time })
    this.add(limit, {}, this.steps.at(-1)?.hard === true, true)
    return this
  }

  private add(operation: Operation<unknown>, options: StepOptions, hard: boolean, hidden: boolean): this {
    checkOperation(operation)
    checkRing(operation, this.handle)
    if (this.running) throw invalidArgValue('chain', 'a chain', 'is being carried out: build another, or wait for it')
    checkSupported(operation.row, this.handle.client.poller, operation.sqeFlags)
    const before = this.steps.at(-1)
    checkOptionNames(options, ['quiet', 'async'])
    const quiet = checkBoolean(options.quiet, 'quiet')
    const async = checkBoolean(options.async, 'async')
    const step = { operation, hard, quiet, async, hidden }
    if (isLimit(step) && (before === undefined || isLimit(before)))
      throw invalidArgValue(
        'timeout',
        operation.row.name,
        before === undefined
          ? 'limits the step before it, and there is none: add one first'
          : 'limits a step that has a limit already',
      )
    this.steps.push(step)
    return this
  }

  /**
   * Carries out the chain. Resolves with an outcome for each step (timeout()s are not steps) when all are over; a failed step is
   * an outcome, not a rejection. Where the kernel carries it out, all are published at once; where the SQ thread is shared
   * each step is submitted when the one before it is over.
   * @throws (rejects) ERR_INVALID_ARG_VALUE (no steps, running already), ERR_OUT_OF_RANGE (longer than the ring), AbortError,
   * ERR_RING_OPERATION_UNSUPPORTED (`drain`, where the SQ thread is shared), ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED: nothing was done then
   */
  submit(options?: ChainSubmitOptions): Promise<ChainOutcomes<T>>
  async submit(options: ChainSubmitOptions = {}): Promise<readonly unknown[]> {
    checkOptionNames(options, ['signal', 'timeoutMs', 'drain'])
    if (options.timeoutMs !== undefined) return withTimeout(options, (timed) => this.carryOut(timed))
    return this.carryOut(options)
  }

  private async carryOut(options: ChainSubmitOptions): Promise<StepOutcome[]> {
    const signal = checkSignal(options.signal)
    const drain = checkBoolean(options.drain, 'drain')
    const { handle, steps } = this
    if (steps.length === 0) throw invalidArgValue('chain', steps, 'has no steps')
    if (this.running) throw invalidArgValue('chain', 'a chain', 'is being carried out: build another, or wait for it')
    const twice = repeated(steps)
    if (twice !== undefined) throw ringErrors.operationInFlight(twice.row.name)
    const { chainMax } = handle.client
    if (steps.length > chainMax)
      throw outOfRange(
        'chain.length',
        `<= ${chainMax} (sqEntries, cqEntries less what is kept free, or what a view may have)`,
        steps.length,
      )
    throwIfAborted(signal)
    const linked = handle.chainsWhole || steps.length === 1
    if (drain && !linked)
      throw new RingError(
        'ERR_RING_OPERATION_UNSUPPORTED',
        'this chain cannot be drained on this ring: its SQ thread is shared, and its chains are carried out step by step',
      )
    this.running = true
    try {
      if (!linked) return await carryOutStepped(handle, steps, signal)
      return await carryOutLinked(handle, steps, { signal, drain })
    } finally {
      this.running = false
    }
  }
}

/** An operation that is a step twice: it is one request at a time. */
function repeated(steps: readonly Step[]): Operation<unknown> | undefined {
  const seen = new Set<Operation<unknown>>()
  return steps.find(({ operation }) => seen.size === seen.add(operation).size)?.operation
}
