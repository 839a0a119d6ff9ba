// The client's end of a ring: what submission.ts publishes is reaped and settled here. One per ring and thread; services call
// it for every request. Per request one CQE is read with plain typed-array loads; clocks are read once per batch.
import { CancelFlag, CqeFlag } from '../native/abi.ts'
import type { EventWatcher } from '../native/binding.ts'
import { kernelError, ringErrors } from '../native/errors.ts'
import { Control } from '../native/layout.ts'
import { prepCancel, prepCancelMatching } from '../native/operations/control.ts'
import { countsBytes, makesDescriptor } from '../native/operations/index.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { cancelQueued, cancelQueuedAnywhere } from './backlog-cancel.ts'
import { LossResult, ignoreResult } from './completions.ts'
import type { IdleStrategy } from './idle-strategy.ts'
import { Mailboxes } from './mailboxes.ts'
import type { MessageSink } from './mailboxes.ts'
import { Poller } from './poller-kind.ts'
import { Pump } from './pump.ts'
import type { Pumped } from './pump.ts'
import { quarantineOwner } from './quarantine.ts'
import { SlotState, tagOpcode } from './slots.ts'
import type { Completion } from './slots.ts'
import { StrayDescriptors } from './stray-descriptors.ts'
import { AdoptableSubmission } from './orphans.ts'
import type { AdoptableOptions } from './orphans.ts'
import { ClientState, reservedSlots } from './submission.ts'
import { closeUnheardOf, descriptorHeardOf } from './unheard-descriptors.ts'

/** Completions settled at a time, before the CQ's entries are given back and timers and sockets may run. */
const reapMax = 1024
/** How long to wait before what is still there is cancelled once more. */
const cancelAgainMs = 20

export interface RingClientOptions extends AdoptableOptions {
  readonly idle: IdleStrategy
}

export class RingClient extends AdoptableSubmission implements Pumped {
  /** Why the ring was lost, once it is. */
  lossCause: unknown = null
  /** Called when it is, once everything has been rejected. */
  onLost: ((cause: unknown) => void) | null = null
  private readonly pump: Pump
  private readonly watcher: EventWatcher
  private onRested: (() => void) | null = null
  readonly strays: StrayDescriptors = new StrayDescriptors(this)
  private readonly mailboxes = new Mailboxes((direct) => {
    this.strays.close(direct)
  })
  /** To stay alive, beside one for each request: a mailbox is one while somebody reads it, and an idle connection takes its request's away. */
  private reasons = 0
  private referenced = false
  /** Cancellations that found no room: slot, generation, slot, generation, … */
  private readonly cancels: number[] = []

  constructor(options: RingClientOptions) {
    super(options)
    this.pump = new Pump(this, options.idle)
    this.ring.silence()
    this.watcher = new this.addon.Watcher(Atomics.load(this.control, Control.event_fd >> 2), () => {
      this.pump.wake()
    })
  }

  schedulePublish(): void {
    this.pump.schedule()
  }

  hasCompletions(): boolean {
    return this.ring.ready() !== 0
  }

  reap(): number {
    const { ring, slots, metrics, stages } = this
    const ready = Math.min(ring.ready(), reapMax)
    if (ready === 0) return 0
    const { words } = ring
    if (this.admission !== null) this.admission.completing(ready)
    stages.beginReap(performance.now())
    if (this.tracer !== null) this.tracer.reapBegins(ring, ready, stages.seenMs)
    for (let index = 0; index < ready; index++) {
      const at = ring.take()
      const slot = words[at]!
      let result = words[at + 2]!
      const flags = words[at + 3]!
      if (!slots.matches(slot, words[at + 1]!)) {
        if (!this.mailboxes.deliver(slot, words[at + 1]!, result, flags))
          this.counters[ClientCounter.staleCompletions]! += 1
        continue
      }
      if (result < 0 && this.kept !== null) result = this.orphanResult(slot, result)
      if (result === LossResult.revived) continue
      const op = slots.opcode[slot]!
      // A multishot request has no latency to speak of: how long it waits is up to others.
      if ((flags & CqeFlag.MORE) !== 0) {
        slots.publishedMs[slot] = -1
        if (result < 0) metrics.countEarlyError(op, result)
      }
      if (slots.publishedMs[slot]! >= 0) stages.seen(op, slots.publishedMs[slot]!)
      if (result > 0 && countsBytes[op] === 1) metrics.countBytes(op, result)
      else if (result > 0 && makesDescriptor[op] === 1) descriptorHeardOf(slots, slot, words, at)
      this.settle(slot, result, flags)
      if ((flags & CqeFlag.MORE) !== 0) continue
      metrics.countCompletion(op, result)
      slots.free(slot)
      this.inFlight--
      this.held++
    }
    ring.release()
    this.held = 0
    this.countInFlight()
    this.counters[ClientCounter.inFlight] = this.inFlight
    this.counters[ClientCounter.reapedBatches]! += 1
    this.counters[ClientCounter.reapedCompletions]! += ready
    const settledMs = performance.now()
    stages.endReap(settledMs)
    if (this.tracer !== null) this.tracer.reapEnds(settledMs)
    return ready
  }

