// A chain as the kernel carries it out: all entries neighbours in the SQ, linked, published with one store. Used by Chain where
// an SQ thread serves one ring only, or there is none.
//
// Quiet steps get no CQE of their own (IOSQE_CQE_SKIP_SUCCESS, 5.17), and who counts completions must know what one stands for.
// The kernel's rules (io_fail_links() in io_uring/timeout.c): a step that fails always posts; if it was to be quiet, none of
// the steps that are cancelled with it posts; if it was not, all of them do, the quiet ones too. So that each CQE says by
// itself how many requests are over, only steps at the chain's beginning are really silent, as long as they are quiet and softly
// linked, and no step has a time limit (limit-guard.ts must see when a step begins):
//
//   quiet quiet step step     all is well:      CQE 3 (stands for 3), CQE 4
//     1     2    3    4       2 fails:          CQE 2 (stands for 4)
//                             3 fails:          CQE 3 (stands for 3), CQE 4: cancelled
//
// Elsewhere a quiet step posts its CQE, and only its value is left out. The numbers go to `credits`, where the addon finds them
// when this thread ends with chains in flight.
import { addAbortListener, removeAbortListener } from '../abort.ts'
import { Feature, Op, SqeFlag } from '../../native/abi.ts'
import { prepNop } from '../../native/operations/control.ts'
import { ignoreResult } from '../../workers/completions.ts'
import { SlotState } from '../../workers/slots.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { countTimeout } from '../abort.ts'
import type { RequestHandle } from '../request-handle.ts'
import { ChainResults, ECANCELED, isLimit } from './chain-steps.ts'
import type { Step, StepOutcome } from './chain-steps.ts'
import { fillEntry } from './fill-entry.ts'
import { LimitGuard } from './limit-guard.ts'

/** How to carry out a chain. */
export interface ChainRun {
  readonly signal: AbortSignal | undefined
  readonly drain: boolean
}

/** Results below this were given by us and by no CQE. */
const noCqe = -100_000

// The kernel refuses these together with CQE_SKIP: their second completion would be all there is.
const neverSilent: ReadonlySet<number> = new Set([Op.SEND_ZC, Op.SENDMSG_ZC, Op.RECV_ZC])

/** How many steps at the beginning need no CQE. */
function silentSteps(steps: readonly Step[], features: number): number {
  if ((features & Feature.CQE_SKIP) === 0 || steps.some(isLimit)) return 0
  const silent = (step: Step, index: number): boolean =>
    step.quiet && !step.hard && index < steps.length - 1 && !neverSilent.has(step.operation.row.opcode)
  const first = steps.findIndex((step, index) => !silent(step, index))
  return first < 0 ? 0 : first
}

class LinkedChain implements Completion {
  readonly promise: Promise<StepOutcome[]>
  private readonly handle: RequestHandle
  private readonly steps: readonly Step[]
  private readonly run: ChainRun
  private readonly results: ChainResults
  private readonly slots: Int32Array
  private readonly generations: Int32Array
  private silent = 0
  private current = 0
  private guard: LimitGuard | null = null
  private resolve: (outcomes: StepOutcome[]) => void = () => undefined
  private readonly onAbort = (): void => {
    countTimeout(this.handle.client, this.run.signal)
    this.cancelRunning()
  }

