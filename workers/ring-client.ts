// The client's end of a ring: push, publish, reap, settle. One per ring and thread; services call it for every request.
// This file and pump.ts are the hot path. Per request it writes one SQE and reads one CQE with plain typed-array accesses;
// clocks, wake-ups and system calls happen once per batch, which is whatever was claimed in one turn of the microtask queue.
import { CancelFlag, CqeFlag, EnterFlag, Op } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import type { EventWatcher, NativeBinding } from '../native/binding.ts'
import { kernelError, ringErrors } from '../native/errors.ts'
import { Control } from '../native/layout.ts'
import { prepCancel, prepCancelMatching } from '../native/operations/control.ts'
import { countsBytes } from '../native/operations/index.ts'
import type { Ring } from '../native/ring.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import type { RingMetrics } from '../metrics/ring-metrics.ts'
import { Backlog } from './backlog.ts'
import { LossResult, ignoreResult } from './completions.ts'
import type { IdleStrategy } from './idle-strategy.ts'
import { Poller } from './poller-kind.ts'
import { Pump } from './pump.ts'
import type { Pumped } from './pump.ts'
import { SlotState, SlotTable } from './slots.ts'
import type { Completion } from './slots.ts'
import { StageRecorder } from './stage-recorder.ts'

/** open → closing (accepts nothing, finishes what it has) → closed; lost: the ring itself is gone. */
export const ClientState = { open: 'open', closing: 'closing', closed: 'closed', lost: 'lost' } as const
export type ClientState = (typeof ClientState)[keyof typeof ClientState]

/** Completions settled at a time, before the CQ's entries are given back and timers and sockets may run. */
const reapMax = 1024
/** Slots and CQ entries that ordinary requests cannot take: cancellation must always get through. */
export const reservedSlots: number = 64

const EINTR = -4
const EAGAIN = -11
const EBUSY = -16

export interface RingClientOptions {
  readonly ring: Ring
  readonly poller: Poller
  readonly control: Int32Array
  readonly metrics: RingMetrics
  readonly idle: IdleStrategy
  /** Entries in the ring at most: the CQ must have room for the last CQE of each. */
  readonly inFlightMax: number
  readonly backlogMax: number
}

export class RingClient implements Pumped {
  readonly slots: SlotTable
  /** Where the entry of the last claim() is to be written: sixteen words of `words` from `at`. */
  words: Int32Array
  at = 0
  inFlight = 0
  /** Requests that may wait for a place in the ring. */
  readonly backlogMax: number
  poller: Poller
  state: ClientState = ClientState.open
  private readonly ring: Ring
  private readonly ringFd: number
  private readonly control: Int32Array
  private readonly metrics: RingMetrics
  private readonly counters: Float64Array
  private readonly stages: StageRecorder
  private readonly backlog: Backlog
  private readonly inFlightMax: number
  private readonly pump: Pump
  private readonly addon: NativeBinding
  private readonly watcher: EventWatcher
  private batchOpenedMs = -1
  private groupLeft = 0
  private groupHead = 0
  private intoBacklog = false
  private onRested: (() => void) | null = null

  constructor(options: RingClientOptions) {
    this.ring = options.ring
    this.poller = options.poller
    this.control = options.control
    this.metrics = options.metrics
    this.counters = options.metrics.client
    this.stages = new StageRecorder(options.metrics)
    this.inFlightMax = options.inFlightMax
    this.backlogMax = options.backlogMax
    this.ringFd = options.ring.geometry.ringFd
    this.slots = new SlotTable(options.inFlightMax + options.backlogMax + reservedSlots, ignoreResult)
    this.backlog = new Backlog(options.backlogMax)
    this.words = options.ring.sqes
    this.pump = new Pump(this, options.idle)
    this.addon = binding()
    this.ring.silence()
    this.watcher = new this.addon.Watcher(Atomics.load(this.control, Control.event_fd >> 2), () => {
      this.pump.wake()
    })
  }

  /** Requests accepted and not settled: what a coordinator balances. */
  get load(): number {
    return this.inFlight + this.backlog.length
  }

  get busy(): boolean {
    return this.inFlight > 0 || this.backlog.length > 0
  }