  attend(): void {
    if (this.poller === Poller.caller && this.ring.unconsumed > 0) this.kick()
    if (this.ring.overflowed()) this.flushOverflow()
    if (this.cancels.length > 0) this.retryCancels()
    this.waitsForSq = false
    if (this.reviving) this.revive()
    if (this.backlog.length > 0 || this.admission !== null) this.drainBacklog()
    if (this.strays.count > 0) this.strays.retry()
  }

  listen(): boolean {
    const { ring } = this
    // Room in the SQ is announced by nobody: while requests wait for it, keep looking.
    if (this.waitsForSq || this.reviving || this.cancels.length > 0) return false
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
    const wanted = referenced && (this.load + this.reasons > 0 || this.viewsWait)
    if (wanted === this.referenced) return
    this.referenced = wanted
    if (wanted) this.watcher.ref()
    else this.watcher.unref()
  }

  rested(): void {
    this.onRested?.()
  }

  override get busy(): boolean {
    return this.load > 0 || this.viewsWait || this.mailboxes.expecting
  }

  /** Takes messages from now on, which nobody has asked for: the pump must look for them. Returns the mailbox's address. */
  openMailbox(sink: MessageSink): number {
    this.assertOpen()
    const address = this.mailboxes.add(sink)
    this.pump.look()
    return address
  }

  closeMailbox(address: number): void {
    this.mailboxes.remove(address)
    this.pump.look()
  }

  /** A reason more (1) or less (-1) for the process to stay alive than there are requests. */
  countReasons(change: number): void {
    this.reasons += change
    this.pump.look()
  }

  /** Asks the kernel to cancel a request. Only asks: the promise settles on the request's own CQE, whatever that says. */
  cancel(slot: number, generation: number): void {
    const { slots } = this
    // A ring that ends settles one request after another, whose completions may ask for the cancellation of the next.
    if (this.ended || !slots.holds(slot, generation)) return
    this.unwanted(slot)
    if (slots.state[slot] === SlotState.queued) {
      cancelQueued(this.admission?.laneOf(slot) ?? this, slot)
      this.pump.schedule() // nothing may be left to wait for
    } else if (this.claimCancel(this.cancelDone, null, { slot, generation }) >= 0) {
      prepCancel(this.words, this.at, slot, generation)
    } else {
      this.cancels.push(slot, generation) // no room just now: tried again on every turn, of which there may be none due
      this.pump.schedule()
    }
  }

  /** Whether the next request would have to wait for a place in the ring. */
  get full(): boolean {
    return this.backlog.length > 0 || this.inFlight >= this.room || this.viewsWait
  }

  /** Settles waiting requests that the ASYNC_CANCEL entry in `cancel` matches, with -ECANCELED. Returns how many. */
  cancelWaiting(cancel: Int32Array, all: boolean): number {
    this.anyUnwanted()
    const found = cancelQueuedAnywhere(this, cancel, all)
    if (found > 0) this.pump.schedule() // nothing may be left to wait for
    return found
  }

  // The kernel finds a request neither while it is being handed from one place to another (a link that is about to start, a
  // poll that has just woken) nor stops one that is running: as long as it is there, it is asked again.
  private readonly cancelDone: Completion = {
    complete: (slots, cancelSlot, result) => {
      if (result >= 0) return
      const { slot, generation } = slots.context[cancelSlot] as { slot: number; generation: number }
      if (!slots.matches(slot, generation)) return
      setTimeout(() => {
        this.cancel(slot, generation)
      }, cancelAgainMs).unref()
    },
  }

