// What a chain is made of and what becomes of it: steps, and an outcome for each. Used by chain.ts, which builds, and by its two
// ways of carrying out: linked-chain.ts (the kernel does) and stepped-chain.ts (the client does).
import { CqeFlag } from '../../native/abi.ts'
import { RingError, abortError } from '../../native/errors.ts'
import { linkTimeout } from '../../native/operations/timeouts.ts'
import { interrupted } from '../../workers/completions.ts'
import type { SlotTable } from '../../workers/slots.ts'
import { operationError, succeeded } from './operation.ts'
import type { Operation } from './operation.ts'

/** How a step ended. `short`: it moved fewer bytes than asked for, which cuts a soft link as a failure does. */
export type StepOutcome<R = unknown> =
  | { readonly status: 'done'; readonly value: R }
  | { readonly status: 'short'; readonly value: R; readonly wantedBytes: number }
  | { readonly status: 'failed'; readonly error: Error }
  | { readonly status: 'cancelled'; readonly error: Error }
  | { readonly status: 'timed-out'; readonly error: Error }

/** One entry of a chain. */
export interface Step {
  readonly operation: Operation<unknown>
  /** Whether the next one runs also after this one failed. */
  readonly hard: boolean
  /** Its result is not wanted, only that it succeeded. */
  readonly quiet: boolean
  readonly async: boolean
  /** Made by Chain.timeout(): part of the step before it, without an outcome of its own. */
  readonly hidden: boolean
}

export const ECANCELED = -125
const ENOENT = -2
const ETIME = -62
const EALREADY = -114

/** Whether the step limits the time of the one before it. */
export function isLimit(step: Step | undefined): boolean {
  return step?.operation.row === linkTimeout
}

/** How a limit ends that the kernel took. */
const endsOfLimits: ReadonlySet<number> = new Set([ETIME, ENOENT, ECANCELED, EALREADY])

/** Whether it was cancelled, before it began or while it ran. */
const stopped = (result: number): boolean => result === ECANCELED || interrupted(result)

/** Whether the kernel takes this result for a failure, after which what is softly linked does not run. */
export function failsLink(operation: Operation<unknown>, result: number): boolean {
  if (result < 0) return result !== operation.expectedErrno || operation.breaksChain
  return result < operation.wantedBytes
}

/** What has come of the entries of a chain so far. */
export class ChainResults {
  private readonly steps: readonly Step[]
  private readonly slots: SlotTable
  private readonly results: Int32Array
  private readonly cqeFlags: Int32Array
  private readonly notifications: Int32Array
  private readonly over: Uint8Array
  private readonly errors = new Map<number, Error>()
  private readonly expired = new Set<number>()
  private left: number

  /** `slots`: the table of the ring that carries the chain out, which explains what the ring itself refuses. */
  constructor(steps: readonly Step[], slots: SlotTable) {
    this.steps = steps
    this.slots = slots
    this.results = new Int32Array(steps.length)
    this.cqeFlags = new Int32Array(steps.length)
    this.notifications = new Int32Array(steps.length)
    this.over = new Uint8Array(steps.length)
    this.left = steps.length
  }

  get complete(): boolean {
    return this.left === 0
  }

  isOver(index: number): boolean {
    return this.over[index] === 1
  }

  result(index: number): number {
    return this.results[index]!
  }

  /** Notes a completion. Returns whether the entry is over: with zero-copy that is when the kernel has let go of the buffer. */
  record(index: number, result: number, cqeFlags: number): boolean {
    const notified = (cqeFlags & CqeFlag.NOTIF) !== 0
    if (!notified) this.results[index] = result
    this.cqeFlags[index] = cqeFlags
    this.notifications[index] = notified ? result : 0
    if ((cqeFlags & CqeFlag.MORE) !== 0 || this.over[index] === 1) return false
    this.over[index] = 1
    this.left--
    return true
  }

  /** Notes that the entry could not even be submitted. */
  recordError(index: number, error: Error): void {
    this.record(index, ECANCELED, 0)
    this.errors.set(index, error)
  }

  /** Notes that the limit of this step was carried out by us: the step is being cancelled. */
  recordExpired(index: number): void {
    this.expired.add(index)
  }

  // A limit ends as one that ran out where we carried it out, and where it found its step running in a kernel worker thread
  // (EALREADY: interrupted there) or on its way from one place to another (ENOENT).
  private settleLimits(): void {
    for (let index = 1; index < this.steps.length; index++) {
      if (!isLimit(this.steps[index]) || !stopped(this.results[index - 1]!)) continue
      const result = this.results[index]
      const ranOut = result === EALREADY || result === ENOENT || (result === ECANCELED && this.expired.has(index - 1))
      if (ranOut) this.results[index] = ETIME
    }
  }

  /** One for each step, in their order. After an abort, what was cancelled says so with an AbortError. */
  outcomes(signal: AbortSignal | undefined): StepOutcome[] {
    const aborted = signal?.aborted === true ? abortError(signal) : undefined
    this.settleLimits()
    return this.steps.flatMap((step, index) => (step.hidden ? [] : [this.outcome(step, index, aborted)]))
  }

  private outcome(step: Step, index: number, aborted: Error | undefined): StepOutcome {
    const { operation, quiet } = step
    const result = this.results[index]!
    const unsubmitted = this.errors.get(index)
    if (unsubmitted !== undefined) {
      // A ring that closes takes no more steps: that is no failure of this one.
      const closed = unsubmitted instanceof RingError && unsubmitted.code === 'ERR_RING_CLOSED'
      return { status: closed ? 'cancelled' : 'failed', error: unsubmitted }
    }
    if (succeeded(operation, result)) {
      const { wantedBytes } = operation
      const value = (): unknown => operation.result(result, this.cqeFlags[index]!, this.notifications[index]!)
      if (result >= 0 && wantedBytes > result) return { status: 'short', value: value(), wantedBytes }
      return { status: 'done', value: quiet ? undefined : value() }
    }
    if ((this.cqeFlags[index]! & CqeFlag.BUFFER) !== 0) operation.spoiled(result, this.cqeFlags[index]!)
    const error = operationError(operation, result)
    this.slots.explain?.(operation.row.opcode, error)
    if (!stopped(result)) return { status: 'failed', error }
    // The timeout's own result is -ETIME if it fired; for waits on futexes and processes it is how many it cancelled.
    const limit = this.results[index + 1] ?? 0
    const limitStep = this.steps[index + 1]
    const fired = isLimit(limitStep) && (limit === ETIME || limit > 0)
    // The limit itself was refused (restrictions), and with it the step: nobody else says why.
    if (limitStep?.hidden === true && limit < 0 && !endsOfLimits.has(limit)) {
      const refusal = operationError(limitStep.operation, limit)
      this.slots.explain?.(limitStep.operation.row.opcode, refusal)
      return { status: 'failed', error: refusal }
    }
    return fired ? { status: 'timed-out', error } : { status: 'cancelled', error: aborted ?? error }
  }
}
