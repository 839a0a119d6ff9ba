// The submitting half of a ring client: slots, entries, publication, wake-ups. The base of QueuedSubmission, which has what waits.
// This file, ring-client.ts and pump.ts are the hot path: per request one SQE is written with plain typed-array stores;
// clocks, wake-ups and system calls happen once per batch, which is what was claimed in one turn of the microtask queue.
import { EnterFlag, Op, everyEntry } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import type { NativeBinding } from '../native/binding.ts'
import { ringErrors } from '../native/errors.ts'
import { Control } from '../native/layout.ts'
import type { Ring } from '../native/ring.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'
import type { Admitting } from './admitting.ts'
import { Backlog } from './backlog.ts'
import { ignoreResult } from './completions.ts'
import { Eras } from './eras.ts'
import { KeptEntries } from './kept-entries.ts'
import { isLittle } from './own-entries.ts'
import { Poller } from './poller-kind.ts'
import { SlotState, SlotTable } from './slots.ts'
import type { Completion } from './slots.ts'
import { StageRecorder } from './stage-recorder.ts'
import type { SubmissionOptions } from './submission-options.ts'
import type { Tracer } from './tracer.ts'

/** open → closing (accepts nothing, finishes what it has) → closed; lost: the ring itself is gone. */
export const ClientState = { open: 'open', closing: 'closing', closed: 'closed', lost: 'lost' } as const
export type ClientState = (typeof ClientState)[keyof typeof ClientState]

/** Slots and CQ entries that ordinary requests cannot take: cancellation must always get through. */
export const reservedSlots: number = 64

/** Requests of views (lane.ts) that may wait for one ring, all views together: they wait in a queue even where there is room. */
export const viewBacklogMax = (backlogMax: number): number => Math.max(64, backlogMax >> 2)

/** Slots of a ring: a place for everything that is in it, waits for it, or cancels. */
export const slotsOf = (inFlightMax: number, backlogMax: number): number =>
  inFlightMax + backlogMax + viewBacklogMax(backlogMax) + reservedSlots

/**
 * Entries after which a batch is published before its turn of the microtask queue is over, so that the poller works on the
 * first while this thread makes the next. Not for the `caller`, who would pay a system call for each part.
 */
const earlyPublishEntries = 16

const EINTR = -4
const EAGAIN = -11
const EBUSY = -16

export abstract class Submission {
  readonly slots: SlotTable
  /** Where the entry of the last claim() is to be written: sixteen words of `words` from `at`. */
  words: Int32Array
  at = 0
  /** Entries in the ring whose last CQE has not been reaped. */
  inFlight = 0
  /** Of those that have been reaped, the ones that the addon would count once more: their completions' places are not the kernel's yet. */
  protected held = 0
  /** Requests that may wait for a place in the ring. */
  readonly backlogMax: number
  poller: Poller
  state: ClientState = ClientState.open
  readonly ring: Ring
  protected readonly ringFd: number
  protected readonly control: Int32Array
  readonly metrics: RingMetrics
  readonly counters: Float64Array
  protected readonly stages: StageRecorder
  /** Null while nobody traces this ring. */
  tracer: Tracer | null = null
  readonly backlog: Backlog
  /** Null where no worker polls: then none can leave requests behind. */
  protected readonly kept: KeptEntries | null
  readonly inFlightMax: number
  readonly eras: Eras = new Eras()
  /** How much in flight lets nobody go first: `inFlightMax`, or less while requests of views wait for their turn. */
  admitMax: number
  /** What lets requests of views in, once there are any. */
  admission: Admitting | null = null
  /** Somebody could enter if the SQ had room, which is announced by nobody. */
  waitsForSq = false
  /** `admitMax`, or 0 while a barrier is in the ring or waits for what is: then nothing else gets in. */
  protected room: number
  protected readonly addon: NativeBinding
  private batchOpenedMs = -1
  private groupLeft = 0
  private groupHead = 0
  protected intoBacklog = false

  constructor(options: SubmissionOptions) {
    this.ring = options.ring
    this.poller = options.poller
    this.control = options.control
    this.metrics = options.metrics
    this.counters = options.metrics.client
    this.stages = new StageRecorder(options.metrics)
    this.inFlightMax = this.admitMax = this.room = options.inFlightMax
    this.backlogMax = options.backlogMax
    this.ringFd = options.ring.geometry.ringFd
    this.slots = new SlotTable(slotsOf(options.inFlightMax, options.backlogMax), ignoreResult)
    this.backlog = new Backlog(options.backlogMax, this.eras)
    const workerPolls = options.poller === Poller.worker || options.poller === Poller.threadpool
    this.kept = workerPolls ? new KeptEntries(options.ring, this.slots) : null
    this.words = options.ring.sqes
    this.addon = binding()
  }

  /** The longest chain that this ring can ever take: its entries must be in the SQ, and their completions fit into the CQ. */
  get chainMax(): number {
    return Math.min(this.ring.sqEntries, this.inFlightMax)
  }

  /** A batch was opened: see to it that it is published when the running code is done. */
  abstract schedulePublish(): void

