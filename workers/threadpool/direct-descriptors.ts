// Direct descriptors of the `threadpool` poller: a table of descriptors of the process that only this ring knows. Used by calls.
// A descriptor that is closed while requests use it is closed when the last of them is over: its number must not be another
// file's meanwhile.

const EBADF = -9
const EINVAL = -22
const ENFILE = -23

interface Entry {
  readonly fd: number
  uses: number
  /** Not in the table any more. */
  removed: boolean
}

/** IORING_FILE_INDEX_ALLOC as it stands in an SQE's file_index. */
export const anyIndex = -1

export class DirectDescriptors {
  private readonly entries: (Entry | null)[]
  /** Entries whose requests are not over, by the descriptor's number. */
  private readonly used = new Map<number, Entry>()
  /** What is closed when this thread ends, whatever happens. */
  private readonly owned: Int32Array
  private readonly closeFd: (fd: number) => void
  private readonly allocatable: number
  /** No entry before this one is free. */
  private searchFrom = 0

  /** `owned`: one place for each entry. New entries are allocated among the first `allocatable`. */
  constructor(owned: Int32Array, allocatable: number, closeFd: (fd: number) => void) {
    this.entries = Array.from(owned, () => null)
    this.owned = owned
    this.allocatable = allocatable
    this.closeFd = closeFd
  }

  get size(): number {
    return this.entries.length
  }

  /** The process's number of a direct descriptor, which a request uses from now on; -EBADF. */
  use(index: number): number {
    const entry = this.entries[index]
    if (entry === undefined || entry === null) return EBADF
    entry.uses++
    this.used.set(entry.fd, entry)
    return entry.fd
  }

  /** A request does not use it any more. */
  unuse(fd: number): void {
    const entry = this.used.get(fd)
    if (entry === undefined || --entry.uses > 0) return
    this.used.delete(fd)
    if (entry.removed) this.closeFd(fd)
  }

  /**
   * Puts a descriptor of the process, which is the table's from now on, where an SQE's file_index says: its number plus one, or
   * anyIndex. Returns the index, or -errno, and then the descriptor is closed.
   */
  install(fileIndex: number, fd: number): number {
    const index = fileIndex === anyIndex ? this.nextFree() : fileIndex - 1
    const full = fileIndex === anyIndex && index >= this.allocatable
    if (full || index < 0 || index >= this.entries.length) {
      this.closeFd(fd)
      return full ? ENFILE : EINVAL
    }
    this.remove(index)
    this.entries[index] = { fd, uses: 0, removed: false }
    this.owned[index] = fd
    return index
  }

  /** The first free entry, or `allocatable`. Not from the start each time: thousands of connections would search thousands of entries. */
  private nextFree(): number {
    while (this.searchFrom < this.allocatable && this.entries[this.searchFrom] !== null) this.searchFrom++
    return this.searchFrom
  }

  /** Empties an entry. 0, -EBADF where there is none, -EINVAL where there can be none. */
  remove(index: number): number {
    if (index < 0 || index >= this.entries.length) return EINVAL
    const entry = this.entries[index]
    if (entry === null || entry === undefined) return EBADF
    this.entries[index] = null
    this.owned[index] = -1
    this.searchFrom = Math.min(this.searchFrom, index)
    entry.removed = true
    if (entry.uses === 0) this.closeFd(entry.fd)
    return 0
  }
}
