// When an object was last read: a table of words that all instances share, a word for all paths with the same hash. One that nobody reads may so
// look as if somebody did and stay longer than it had to, never the other way round. It takes the same memory however many objects there are.
// What it does not know, since it begins with the service, the file system's own times tell. Written at each read of a file, read by census.ts
// and evictor.ts.
import type { Folder, StoredFile } from '../../http/storage.ts'
import type { Accounts } from './accounts.ts'

/** 4 MiB. */
const words = 2 ** 20

export const recencyMemory = (): SharedArrayBuffer => new SharedArrayBuffer(words * Uint32Array.BYTES_PER_ELEMENT)

export class Recency {
  private readonly table: Uint32Array
  private readonly accounts: Accounts

  constructor(memory: SharedArrayBuffer, accounts: Accounts) {
    this.table = new Uint32Array(memory)
    this.accounts = accounts
  }

  touch(path: Uint8Array): void {
    this.table[hashOf(path) & (words - 1)] = this.accounts.nowSeconds
  }

  /** Seconds since 1970; 0: not since the service was started. */
  of(path: Uint8Array): number {
    return this.table[hashOf(path) & (words - 1)]!
  }
}

/** Files that are opened here have been used. */
export class UsedFolder implements Folder {
  private readonly inner: Folder
  private readonly recency: Recency

  constructor(inner: Folder, recency: Recency) {
    this.inner = inner
    this.recency = recency
  }

  open(path: Buffer, flags: number): Promise<StoredFile> {
    this.recency.touch(path)
    return this.inner.open(path, flags)
  }
}

/** FNV-1a. */
function hashOf(path: Uint8Array): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < path.length; index++) hash = Math.imul(hash ^ path[index]!, 0x0100_0193)
  return hash ^ (hash >>> 15)
}