  constructor(handle: RequestHandle, steps: readonly Step[], run: ChainRun) {
    this.handle = handle
    this.steps = steps
    this.run = run
    this.results = new ChainResults(steps, handle.client.slots)
    this.slots = new Int32Array(steps.length)
    this.generations = new Int32Array(steps.length)
    this.promise = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  /** Publishes the chain. @throws what claiming throws, and what an operation throws that cannot write its entry */
  start(): void {
    const { handle, steps, run } = this
    const { client } = handle
    const silent = silentSteps(steps, handle.geometry.features)
    if (run.drain) client.barrier(steps.length)
    else client.chain(steps.length)
    const places = new Int32Array(steps.length)
    let failure: Error | null = null
    steps.forEach((step, index) => {
      const { operation } = step
      const slot = client.claim(operation.row.opcode, this, operation, null)
      client.slots.tag[slot] = index
      this.slots[index] = slot
      this.generations[index] = client.slots.generation[slot]!
      places[index] = client.at
      let flags = operation.sqeFlags | (step.async ? SqeFlag.ASYNC : 0)
      if (index < steps.length - 1) flags |= step.hard ? SqeFlag.IO_HARDLINK : SqeFlag.IO_LINK
      if (index < silent) flags |= SqeFlag.CQE_SKIP_SUCCESS
      failure ??= fillEntry(client, operation, flags)
    })
    if (failure !== null) {
      this.withdraw(places)
      throw failure as Error
    }
    this.silent = silent
    if (silent > 0) {
      for (let index = 0; index < silent; index++) client.slots.credits[this.slots[index]!] = steps.length
      client.slots.credits[this.slots[silent]!] = silent + 1
    }
    addAbortListener(run.signal, this.onAbort)
    if (!steps.some(isLimit)) return
    const expired = (index: number): void => {
      this.results.recordExpired(index)
    }
    this.guard = new LimitGuard({ client, steps, slots: this.slots, generations: this.generations, expired })
    this.guard.follow(0)
  }

  // Claimed entries are published whatever happens: those of a chain that cannot be filled do nothing.
  private withdraw(places: Int32Array): void {
    const { client } = this.handle
    this.slots.forEach((slot, index) => {
      prepNop(client.words, places[index]!, 0)
      client.slots.completion[slot] = ignoreResult
    })
  }

  // The kernel cancels what has begun; the rest follows from that, or begins and is cancelled then. Which of the silent ones
  // runs nobody knows.
  private cancelRunning(): void {
    const { handle, results, steps } = this
    for (let index = 0; index < steps.length; index++) {
      if (results.isOver(index)) continue
      handle.client.cancel(this.slots[index]!, this.generations[index]!)
      if (index >= this.silent) return
    }
  }

  complete(slots: SlotTable, slot: number, result: number, cqeFlags: number): void {
    const index = slots.tag[slot]!
    if (this.silent > 0) {
      slots.credits[slot] = 1
      const posted = slots.state[slot] === SlotState.submitted && result > noCqe
      if (posted && index <= this.silent) this.settleSilent(index)
    }
    this.results.record(index, result, cqeFlags)
    if (this.guard !== null) this.followLimits(this.guard)
    if (this.results.complete) {
      removeAbortListener(this.run.signal, this.onAbort)
      this.resolve(this.results.outcomes(this.run.signal))
    } else if (this.run.signal?.aborted === true) this.cancelRunning()
  }

  private followLimits(guard: LimitGuard): void {
    while (this.current < this.steps.length && this.results.isOver(this.current)) this.current++
    if (this.results.complete) guard.stop()
    else guard.follow(this.current)
  }

  /** The CQE of a silent step, or of the first one after them: those before it were carried out, and after a silent one none is. */
  private settleSilent(posted: number): void {
    // Without a word they did all they were asked for.
    for (let index = 0; index < posted; index++)
      this.settleUnseen(index, Math.max(0, this.steps[index]!.operation.wantedBytes))
    if (posted === this.silent) return
    for (let index = posted + 1; index < this.steps.length; index++) this.settleUnseen(index, ECANCELED)
  }

  private settleUnseen(index: number, result: number): void {
    if (!this.results.record(index, result, 0)) return
    this.handle.client.settleUnseen(this.slots[index]!, result)
  }
}

/** @throws what starting throws: nothing was carried out then */
export function carryOutLinked(handle: RequestHandle, steps: readonly Step[], run: ChainRun): Promise<StepOutcome[]> {
  const chain = new LinkedChain(handle, steps, run)
  chain.start()
  return chain.promise
}