  /**
   * Announces that the next `count` claims are one chain: neighbours in the SQ, published together. Without it every
   * claim stands alone.
   * @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST
   */
  chain(count: number): void {
    if (this.state === ClientState.lost) throw ringErrors.lost(undefined)
    if (this.state !== ClientState.open) throw ringErrors.closed()
    const { ring, backlog } = this
    this.groupLeft = this.groupHead = count
    this.intoBacklog = false
    if (backlog.length === 0 && this.inFlight + count <= this.inFlightMax) {
      if (ring.hasRoom(count)) return
      this.publish()
      if (ring.hasRoom(count)) return
    }
    if (count > ring.sqEntries || !backlog.hasRoom(count) || this.slots.available < count + reservedSlots) {
      this.groupLeft = 0
      this.counters[ClientCounter.backlogRejections]! += 1
      throw ringErrors.backlogFull(backlog.capacity)
    }
    this.intoBacklog = true
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
      this.pump.schedule()
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
      this.at = this.ring.reserve()
      this.inFlight++
    }
    this.groupLeft--
    this.words[this.at + 8] = slot
    this.words[this.at + 9] = slots.generation[slot]!
    this.metrics.countRequest(opcode)
    return slot
  }

  /** Makes what was claimed visible to the poller, and wakes it if it sleeps. */
  publish(): void {
    const { ring, slots, stages } = this
    const openedMs = this.batchOpenedMs
    this.batchOpenedMs = -1
    const count = ring.unpublished
    if (count === 0) return
    const nowMs = performance.now()
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
    Atomics.store(this.control, Control.in_flight >> 2, this.inFlight)
    ring.publish()
    const { counters } = this
    counters[ClientCounter.publishedBatches]! += 1
    counters[ClientCounter.publishedEntries]! += count
    counters[ClientCounter.inFlight] = this.inFlight
    if (this.inFlight > counters[ClientCounter.inFlightMax]!) counters[ClientCounter.inFlightMax] = this.inFlight
    if (this.poller === Poller.caller || ring.needsWakeup()) this.kick()
  }

  /** Gets the poller going: the `caller` enters, the others are woken. */
  private kick(): void {
    const { counters, addon } = this
    if (this.poller === Poller.worker) {
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
    if (entered < 0 && entered !== EAGAIN && entered !== EBUSY && entered !== EINTR) {
      this.lose(kernelError(entered, 'io_uring_enter'))
    }
  }

  hasCompletions(): boolean {
    return this.ring.ready() !== 0
  }

  reap(): number {
    const { ring, slots, metrics, stages } = this
    const ready = Math.min(ring.ready(), reapMax)
    if (ready === 0) return 0
    const { words } = ring
    stages.beginReap(performance.now())
    for (let index = 0; index < ready; index++) {
      const at = ring.take()
      const slot = words[at]!
      const result = words[at + 2]!
      const flags = words[at + 3]!
      if (!slots.matches(slot, words[at + 1]!)) {
        this.counters[ClientCounter.staleCompletions]! += 1
        continue
      }
      const op = slots.opcode[slot]!
      stages.seen(op, slots.publishedMs[slot]!)
      if (result > 0 && countsBytes[op] === 1) metrics.countBytes(op, result)
      slots.completion[slot]!.complete(slots, slot, result, flags)
      if ((flags & CqeFlag.MORE) !== 0) continue
      metrics.countCompletion(op, result)
      slots.free(slot)
      this.inFlight--
    }
    ring.release()
    Atomics.store(this.control, Control.in_flight >> 2, this.inFlight)
    this.counters[ClientCounter.inFlight] = this.inFlight
    this.counters[ClientCounter.reapedBatches]! += 1
    this.counters[ClientCounter.reapedCompletions]! += ready
    stages.endReap(performance.now())
    return ready
  }

  attend(): void {
    if (this.poller === Poller.caller && this.ring.unconsumed > 0) this.kick()
    if (this.ring.overflowed()) {
      this.counters[ClientCounter.cqOverflows]! += 1
      this.counters[ClientCounter.enterCalls]! += 1
      this.addon.enter(this.ringFd, 0, 0, EnterFlag.GETEVENTS)
    }
    if (this.backlog.length > 0) this.drainBacklog()
  }

  /** Moves waiting groups into the ring while they fit. */
  private drainBacklog(): void {
    const { backlog, ring, slots } = this
    for (let group = backlog.headGroup; group > 0; group = backlog.headGroup) {
      if (this.inFlight + group > this.inFlightMax) break
      if (!ring.hasRoom(group)) {
        this.publish()
        if (!ring.hasRoom(group)) break
      }
      for (let index = 0; index < group; index++) {
        slots.state[backlog.headSlot] = SlotState.prepared
        backlog.shiftTo(ring.sqes, ring.reserve())
        this.inFlight++
      }
    }
    this.counters[ClientCounter.backlog] = backlog.length
    this.publish()
  }

  listen(): boolean {
    const { ring } = this
    // Room in the SQ is announced by nobody: while requests wait for it, keep looking.
    if (this.backlog.length > 0 && this.inFlight < this.inFlightMax) return false
    if (this.poller === Poller.caller && ring.unconsumed > 0) return false
    ring.listen()
    // Publish "wake me", fence, look again: the kernel posts the CQE, fences, and reads the flag.
    if (ring.ready() !== 0 || ring.overflowed()) {
      ring.silence()
      return false
    }
    this.counters[ClientCounter.sleeps]! += 1
    return true
  }

  silence(): void {
    this.ring.silence()
  }

  setReferenced(referenced: boolean): void {
    if (referenced) this.watcher.ref()
    else this.watcher.unref()
  }

  rested(): void {
    this.onRested?.()
  }

  /** Asks the kernel to cancel a request. Only asks: the promise settles on the request's own CQE, whatever that says. */
  cancel(slot: number, generation: number): void {
    const { slots } = this
    if (slots.state[slot] === SlotState.free || slots.generation[slot] !== generation) return
    if (slots.state[slot] === SlotState.queued) return // not the kernel's yet; it is cancelled by its caller's next step
    if (this.takeReserved()) prepCancel(this.words, this.at, slot, generation)
  }

  /** Cancels everything in flight and rejects what was never started. */
  private cancelAll(): void {
    this.failBacklog(LossResult.closed)
    if (this.inFlight > 0 && this.takeReserved()) {
      prepCancelMatching(this.words, this.at, -1, CancelFlag.ANY | CancelFlag.ALL)
    }
  }

  /** An entry for a cancellation: from the reserve, ahead of the backlog, whatever the state. False: no room just now. */
  private takeReserved(): boolean {
    if (!this.ring.hasRoom(1)) this.publish()
    if (this.slots.available === 0 || !this.ring.hasRoom(1)) return false
    this.intoBacklog = false
    this.groupLeft = this.groupHead = 1
    this.counters[ClientCounter.cancels]! += 1
    this.take(Op.ASYNC_CANCEL, ignoreResult, null, null)
    return true
  }

  private failBacklog(result: number): void {
    while (this.backlog.length > 0) {
      const slot = this.backlog.headSlot
      this.backlog.drop()
      this.fail(slot, result)
    }
    this.counters[ClientCounter.backlog] = 0
  }

  private fail(slot: number, result: number): void {
    this.metrics.countCompletion(this.slots.opcode[slot]!, result)
    this.slots.completion[slot]!.complete(this.slots, slot, result, 0)
    this.slots.free(slot)
  }

  /** The ring worker is gone. Its ring is not: where the worker was the poller, this thread takes over from it. */
  workerLost(): void {
    if (this.poller !== Poller.worker) return
    this.poller = Poller.caller
    if (this.busy) this.pump.wake()
  }

  /** The ring itself is gone: every request is rejected with ERR_RING_LOST. */
  private lose(cause: Error): void {
    void cause
    if (this.state === ClientState.lost) return
    this.state = ClientState.lost
    this.pump.stop()
    this.failBacklog(LossResult.lost)
    for (let slot = 0; slot < this.slots.size; slot++) {
      if (this.slots.state[slot] !== SlotState.free) this.abandon(slot)
    }
    this.rested()
  }

  /** Settles a request whose CQE will never be seen. Its buffer may still be written to, so it is kept for good. */
  private abandon(slot: number): void {
    quarantine.push(this.slots.owner[slot])
    this.fail(slot, LossResult.lost)
    this.inFlight--
  }

  /**
   * Finishes what is in flight, for at most `graceMs`; then cancels, and waits for at most `deadlineMs` more. Resolves with
   * whether everything came back: if not, the kernel may still write to the buffers, which are then kept for good.
   */
  async drain(graceMs: number, deadlineMs: number): Promise<boolean> {
    if (this.state === ClientState.open) this.state = ClientState.closing
    if (await this.restedWithin(graceMs)) return true
    this.cancelAll()
    if (await this.restedWithin(deadlineMs)) return true
    for (const owner of this.slots.owner) if (owner !== null) quarantine.push(owner)
    return false
  }

  private restedWithin(timeoutMs: number): Promise<boolean> {
    if (!this.busy) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.onRested = null
        resolve(false)
      }, timeoutMs)
      this.onRested = () => {
        clearTimeout(timer)
        this.onRested = null
        resolve(true)
      }
    })
  }

  /** Stops watching. The ring's memory and descriptors are the pool's to release. */
  close(): void {
    if (this.state !== ClientState.lost) this.state = ClientState.closed
    this.pump.stop()
    this.watcher.close()
  }
}

/** What the kernel may still write to although its ring is gone. Never freed: a leak is better than corrupted memory. */
const quarantine: unknown[] = []
