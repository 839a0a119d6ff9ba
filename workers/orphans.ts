// What a dead ring worker leaves behind, where the worker was the poller: requests that it took out of the SQ and whose completions
// nobody will post, or only as cancelled. The base of RingClient, between it and queued-submission.ts; with the other pollers it does nothing.
//
// `worker`: the kernel goes on with what it has, but what has still to be done by the dead thread (a poll that fires, a kernel worker's
// turn) it gives up, now or much later, with -ECANCELED, -EFAULT or -EINTR and without having begun. Such a request is put into
// the SQ again when its completion says so. `threadpool`: everything under way is gone with the thread. What had not begun, or may
// be done twice, is put into the SQ again at once; the rest is settled: it may or may not have been carried out.
// A step of a chain is never repeated alone: its chain fails, and whoever made it begins it anew.
import { constants } from 'node:fs'
import { Op } from '../native/abi.ts'
import { Control } from '../native/layout.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { LossResult } from './completions.ts'
import { sqeWords } from './kept-entries.ts'
import { Poller } from './poller-kind.ts'
import { QueuedSubmission } from './queued-submission.ts'
import { SlotState, tagOpcode } from './slots.ts'
import { ClientState } from './submission.ts'
import type { SubmissionOptions } from './submission-options.ts'
import type { Journal } from './threadpool/journal.ts'

const EINTR = -4
const EFAULT = -14
const EBADF = -9
const EAGAIN = -11
const EOPNOTSUPP = -95
const ECANCELED = -125
const EOWNERDEAD = -130

/** What the kernel says of a request whose thread is gone before it began; -512 to -516 are its own names for EINTR. */
const isGivenUp = (result: number): boolean =>
  result === ECANCELED || result === EFAULT || result === EINTR || (result <= -512 && result >= -516)

/** What is known of a slot's request: left behind by a dead worker, alone or in a chain; or somebody wants it cancelled. */
const Orphan = { none: 0, single: 1, linked: 2, unwanted: 3 } as const

/** Requests that may be carried out twice: the second time changes nothing that the first has not. */
const repeatable = new Set<number>([
  Op.NOP,
  Op.STATX,
  Op.FSYNC,
  Op.SYNC_FILE_RANGE,
  Op.POLL_ADD,
  Op.TIMEOUT,
  Op.FADVISE,
  Op.MADVISE,
])
const makesDescriptor = new Set<number>([Op.OPENAT, Op.OPENAT2, Op.ACCEPT, Op.SOCKET])
const reads = new Set<number>([Op.READ, Op.READV, Op.READ_FIXED])

export interface AdoptableOptions extends SubmissionOptions {
  /** What the `threadpool` poller says of the requests it took. */
  readonly journal?: Journal | null
}

export abstract class AdoptableSubmission extends QueuedSubmission {
  /** By slot, of the request with the generation beside it. */
  private readonly orphans: Uint8Array
  private readonly orphanGenerations: Int32Array
  private readonly journal: Journal | null
  /** Slots that wait for a place in the SQ. */
  private readonly revivals: number[] = []

  constructor(options: AdoptableOptions) {
    super(options)
    this.journal = options.journal ?? null
    this.orphans = new Uint8Array(this.slots.size)
    this.orphanGenerations = new Int32Array(this.slots.size)
  }

  abstract reap(): number

  /** The ring worker has ended, another one is to come, and nobody consumes the SQ until it does. */
  workerDied(): void {
    if (this.kept === null || this.ended) return
    while (this.reap() > 0);
    const { slots } = this
    const untaken = new Set(this.ring.unconsumedAt().map((at) => this.ring.sqes[at + 8]!))
    for (let slot = 0; slot < slots.size; slot++) {
      if (slots.state[slot] !== SlotState.submitted || slots.opcode[slot] === tagOpcode || untaken.has(slot)) continue
      if (this.orphanOf(slot) !== Orphan.unwanted) {
        this.mark(slot, this.kept.find(slot).linked ? Orphan.linked : Orphan.single)
      }
      if (this.journal !== null) this.settleOrphan(slot, this.journal)
    }
    this.schedulePublish()
  }

  /** Another worker has adopted the ring: where this thread had taken over as the poller, that is the worker again. */
  workerAdopted(): void {
    if (this.kept !== null && this.poller === Poller.caller) this.poller = Poller.worker
  }

