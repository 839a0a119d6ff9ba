// The objects that were used longest ago, of any number: never more than twice as many as are wanted are in memory. Used by census.ts.

/** An object as it was when it was looked at: another one of its name is not meant. */
export interface Candidate {
  /** From the root, each character a byte. */
  readonly path: string
  readonly inode: number
  readonly sizeBytes: number
  /** mtime in whole milliseconds. */
  readonly changedMs: number
  /** Since 1970. */
  readonly usedSeconds: number
}

const latestFirst = (one: Candidate, other: Candidate): number => other.usedSeconds - one.usedSeconds

export class OldestObjects {
  private readonly wanted: number
  private kept: Candidate[] = []
  /** What was used later than this is none of them. */
  private latest = Infinity

  constructor(wanted: number) {
    this.wanted = wanted
  }

  take(candidate: Candidate): void {
    if (candidate.usedSeconds >= this.latest) return
    this.kept.push(candidate)
    if (this.kept.length < 2 * this.wanted) return
    this.kept = this.latestFirst()
    this.latest = this.kept[0]!.usedSeconds
  }

  latestFirst(): Candidate[] {
    const sorted = this.kept.sort(latestFirst)
    return sorted.slice(Math.max(0, sorted.length - this.wanted))
  }
}