  /** Once nothing is in flight, a barrier that was is over, and the next one or what follows may come. Whether that is so. */
  abstract passBarriers(): boolean

  /** The ring cannot be entered any more; `errno` says why. */
  protected abstract enterFailed(errno: number): void

  /** Requests accepted and not settled: what a coordinator balances. */
  get load(): number {
    return this.inFlight + this.backlog.length
  }

  get busy(): boolean {
    return this.load > 0 || this.viewsWait
  }

  get viewsWait(): boolean {
    return this.admission !== null && this.admission.waiting > 0
  }

  /**
   * Announces that the next `count` claims are one chain: neighbours in the SQ, published together. Else each stands alone.
   * @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST
   */
  chain(count: number): void {
    const { ring, backlog } = this
    // All entries before this one are filled: a claim's entry is filled before anything else happens.
    if (ring.unpublished >= earlyPublishEntries && this.poller !== Poller.caller) this.publish()
    this.assertOpen()
    this.groupLeft = this.groupHead = count
    this.intoBacklog = false
    if (backlog.length > 0 || this.inFlight + count > this.room || !ring.hasRoom(count)) this.makeRoom(count)
  }

  /**
   * Takes room for the next requests of a batch, which are no chain, so that claim() need not ask for each. Returns for how many: up to
   * `count`, or 0, and then each asks. They must be claimed before anything else happens.
   */
  expect(count: number): number {
    const { ring, poller } = this
    const run = count < earlyPublishEntries ? count : earlyPublishEntries
    if (ring.unpublished >= earlyPublishEntries && poller !== Poller.caller) this.publish()
    if (this.state !== ClientState.open || this.backlog.length > 0) return 0
    if (this.inFlight + run > this.room || !ring.hasRoom(run)) return 0
    this.groupLeft = run
    this.intoBacklog = false
    return run
  }

  // Apart from chain(), so that what every request runs through stays small enough to be inlined.
  private makeRoom(count: number): void {
    const { ring, backlog } = this
    this.passBarriers()
    if (backlog.length === 0 && this.inFlight + count <= this.room) {
      this.publish()
      if (ring.hasRoom(count) && this.inFlight + count <= this.room) return // publishing lets views in, too
    }
    this.assertOpen() // publishing may have found out that the ring is lost
    // A chain that the ring can never hold would wait, and everything behind it, for ever.
    if (count > this.chainMax || !backlog.hasRoom(count) || this.slots.available < count + reservedSlots) {
      this.groupLeft = 0
      this.counters[ClientCounter.backlogRejections]! += 1
      throw ringErrors.backlogFull(backlog.capacity)
    }
    this.intoBacklog = true
  }

  /** Nothing is submitted any more, cancellations neither: nobody would settle them. */
  protected get ended(): boolean {
    return this.state === ClientState.closed || this.state === ClientState.lost
  }

  /** What to do once the ring is lost. */
  lossAdvice = 'another one is opened in its place, try again'

  protected assertOpen(): void {
    if (this.state === ClientState.open) return
    this.groupLeft = 0
    throw this.state === ClientState.lost ? ringErrors.lostBefore(this.lossAdvice) : ringErrors.closed()
  }

  /**
   * Accepts one request: takes a slot and an entry, which the caller must fill at words[at] at once. `owner` is kept alive
   * until the last CQE, `context` is the completion's. Returns the slot.
   * @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST
   */
  claim(opcode: number, completion: Completion, owner: unknown, context: unknown): number {
    if (this.groupLeft === 0) this.chain(1)
    return this.take(opcode, completion, owner, context)
  }

  private take(opcode: number, completion: Completion, owner: unknown, context: unknown): number {
    const { slots } = this
    const slot = slots.claim(completion, owner, context)
    slots.opcode[slot] = opcode
    if (this.batchOpenedMs < 0) {
      this.batchOpenedMs = performance.now()
      this.schedulePublish()
    }
    if (this.intoBacklog) {
      slots.state[slot] = SlotState.queued
      slots.claimedMs[slot] = this.batchOpenedMs
      this.words = this.backlog.words
      this.at = this.backlog.reserve(slot, this.groupHead)
      this.groupHead = 0
      this.counters[ClientCounter.backlog] = this.backlog.length
    } else {
      slots.state[slot] = SlotState.prepared
      this.words = this.ring.sqes
      this.at = this.reserveEntry()
      this.inFlight++
    }
    this.groupLeft--
    this.words[this.at + 8] = slot
    this.words[this.at + 9] = slots.generation[slot]!
    this.metrics.countRequest(opcode)
    return slot
  }

  protected reserveEntry(): number {
    return this.kept === null ? this.ring.reserve() : this.kept.reserve()
  }

  /** As claim(), for a cancellation: from the reserve, ahead of what waits, in any state. The slot, or -1: no room just now, or no ring. */
  claimCancel(completion: Completion, owner: unknown, context: unknown): number {
    if (!this.ring.hasRoom(1)) this.publish()
    if (this.ended) return -1 // publishing may have found that out
    const room = this.inFlight < this.inFlightMax + reservedSlots && this.slots.available > 0
    if (!room || !this.ring.hasRoom(1)) return -1
    this.intoBacklog = false
    this.groupLeft = this.groupHead = 1
    this.counters[ClientCounter.cancels]! += 1
    return this.take(Op.ASYNC_CANCEL, completion, owner, context)
  }

