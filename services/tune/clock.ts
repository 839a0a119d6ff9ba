// The time that a search has, what its legs really take of it, and what is still left. Used by search.ts and its phases.

/** Of what a leg takes beyond its window (a process that starts, the warm-up): how much of the estimate the newest one makes up. */
const newestShare = 0.3

export class SearchClock {
  readonly legSeconds: number
  readonly #now: () => number
  readonly #startedSeconds: number
  readonly #budgetSeconds: number
  #legCost: number | null = null

  /** `now`: in seconds, from any origin. */
  constructor(budgetSeconds: number, legSeconds: number, now: () => number) {
    this.legSeconds = legSeconds
    this.#now = now
    this.#budgetSeconds = budgetSeconds
    this.#startedSeconds = now()
  }

  now(): number {
    return this.#now()
  }

  get spentSeconds(): number {
    return this.#now() - this.#startedSeconds
  }

  get leftSeconds(): number {
    return Math.max(0, this.#budgetSeconds - this.spentSeconds)
  }

  /** What a leg is expected to take, all in all. */
  get legCost(): number {
    return this.#legCost ?? this.legSeconds * 2
  }

  legTook(seconds: number): void {
    const known = this.#legCost ?? seconds
    this.#legCost = known * (1 - newestShare) + seconds * newestShare
  }

  /** Whether as many legs fit in, with `reserveSeconds` kept for what comes later. */
  hasTimeFor(legs: number, reserveSeconds: number): boolean {
    return this.leftSeconds - reserveSeconds >= legs * this.legCost
  }
}
