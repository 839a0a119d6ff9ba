// A sync that serves all who asked before it began; who asks while it runs shares the next one. Used by group-sync.ts.

export class SharedSync {
  private current: Promise<void> | null = null
  private next: Promise<void> | null = null
  private readonly onIdle: () => void

  constructor(onIdle: () => void) {
    this.onIdle = onIdle
  }

  /** Rejects as the sync that served it: of those who share it, the first one's. */
  join(sync: () => Promise<void>): Promise<void> {
    if (this.current === null) return this.begin(sync)
    const begin = (): Promise<void> => this.begin(sync)
    this.next ??= this.current.then(begin, begin)
    return this.next
  }

  private begin(sync: () => Promise<void>): Promise<void> {
    this.next = null
    const current = sync()
    this.current = current
    const over = (): void => {
      if (this.next !== null) return // it begins now
      this.current = null
      this.onIdle()
    }
    current.then(over, over)
    return current
  }
}
