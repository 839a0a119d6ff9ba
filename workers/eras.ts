// The order that barriers make in a ring: each is an era of its own, and so is what was claimed between two of them. What is of a
// later era enters the ring when everything before is over, in whichever queue it waits. Kept by submission.ts, one per ring; its
// backlog and those of its views write down in which era a group was claimed.

export class Eras {
  /** Groups of earlier eras than this may enter the ring. */
  limit: number = Infinity
  /** Of what is claimed now. */
  private newest = 0
  /** Barriers that are not over, in their order. */
  private readonly barriers: number[] = []
  private announced = false

  /** No barrier is in the ring or waits for what is. */
  get open(): boolean {
    return this.barriers.length === 0
  }

  /** What is claimed next is a barrier. */
  begin(): void {
    this.announced = true
    this.newest++
    this.barriers.push(this.newest)
    this.limit = Math.min(this.limit, this.newest)
  }

  /** It is not: it was refused. */
  revoke(): void {
    this.announced = false
    this.drop(this.newest--)
  }

  /** A group is claimed: returns its era. What is claimed after a barrier belongs to the next one. */
  stamp(): number {
    const era = this.newest
    if (this.announced) this.newest++
    this.announced = false
    return era
  }

  /** A group that waited will not enter the ring. If it was a barrier, it holds up nothing any more. */
  drop(era: number): void {
    const index = this.barriers.indexOf(era)
    if (index < 0) return
    this.barriers.splice(index, 1)
    if (index === 0) this.limit = this.barriers[0] ?? Infinity
  }

  /**
   * Nothing is in the ring, and `oldest` is the earliest era of what waits, Infinity where nothing does. Whether more may enter now: a
   * barrier, or what follows one.
   */
  pass(oldest: number): boolean {
    const first = this.barriers[0]
    if (first === undefined || this.announced || oldest < this.limit) return false
    if (this.limit === first) this.limit = first + 1
    else {
      this.barriers.shift()
      this.limit = this.barriers[0] ?? Infinity
    }
    return true
  }
}