  private retryCancels(): void {
    const waiting = this.cancels.splice(0)
    for (let index = 0; index < waiting.length; index += 2) this.cancel(waiting[index]!, waiting[index + 1]!)
  }

  /**
   * Takes a slot for a completion that answers no entry: user_data is given to the kernel as a resource's tag. Nothing is in
   * flight until expectTag().
   * @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST
   */
  claimTag(completion: Completion, owner: unknown): number {
    const { slots } = this
    this.assertOpen()
    if (slots.available <= reservedSlots) throw ringErrors.backlogFull(this.backlogMax)
    let slot = slots.claim(completion, owner, null)
    if (slot === 0 && slots.generation[0] === 0) {
      slots.free(slot) // to the kernel a tag of 0 is none
      slot = slots.claim(completion, owner, null)
    }
    slots.opcode[slot] = tagOpcode
    slots.state[slot] = SlotState.submitted
    slots.publishedMs[slot] = -1
    this.metrics.countRequest(tagOpcode)
    return slot
  }

  /** The resource was let go: its tag's completion comes when nothing uses it any more, and is waited for. */
  expectTag(): void {
    this.inFlight++
    this.countInFlight()
    this.pump.schedule()
  }

  /** The tag never got to the kernel, or never will come back: its slot is settled with `result` and freed. */
  dropTag(slot: number, result: number): void {
    this.fail(slot, result)
  }

  /** The ring worker is gone for good. Its ring is not, if it is the kernel's: where the worker was the poller, this thread takes over. */
  workerLost(cause: unknown): void {
    if (this.poller === Poller.threadpool) this.lose(cause)
    if (this.poller !== Poller.worker) return
    this.poller = Poller.caller
    if (this.busy) this.pump.wake()
  }

  protected enterFailed(errno: number): void {
    this.forgetDescriptor(errno)
    this.lose(kernelError(errno, 'io_uring_enter'))
  }

  /** The ring itself is gone: every request is rejected with ERR_RING_LOST. */
  private lose(cause: unknown): void {
    if (this.state === ClientState.lost) return
    this.state = ClientState.lost
    this.lossCause = cause
    this.pump.stop()
    this.mailboxes.endAll(ringErrors.lost(cause))
    this.failBacklog(LossResult.lost)
    this.giveUp(LossResult.lost)
    this.rested()
    this.onLost?.(cause)
  }

  /** Nothing is accepted any more; what is in flight may finish. */
  shut(): void {
    if (this.state === ClientState.open) this.state = ClientState.closing
    // Messages that are in the queue have arrived.
    if (this.mailboxes.expecting) for (let left = this.ring.ready(); left > 0; left -= this.reap());
    this.mailboxes.endAll(null)
  }

  /** Fails what waits for a place in the ring. */
  failWaiting(): void {
    this.failBacklog(LossResult.closed)
  }

  /** Asks the kernel to cancel all that it has, if there is room to ask. */
  cancelAll(): void {
    if (this.inFlight > 0 && this.claimCancel(ignoreResult, null, null) >= 0)
      prepCancelMatching(this.words, this.at, -1, CancelFlag.ANY | CancelFlag.ALL)
  }

  /** Settles what did not come back: its buffers are kept for good. */
  abandon(): void {
    this.state = ClientState.closed
    this.pump.stop()
    this.failBacklog(LossResult.closed)
    this.giveUp(LossResult.closed)
  }

  /** Settles every request that is left. The kernel may still write to its memory. */
  private giveUp(result: number): void {
    closeUnheardOf(this.ring, this.slots)
    for (let slot = 0; slot < this.slots.size; slot++) {
      if (this.slots.state[slot] === SlotState.free) continue
      quarantineOwner(this.slots.owner[slot])
      this.fail(slot, result)
    }
    this.inFlight = 0
  }

  /** Resolves with whether nothing is in flight any more, as soon as that is so or the time is over. */
  restedWithin(timeoutMs: number): Promise<boolean> {
    if (!this.busy) return Promise.resolve(true)
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer)
        this.onRested = null
        resolve(!this.busy)
      }
      const timer = setTimeout(over, timeoutMs)
      this.onRested = over
    })
  }

  /** Stops watching. The ring's memory and descriptors are the pool's to release. */
  close(): void {
    if (this.state !== ClientState.lost) this.state = ClientState.closed
    this.pump.stop()
    this.watcher.close()
  }
}
