// The limits of one view of a Ringmaster, over all its rings, and what it has of them now. Made by services/view.ts; kept by the
// view's lanes (lane.ts), one for each ring.

export const Priority = { foreground: 'foreground', background: 'background' } as const
export type Priority = (typeof Priority)[keyof typeof Priority]

/** Who is told when an account has room again. */
export interface AccountWaiter {
  /** Requests of the account wait here. */
  readonly waiting: boolean
  roomAgain(): void
  /** Let what waits into the ring now, as far as there is room. */
  letIn(): void
}

export interface AccountLimits {
  readonly priority: Priority
  /** Entries in the rings at most. */
  readonly inFlightMax: number
  /** Requests that wait for that at most. */
  readonly backlogMax: number
}

export class Account {
  readonly priority: Priority
  readonly inFlightMax: number
  readonly backlogMax: number
  inFlight = 0
  waiting = 0
  private readonly lanes: AccountWaiter[] = []

  constructor(limits: AccountLimits) {
    this.priority = limits.priority
    this.inFlightMax = limits.inFlightMax
    this.backlogMax = limits.backlogMax
  }

  /** From now on `lane` is told about room. */
  add(lane: AccountWaiter): void {
    this.lanes.push(lane)
  }

  /** Whether `count` more may wait. What was claimed in this turn of the event loop may wait for nothing but its end: that is let in first. */
  hasRoom(count: number): boolean {
    if (this.waiting + count > this.backlogMax && this.inFlight < this.inFlightMax)
      for (const lane of this.lanes) if (lane.waiting) lane.letIn()
    return this.waiting + count <= this.backlogMax
  }

  /** `count` entries are not in flight any more, in the ring of `lane`, which looks for itself. */
  ended(count: number, lane: AccountWaiter): void {
    this.inFlight -= count
    if (this.waiting === 0) return
    for (const other of this.lanes) if (other !== lane && other.waiting) other.roomAgain()
  }
}