  /**
   * Whether a completion only says that the request's thread is gone. `revived`: the request goes on. `worker`: its chain fails of
   * it. Any other: that is its result.
   */
  protected orphanResult(slot: number, result: number): number {
    if (this.kept === null || this.journal !== null || !isGivenUp(result) || this.ended) return result
    let orphan = this.orphanOf(slot)
    // The kernel gives up what a thread leaves before anybody hears that it has ended.
    if (orphan === Orphan.none && this.alone) orphan = this.kept.find(slot).linked ? Orphan.linked : Orphan.single
    if (orphan === Orphan.none || orphan === Orphan.unwanted) return result
    if (orphan === Orphan.linked) return LossResult.worker
    if (this.state !== ClientState.open) return result
    this.mark(slot, Orphan.none)
    this.revivals.push(slot) // if it was a view's, the view's limits do not count it any more
    this.schedulePublish()
    return LossResult.revived
  }

  /** Whether nobody else holds the ring: its worker lets go first of all when it ends. */
  private get alone(): boolean {
    return Atomics.load(this.control, Control.refs >> 2) === 1
  }

  private orphanOf(slot: number): number {
    return this.orphanGenerations[slot] === this.slots.generation[slot] ? this.orphans[slot]! : Orphan.none
  }

  private mark(slot: number, orphan: number): void {
    this.orphans[slot] = orphan
    this.orphanGenerations[slot] = this.slots.generation[slot]!
  }

  /** Somebody asks for the request's cancellation: if it comes, it is meant. */
  protected unwanted(slot: number): void {
    this.mark(slot, Orphan.unwanted)
  }

  /** Somebody asks for the cancellation of whatever matches. */
  protected anyUnwanted(): void {
    if (this.kept === null) return
    for (let slot = 0; slot < this.slots.size; slot++) {
      if (this.slots.state[slot] !== SlotState.free) this.mark(slot, Orphan.unwanted)
    }
  }

  /**
   * Looks whether the ring is still there: nobody announces that its descriptor was closed behind our back, or that its SQ thread has
   * died, and requests would wait for ever. One system call.
   */
  check(): void {
    if (this.journal !== null || this.ended || this.ringFd < 0) return
    const entered = this.addon.enter(this.ringFd, 0, 0, 0)
    if (entered === EBADF || entered === EOPNOTSUPP || entered === EOWNERDEAD) this.enterFailed(entered)
  }

  /** The number that was the ring's descriptor may be another file's by now: nobody is to close it. */
  protected forgetDescriptor(errno: number): void {
    if (errno === EBADF || errno === EOPNOTSUPP) Atomics.store(this.control, Control.ring_fd >> 2, -1)
  }

  // The `threadpool` poller's: its journal knows. What is over is settled as if its completion had come.
  private settleOrphan(slot: number, journal: Journal): void {
    const orphan = this.orphanOf(slot)
    this.mark(slot, Orphan.none)
    const standing = journal.standing(slot)
    let result: number = LossResult.worker
    let again = standing.kind === 'untouched' || (standing.kind === 'unknown' && this.isRepeatable(slot))
    if (standing.kind === 'over') {
      const { words, at } = this.kept!.find(slot)
      if (standing.whole) result = standing.result
      else if (standing.result === EINTR || standing.result === EAGAIN) again = true
      else if (Number.isFinite(standing.result)) {
        const direct = makesDescriptor.has(this.slots.opcode[slot]!) && words[at + 11] !== 0
        if (!direct) result = standing.result
        else if (standing.result >= 0) this.addon.closeFd(standing.result) // the table it was for has gone
      }
    }
    if (again && orphan === Orphan.single && this.state === ClientState.open) this.revivals.push(slot)
    else {
      if (again && orphan === Orphan.unwanted) result = ECANCELED
      this.admission?.over(slot)
      this.inFlight--
      this.fail(slot, result)
    }
  }

  private isRepeatable(slot: number): boolean {
    const op = this.slots.opcode[slot]!
    const { words, at } = this.kept!.find(slot)
    if (reads.has(op)) return words[at + 2] !== -1 || words[at + 3] !== -1 // else the file's own position has moved
    const makesNothing = (words[at + 7]! & (constants.O_CREAT | constants.O_TRUNC)) === 0
    return repeatable.has(op) || (op === Op.OPENAT && makesNothing)
  }

  /** Whether requests wait that are to be put into the SQ again. */
  protected get reviving(): boolean {
    return this.revivals.length > 0
  }

  /** Puts them there, as far as there is room. */
  protected revive(): void {
    const { ring, revivals, slots } = this
    let done = 0
    for (; done < revivals.length; done++) {
      if (!ring.hasRoom(1)) this.publish()
      if (this.ended || !ring.hasRoom(1)) break
      const slot = revivals[done]!
      const { words, at: from } = this.kept!.find(slot)
      const entry = words.slice(from, from + sqeWords) // its place may be the very one that is used again
      slots.state[slot] = SlotState.prepared
      ring.sqes.set(entry, this.reserveEntry())
      this.counters[ClientCounter.revived]! += 1
    }
    revivals.splice(0, done)
    this.publish()
  }
}
