// A view's requests on one ring: what services see in the place of the ring's client. Everything that is claimed here goes into a
// queue of the view's own, whence admission.ts lets it into the ring. Made by admission.ts.
import { ringErrors } from '../native/errors.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { Priority } from './account.ts'
import type { Account, AccountWaiter } from './account.ts'
import type { WaitingPlace } from './admitting.ts'
import { Backlog } from './backlog.ts'
import type { Poller } from './poller-kind.ts'
import type { RingClient } from './ring-client.ts'
import { SlotState } from './slots.ts'
import type { Completion, SlotTable } from './slots.ts'
import { ClientState } from './submission.ts'
import type { Queue } from './turns.ts'

/** What services use of a ring client to make requests. */
export type RequestClient = Pick<
  RingClient,
  | 'words'
  | 'at'
  | 'slots'
  | 'poller'
  | 'state'
  | 'barrier'
  | 'backlogMax'
  | 'chainMax'
  | 'full'
  | 'chain'
  | 'claim'
  | 'expect'
  | 'claimCancel'
  | 'cancel'
  | 'cancelWaiting'
  | 'settleUnseen'
  | 'counters'
>

/** What a lane needs of its ring's admission. */
export interface Gate {
  /** Requests that may wait, of all views together. */
  readonly backlogMax: number
  /** Whether `count` more may. */
  hasRoom(count: number): boolean
  /** The request in `slot` waits in `lane`. Returns when its batch was begun. */
  entered(lane: Lane, slot: number): number
  /** The request in a slot waits no more: it was settled. */
  left(lane: Lane): void
  /** See to it that admission looks at what waits. */
  look(): void
  /** Lets what waits into the ring now, as far as there is room. */
  admit(): void
}

export class Lane implements RequestClient, Queue, WaitingPlace, AccountWaiter {
  readonly slots: SlotTable
  words: Int32Array
  at = 0
  readonly counters: Float64Array
  readonly backlog: Backlog
  readonly account: Account
  readonly chainMax: number
  deficit = 0
  /** This view's entries in this ring. */
  inFlight = 0
  private readonly client: RingClient
  private readonly gate: Gate
  private groupLeft = 0
  private groupHead = 0

  constructor(client: RingClient, account: Account, gate: Gate, chainMax: number) {
    this.client = client
    this.account = account
    this.gate = gate
    this.slots = client.slots
    this.counters = client.counters
    this.backlog = new Backlog(Math.min(account.backlogMax, gate.backlogMax), client.eras)
    this.words = this.backlog.words
    this.chainMax = Math.min(chainMax, account.inFlightMax, this.backlog.capacity)
    account.add(this)
  }

  get background(): boolean {
    return this.account.priority === Priority.background
  }

  get backlogMax(): number {
    return this.backlog.capacity
  }

  /** As Submission.chain(). @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST */
  chain(count: number): void {
    const { client, account } = this
    if (client.state !== ClientState.open)
      throw client.state === ClientState.lost ? ringErrors.lostBefore(client.lossAdvice) : ringErrors.closed()
    const tooMany = count > this.chainMax || !account.hasRoom(count)
    if (tooMany || !this.backlog.hasRoom(count) || !this.gate.hasRoom(count)) {
      this.counters[ClientCounter.viewRejections]! += 1
      throw tooMany ? ringErrors.viewBacklogFull(account.backlogMax) : ringErrors.viewsBacklogFull(this.gate.backlogMax)
    }
    this.groupLeft = this.groupHead = count
  }

  /** As Submission.expect(): none, what waits in a view's queue is counted one by one. */
  expect(_count: number): number {
    return 0
  }

  /** As QueuedSubmission.barrier(): for the whole ring, whichever view's. @throws as chain() */
  barrier(count: number): void {
    this.chain(count)
    this.client.eras.begin()
    this.client.updateRoom()
  }

  /** As Submission.claim(). @throws ERR_RING_BACKLOG_FULL, ERR_RING_CLOSED, ERR_RING_LOST */
  claim(opcode: number, completion: Completion, owner: unknown, context: unknown): number {
    if (this.groupLeft === 0) this.chain(1)
    const { slots, client } = this
    const slot = slots.claim(completion, owner, context)
    slots.opcode[slot] = opcode
    slots.state[slot] = SlotState.queued
    this.account.waiting++
    slots.claimedMs[slot] = this.gate.entered(this, slot)
    this.words = this.backlog.words // a cancellation was written elsewhere
    this.at = this.backlog.reserve(slot, this.groupHead)
    this.groupHead = 0
    this.groupLeft--
    this.words[this.at + 8] = slot
    this.words[this.at + 9] = slots.generation[slot]!
    client.metrics.countRequest(opcode)
    return slot
  }

  /** Nothing may be moved between the entries of a chain that is being made. */
  get whole(): boolean {
    return this.groupLeft === 0
  }

  allows(group: number): boolean {
    return this.whole && this.backlog.headIsDue && this.account.inFlight + group <= this.account.inFlightMax
  }

  /** The era of what waits first; Infinity where nothing does. */
  get headEra(): number {
    this.backlog.dropDead()
    return this.backlog.headEra
  }

  moved(group: number): void {
    this.account.waiting -= group
    this.account.inFlight += group
    this.inFlight += group
  }

  /** `count` entries have had their last completion. */
  ended(count: number): void {
    this.inFlight -= count
    this.account.ended(count, this)
  }

  /** Settles a request that waited. */
  fail(slot: number, result: number): void {
    this.account.waiting--
    this.gate.left(this)
    this.client.fail(slot, result)
  }

  get waiting(): boolean {
    return this.backlog.length > 0
  }

  roomAgain(): void {
    this.gate.look()
  }

  letIn(): void {
    this.gate.admit()
  }

  // What concerns the ring and no queue.

  get poller(): Poller {
    return this.client.poller
  }

  get state(): ClientState {
    return this.client.state
  }

  get full(): boolean {
    return true // what is to be cancelled may wait here: cancellations look, and go ahead
  }

  claimCancel(completion: Completion, owner: unknown, context: unknown): number {
    const slot = this.client.claimCancel(completion, owner, context)
    this.words = this.client.words
    this.at = this.client.at
    return slot
  }

  cancel(slot: number, generation: number): void {
    this.client.cancel(slot, generation)
  }

  cancelWaiting(cancel: Int32Array, all: boolean): number {
    return this.client.cancelWaiting(cancel, all)
  }

  settleUnseen(slot: number, result: number): void {
    this.client.settleUnseen(slot, result)
  }
}
