// Memory that was given to a queue of ours and has no request yet: a send behind the one before it, what was put for the next
// bundle. Slot tables know nothing of it, and arenas must: its bytes are read later. One list per ring handle; senders and
// outgoing buffers are on it while they have something waiting, arenas ask it (memory-users.ts).

export interface MemoryHolder {
  /** Which memory the object has the kernel use, now or later. Nothing else of it is searched. */
  heldViews(): Iterable<ArrayBufferView>
}

export class MemoryHolders {
  private readonly holders = new Set<MemoryHolder>()
  private readonly watchers = new Set<() => void>()

  /** `holder` has something waiting. Adding it again changes nothing. */
  add(holder: MemoryHolder): void {
    this.holders.add(holder)
  }

  /** `holder` has nothing waiting. */
  delete(holder: MemoryHolder): void {
    this.holders.delete(holder)
    this.changed()
  }

  /** Something that waited does no longer: it got its request, or was given up. */
  changed(): void {
    if (this.watchers.size === 0) return
    const watchers = [...this.watchers]
    this.watchers.clear()
    for (const watcher of watchers) watcher()
  }

  /** Calls `watcher` once, at the next change. */
  watch(watcher: () => void): void {
    this.watchers.add(watcher)
  }

  [Symbol.iterator](): Iterator<MemoryHolder> {
    return this.holders.values()
  }
}
