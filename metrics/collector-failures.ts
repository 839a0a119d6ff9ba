// Who could not be read: collectors by name, how often. One per registry; exported by catalog/exporter.ts.

/** More names than a registry should have metrics. */
const namesMax = 1000
const otherName = 'other'

export class CollectorFailures {
  private readonly counts = new Map<string, number>()

  /** Present from the first scrape on: a counter that appears as 1 has no increase for an alert to see. */
  watch(name: string): void {
    this.add(name, 0)
  }

  /** Runs `read`; what it throws is counted under `name`, and undefined is returned. */
  guard<Result>(name: string, read: () => Result): Result | undefined {
    try {
      return read()
    } catch (error) {
      this.fail(name, error)
      return undefined
    }
  }

  /** Counts a failure; the first of a name is told as a warning of the process, because the count does not say why. */
  fail(name: string, error: unknown): void {
    if ((this.counts.get(name) ?? 0) === 0) {
      const reason = error instanceof Error ? error.message : String(error)
      process.emitWarning(`${name} could not be read and is missing from the metrics: ${reason}`, 'RingmasterWarning')
    }
    this.add(name, 1)
  }

  private add(name: string, count: number): void {
    const known = this.counts.has(name) || this.counts.size < namesMax ? name : otherName
    this.counts.set(known, (this.counts.get(known) ?? 0) + count)
  }

  entries(): IterableIterator<[string, number]> {
    return this.counts.entries()
  }
}
