// One writer of a name at a time, whichever thread it is in: between the look at what is there (If-Match) and the rename nobody else may come.
// A table of words that all instances share; names are told apart by a hash, and two that fall together wait for each other, which costs a
// few system calls' time. Used by put.ts and object-service.ts around what changes a name, never around a body or a sync.

const words = 1024
/** Somebody who was not woken looks again. */
const lookAgainMs = 1_000
const free = 0

export const nameLockMemory = (): SharedArrayBuffer => new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)

export class NameLocks {
  private readonly table: Int32Array
  /** What this instance writes into a word that it holds. */
  private readonly owner: number

  constructor(memory: SharedArrayBuffer = nameLockMemory(), instance = 0) {
    this.table = new Int32Array(memory)
    this.owner = instance + 1
  }

  /** Does something while nobody else holds the name. `folder`: its inode, since a folder may have several paths. */
  async hold<T>(folder: number, name: Uint8Array, work: () => Promise<T>): Promise<T> {
    const { table } = this
    const word = hashOf(folder, name) & (words - 1)
    for (;;) {
      const holder = Atomics.compareExchange(table, word, free, this.owner)
      if (holder === free) break
      const wait = Atomics.waitAsync(table, word, holder, lookAgainMs)
      if (wait.async) await wait.value
    }
    try {
      return await work()
    } finally {
      Atomics.store(table, word, free)
      Atomics.notify(table, word, 1)
    }
  }

  /** An instance has ended, with whatever it held. */
  static release(memory: SharedArrayBuffer, instance: number): void {
    const table = new Int32Array(memory)
    for (let word = 0; word < table.length; word++)
      if (Atomics.compareExchange(table, word, instance + 1, free) === instance + 1) Atomics.notify(table, word, 1)
  }
}

/** FNV-1a. */
function hashOf(folder: number, name: Uint8Array): number {
  let hash = Math.imul(0x811c_9dc5 ^ (folder | 0), 0x0100_0193)
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name[at]!, 0x0100_0193)
  return hash ^ (hash >>> 15)
}
