// A chain as the client carries it out, one step after the other, with the results that the kernel gives. Used by Chain where an
// SQ thread is shared between rings: it takes eight entries of a ring at a time, and a chain that does not fit is cut.
//
// A time limit is a linked pair to the kernel, which could be cut too. Here it is a timeout of its own beside the step: who is
// over first cancels the other, and the step is over with both.
import { addAbortListener, removeAbortListener } from '../abort.ts'
import { Op, SqeFlag } from '../../native/abi.ts'
import { ignoreResult } from '../../workers/completions.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { countTimeout } from '../abort.ts'
import type { RequestHandle } from '../request-handle.ts'
import { ChainResults, ECANCELED, failsLink, isLimit } from './chain-steps.ts'
import type { Step, StepOutcome } from './chain-steps.ts'
import { fillEntry } from './fill-entry.ts'

/** A request's slot and generation; the slot is -1 once it is over. */
interface Running {
  slot: number
  generation: number
}

class SteppedChain implements Completion {
  readonly promise: Promise<StepOutcome[]>
  private readonly handle: RequestHandle
  private readonly steps: readonly Step[]
  private readonly signal: AbortSignal | undefined
  private readonly results: ChainResults
  private readonly step: Running = { slot: -1, generation: 0 }
  private readonly limit: Running = { slot: -1, generation: 0 }
  private current = 0
  private resolve: (outcomes: StepOutcome[]) => void = () => undefined
  private readonly onAbort = (): void => {
    countTimeout(this.handle.client, this.signal)
    this.cancel(this.step)
  }

  constructor(handle: RequestHandle, steps: readonly Step[], signal: AbortSignal | undefined) {
    this.handle = handle
    this.steps = steps
    this.signal = signal
    this.results = new ChainResults(steps, handle.client.slots)
    this.promise = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  /** Begins with the first step. @throws what submitting it throws */
  start(): void {
    this.begin()
    this.handle.beginTask()
    addAbortListener(this.signal, this.onAbort)
  }

  private begin(): void {
    const { handle, steps, current } = this
    const { client } = handle
    const limited = isLimit(steps[current + 1])
    client.chain(limited ? 2 : 1) // both or neither, and not linked
    const { operation, async } = steps[current]!
    const failure = this.claim(this.step, current, operation.row.opcode, async ? SqeFlag.ASYNC : 0)
    if (limited) {
      this.claim(this.limit, current + 1, Op.TIMEOUT, 0)
      // The two entries differ in the opcode only.
      client.words[client.at] = (client.words[client.at]! & ~0xff) | Op.TIMEOUT
    }
    if (failure === null) return
    for (const request of [this.step, this.limit]) {
      if (request.slot < 0) continue
      client.slots.completion[request.slot] = ignoreResult
      request.slot = -1
    }
    throw failure
  }

  private claim(request: Running, index: number, opcode: number, sqeFlags: number): Error | null {
    const { client } = this.handle
    const { operation } = this.steps[index]!
    // Owner: all steps. Memory that a later one uses must not be leased to others while this one runs.
    const slot = client.claim(opcode, this, this.steps, null)
    client.slots.tag[slot] = index
    request.slot = slot
    request.generation = client.slots.generation[slot]!
    return fillEntry(client, operation, operation.sqeFlags | sqeFlags)
  }

  private cancel(request: Running): void {
    if (request.slot >= 0) this.handle.client.cancel(request.slot, request.generation)
  }

  complete(slots: SlotTable, slot: number, result: number, cqeFlags: number): void {
    const index = slots.tag[slot]!
    if (!this.results.record(index, result, cqeFlags)) return
    const [over, other] = index === this.current ? [this.step, this.limit] : [this.limit, this.step]
    over.slot = -1
    if (other.slot >= 0) this.cancel(other)
    else this.proceed()
  }

  /** The current step and its limit are over: goes on to the next one that is to run. */
  private proceed(): void {
    const { steps, results } = this
    while (!results.complete) {
      const { operation, hard } = steps[this.current]!
      const broken = !hard && failsLink(operation, results.result(this.current))
      this.current += isLimit(steps[this.current + 1]) ? 2 : 1
      if (broken) {
        for (let index = this.current; index < steps.length; index++) results.record(index, ECANCELED, 0)
        break
      }
      try {
        this.begin()
        // What runs after an abort is hard-linked: it begins, as in the kernel, and is cancelled if it is not over at once.
        if (this.signal?.aborted === true) this.cancel(this.step)
        return
      } catch (error) {
        results.recordError(this.current, error instanceof Error ? error : new Error(String(error)))
        if (isLimit(steps[this.current + 1])) results.record(this.current + 1, ECANCELED, 0)
      }
    }
    removeAbortListener(this.signal, this.onAbort)
    this.handle.endTask()
    this.resolve(results.outcomes(this.signal))
  }
}

/** @throws what submitting the first step throws: nothing was carried out then */
export function carryOutStepped(
  handle: RequestHandle,
  steps: readonly Step[],
  signal: AbortSignal | undefined,
): Promise<StepOutcome[]> {
  const chain = new SteppedChain(handle, steps, signal)
  chain.start()
  return chain.promise
}
