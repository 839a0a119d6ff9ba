// Chain: linked operations, published together, carried out one after the other by the kernel. Made by RawRing.chain().
import { CqeFlag, SqeFlag } from '../../native/abi.ts'
import { invalidArgValue } from '../../native/errors.ts'
import { linkTimeout, prepLinkTimeout } from '../../native/operations/timeouts.ts'
import { addressOfView } from '../../native/addresses.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { fillEntry } from './fill-entry.ts'
import { makeOperation, operationError, succeeded, timespec } from './operation.ts'
import type { Operation } from './operation.ts'
import { checkSupported } from './support.ts'

/** How a step ended. `short`: it moved fewer bytes than asked for, which cuts a soft link as a failure does. */
export type StepOutcome<R = unknown> =
  | { readonly status: 'done'; readonly value: R }
  | { readonly status: 'short'; readonly value: R; readonly wantedBytes: number }
  | { readonly status: 'failed'; readonly error: Error }
  | { readonly status: 'cancelled'; readonly error: Error }
  | { readonly status: 'timed-out'; readonly error: Error }

interface Step {
  readonly operation: Operation<unknown>
  linkFlags: number
  readonly isTimeout: boolean
}

const ECANCELED = -125
const EINTR = -4
const ETIME = -62

/** A chain is built, submitted once, and then over. */
export class Chain implements Completion {
  private readonly handle: RingHandle
  private readonly steps: Step[] = []
  private results = new Int32Array(0)
  private cqeFlags = new Int32Array(0)
  private notifications = new Int32Array(0)
  private left = 0
  private resolve: (outcomes: StepOutcome[]) => void = () => undefined

  /** Made by RawRing.chain(). */
  constructor(handle: RingHandle) {
    this.handle = handle
  }

  /** Adds a step; the next one runs only if this one does all it was asked for. */
  link(operation: Operation<unknown>): this {
    return this.add(operation, SqeFlag.IO_LINK, false)
  }

  /** Adds a step; the next one runs whatever becomes of this one (but not if the chain is refused as a whole). */
  hardlink(operation: Operation<unknown>): this {
    return this.add(operation, SqeFlag.IO_HARDLINK, false)
  }

  /** Limits the step before it to `timeMs`: then it is cancelled and its outcome is `timed-out`. */
  timeout(timeMs: number): this {
    const before = this.steps.at(-1)
    if (before === undefined || before.isTimeout)
      throw invalidArgValue('timeMs', timeMs, 'limits a step: add one before it')
    const time = timespec(timeMs)
    const operation = makeOperation(
      linkTimeout,
      (words, at, flags) => {
        prepLinkTimeout(words, at, flags, addressOfView(time), 0)
      },
      { keep: [time] },
    )
    return this.add(operation, before.linkFlags, true)
  }

  private add(operation: Operation<unknown>, linkFlags: number, isTimeout: boolean): this {
    checkSupported(operation.row, this.handle.client.poller, operation.sqeFlags)
    this.steps.push({ operation, linkFlags, isTimeout })
    return this
  }

  /**
   * Publishes the chain. Resolves with an outcome for each step (timeouts are not steps) when all are over; a failed step is
   * an outcome, not a rejection.
   * @throws (rejects) ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_INVALID_ARG_VALUE for an empty chain
   */
  submit(): Promise<StepOutcome[]> {
    const { steps, handle } = this
    const { client } = handle
    return new Promise((resolve, reject) => {
      try {
        if (steps.length === 0) throw invalidArgValue('chain', steps, 'has no steps')
        client.chain(steps.length)
        this.resolve = resolve
        this.results = new Int32Array(steps.length)
        this.cqeFlags = new Int32Array(steps.length)
        this.notifications = new Int32Array(steps.length)
        this.left = steps.length
        steps.forEach((step, index) => {
          const slot = client.claim(step.operation.row.opcode, this, step.operation, null)
          client.slots.tag[slot] = index
          const linkFlags = index === steps.length - 1 ? 0 : step.linkFlags
          const failure = fillEntry(client, step.operation, step.operation.sqeFlags | linkFlags)
          if (failure !== null) reject(failure) // the entry is a no-op now, which ends the chain there
        })
      } catch (error) {
        reject(error)
      }
    })
  }

  complete(slots: SlotTable, slot: number, result: number, cqeFlags: number): void {
    const index = slots.tag[slot]!
    if ((cqeFlags & CqeFlag.NOTIF) === 0) this.results[index] = result
    this.cqeFlags[index] = cqeFlags
    this.notifications[index] = (cqeFlags & CqeFlag.NOTIF) === 0 ? 0 : result
    if ((cqeFlags & CqeFlag.MORE) !== 0) return // zero-copy: over when the kernel has let go of the buffer
    this.left--
    if (this.left === 0) this.resolve(this.outcomes())
  }

  private outcomes(): StepOutcome[] {
    const outcomes: StepOutcome[] = []
    this.steps.forEach((step, index) => {
      if (!step.isTimeout) outcomes.push(this.outcome(step.operation, this.results[index]!, index))
    })
    return outcomes
  }

  private outcome(operation: Operation<unknown>, result: number, index: number): StepOutcome {
    if (succeeded(operation, result)) {
      const value = operation.result(result, this.cqeFlags[index]!, this.notifications[index]!)
      const short = result >= 0 && operation.wantedBytes > result
      return short ? { status: 'short', value, wantedBytes: operation.wantedBytes } : { status: 'done', value }
    }
    const error = operationError(operation, result)
    if (result !== ECANCELED && result !== EINTR) return { status: 'failed', error }
    // The timeout's own result is -ETIME if it fired; for waits on futexes and processes it is how many it cancelled.
    const limit = this.results[index + 1] ?? 0
    const fired = this.steps[index + 1]?.isTimeout === true && (limit === ETIME || limit > 0)
    return { status: fired ? 'timed-out' : 'cancelled', error }
  }
}