  /** Makes what was claimed visible to the poller, and wakes it if it sleeps. */
  publish(): void {
    if (this.admission !== null) this.admission.admit()
    const { ring, slots, stages } = this
    const openedMs = this.batchOpenedMs
    this.batchOpenedMs = -1
    const count = ring.unpublished
    if (count === 0) return
    const nowMs = performance.now()
    if (this.tracer !== null) this.tracer.publishing(ring, openedMs < 0 ? nowMs : openedMs, nowMs)
    stages.beginPublish(openedMs < 0 ? nowMs : openedMs, nowMs)
    for (let index = 0; index < count; index++) {
      const slot = ring.sqes[ring.unpublishedAt(index) + 8]!
      slots.state[slot] = SlotState.submitted
      slots.publishedMs[slot] = nowMs
      stages.published(slots.opcode[slot]!, slots.claimedMs[slot]!, nowMs)
      slots.claimedMs[slot] = 0
    }
    stages.endPublish()
    // Before the tail: should this environment end right now, the addon must know how many completions to wait for.
    Atomics.store(this.control, Control.in_flight >> 2, this.inFlight + this.held)
    ring.publish()
    const { counters } = this
    counters[ClientCounter.publishedBatches]! += 1
    counters[ClientCounter.publishedEntries]! += count
    counters[ClientCounter.inFlight] = this.inFlight
    if (this.inFlight > counters[ClientCounter.inFlightMax]!) counters[ClientCounter.inFlightMax] = this.inFlight
    if (this.poller === Poller.caller || ring.needsWakeup()) this.kick()
  }

  /** Tells the addon for how many completions to wait, should this thread end: what is claimed and not published gets none. */
  protected countInFlight(): void {
    Atomics.store(this.control, Control.in_flight >> 2, this.inFlight + this.held - this.ring.unpublished)
  }

  /** Has the completions brought in that found no room in the CQ. */
  protected flushOverflow(): void {
    this.counters[ClientCounter.cqOverflows]! += 1
    if (this.poller === Poller.threadpool) this.kick()
    else {
      this.counters[ClientCounter.enterCalls]! += 1
      this.addon.enter(this.ringFd, 0, 0, EnterFlag.GETEVENTS)
    }
  }

  /** The `worker` sleeps, and there is little to do: doing it is cheaper than waking somebody. Whether all was taken. */
  private enterInstead(): boolean {
    if (!isLittle(this.ring)) return false
    this.counters[ClientCounter.enterCalls]! += 1
    const entered = this.addon.enter(this.ringFd, everyEntry, 0, 0)
    if (entered < 0 && entered !== EAGAIN && entered !== EBUSY && entered !== EINTR) this.enterFailed(entered)
    return entered < 0 ? this.ended : this.ring.unconsumed === 0
  }

  /** Gets the poller going: the `caller` enters, the others are woken. */
  protected kick(): void {
    const { counters, addon } = this
    if (this.poller === Poller.worker && this.enterInstead()) return
    if (this.poller === Poller.worker || this.poller === Poller.threadpool) {
      counters[ClientCounter.sqWakeups]! += 1
      addon.signal(Atomics.load(this.control, Control.wake_fd >> 2))
      return
    }
    counters[ClientCounter.enterCalls]! += 1
    if (this.poller === Poller.kernel) counters[ClientCounter.sqWakeups]! += 1
    const entered =
      this.poller === Poller.kernel
        ? addon.enter(this.ringFd, 0, 0, EnterFlag.SQ_WAKEUP)
        : addon.enter(this.ringFd, this.ring.unconsumed, 0, 0)
    // EAGAIN, EBUSY: short of memory or CQ room for a moment. What was not consumed is offered again on the next turn.
    if (entered < 0 && entered !== EAGAIN && entered !== EBUSY && entered !== EINTR) this.enterFailed(entered)
  }

  /** Settles a request that gets no CQE. */
  fail(slot: number, result: number): void {
    if (this.tracer !== null) this.tracer.settledUnseen(slot, result)
    this.metrics.countCompletion(this.slots.opcode[slot]!, result)
    this.settle(slot, result, 0)
    this.slots.free(slot)
  }

  /** Frees a published request that gets no CQE: that of another step of its chain has said that it is over, with `result`. */
  settleUnseen(slot: number, result: number): void {
    if (this.tracer !== null) this.tracer.settledUnseen(slot, result)
    this.metrics.countCompletion(this.slots.opcode[slot]!, result)
    this.slots.credits[slot] = 1
    this.slots.free(slot)
    this.inFlight--
  }

  /** Runs a slot's completion. One that throws is a defect: it is reported, and the ring goes on. */
  protected settle(slot: number, result: number, cqeFlags: number): void {
    try {
      this.slots.completion[slot]!.complete(this.slots, slot, result, cqeFlags)
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  }
}
