// When a ring client publishes, looks for completions, and sleeps. Used by the ring client, one per client.
//
//   claim ─► microtask: publish, look ─► continuations claim more ─► microtask: publish, look ─► … (bounded) ─► turn
//   turn (setImmediate): look once per turn of the event loop ─► IdleStrategy says sleep ─► eventfd ─► turn
//
// Looking from the microtask queue overlaps settling with the poller's work and saves a turn of the event loop (and its
// epoll_wait) per batch; a budget bounds it, so that timers and sockets are never starved.
import type { IdleStrategy } from './idle-strategy.ts'

/** What a pump drives. Implemented by the ring client. */
export interface Pumped {
  /** Entries in the ring that are not over. */
  readonly inFlight: number
  /** Whether anything is accepted and not settled, or may come unasked. */
  readonly busy: boolean
  publish(): void
  /** Settles what has completed, returns how many completions there were. */
  reap(): number
  /** Whether there is a completion to reap. */
  hasCompletions(): boolean
  /** What is due once per turn: entries refused for a moment, overflow, backlog. */
  attend(): void
  /** Asks for eventfd wake-ups, or says that this is no time to sleep. */
  listen(): boolean
  silence(): void
  /** Sleeping with something in flight must keep the process alive, resting must not. Called more often than it changes. */
  setReferenced(referenced: boolean): void
  /** Nothing is in flight any more. */
  rested(): void
}

/** What one turn of the event loop may settle from the microtask queue; a round costs `roundCost` plus its completions. */
const turnBudget = 512
const roundCost = 16
/** Looks at the CQ's tail in one round: about a microsecond, what a cached read takes. */
const looksPerRound = 200

// A settled promise's reaction is a microtask without the resource object that queueMicrotask() makes for every call.
const settled = Promise.resolve()

export class Pump {
  private readonly target: Pumped
  private readonly idle: IdleStrategy
  private budget = turnBudget
  private microtaskQueued = false
  private reaping = false
  private claimedWhileReaping = false
  private turnQueued = false
  private asleep = false
  private stopped = false

  constructor(target: Pumped, idle: IdleStrategy) {
    this.target = target
    this.idle = idle
  }

  /** Something was claimed: publish it when the running code is done. */
  schedule(): void {
    if (this.microtaskQueued) return
    if (this.reaping) {
      this.claimedWhileReaping = true
      return
    }
    this.microtaskQueued = true
    void settled.then(this.onMicrotask)
  }

  /** The eventfd fired. */
  wake(): void {
    if (this.stopped) return
    this.awake()
    this.idle.worked()
    if (!this.turnQueued) this.turn()
  }

  /** What may come, or who waits for it, has changed: look, and decide anew whether to sleep, rest or keep the process alive. */
  look(): void {
    if (this.stopped || this.turnQueued) return
    this.awake()
    this.turnQueued = true
    setImmediate(this.turn)
  }

  /** No more turns: the ring is closed or lost. */
  stop(): void {
    this.stopped = true
    this.target.setReferenced(false)
  }

  private readonly onMicrotask = (): void => {
    this.microtaskQueued = false
    if (this.stopped) return
    const { target } = this
    target.publish()
    if (target.inFlight > 0 && this.budget > 0) {
      for (let looks = 0; looks < looksPerRound && !target.hasCompletions(); looks++);
      const reaped = this.reap()
      this.budget -= roundCost + reaped
      if (reaped > 0 && target.inFlight > 0) this.schedule()
    }
    this.continue()
  }

  /**
   * Reaps. What completions claim meanwhile (the next step of a chain) is published behind all continuations of this batch,
   * together with what those claim, and not alone between the first and the second.
   */
  private reap(): number {
    this.reaping = true
    const reaped = this.target.reap()
    this.reaping = false
    if (reaped > 0) this.idle.worked()
    if (this.claimedWhileReaping) {
      this.claimedWhileReaping = false
      this.schedule()
    }
    return reaped
  }

  private readonly turn = (): void => {
    this.turnQueued = false
    if (this.stopped) return
    this.budget = turnBudget
    const { target } = this
    target.attend()
    if (this.reap() === 0 && target.busy && this.idle.idle(performance.now()) && target.listen()) {
      this.asleep = true
      target.setReferenced(true)
      return
    }
    this.continue()
  }

  /** Sees to it that somebody looks again, or rests. */
  private continue(): void {
    if (this.stopped) return
    if (!this.target.busy) {
      // A turn that is already queued would find nothing to do: it costs one immediate, no wake-up.
      this.awake() // found without the eventfd's help: the next completions need not write it
      this.idle.worked()
      this.target.setReferenced(false)
      this.target.rested()
      return
    }
    if (this.turnQueued) return
    this.awake()
    this.turnQueued = true
    setImmediate(this.turn)
  }

  private awake(): void {
    if (!this.asleep) return
    this.asleep = false
    this.target.silence()
  }
}
