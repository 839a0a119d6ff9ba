// The Ring: SQ and CQ as typed-array views over memory shared with the kernel. Used by the ring client, which is the one
// producer of SQEs and the one consumer of CQEs. No allocation, no BigInt, no system call: this is the hot path.
//
// Indexes are the kernel's: free-running 32-bit counters that wrap at 2^32, masked on access; `| 0` keeps them small
// integers. Ordering is sequentially consistent throughout (Atomics), which is stronger than the acquire/release the
// protocol needs and is exactly what the two sleeping protocols need (publish, fence, read the flag).
import { SqFlag, cqEventfdDisabled } from './abi.ts'
import type { RingGeometry } from './ring-geometry.ts'

export class Ring {
  readonly geometry: RingGeometry
  readonly sqEntries: number
  readonly cqEntries: number
  /** The SQE array, sixteen 32-bit words an entry. Entries from reserve() to publish() are the producer's to fill. */
  readonly sqes: Int32Array
  /** Ring header and CQEs; a CQE is four words: user_data low, high, res, flags. */
  readonly words: Int32Array
  private readonly sqMask: number
  private readonly cqMask: number
  private readonly sqHeadAt: number
  private readonly sqTailAt: number
  private readonly sqFlagsAt: number
  private readonly cqHeadAt: number
  private readonly cqTailAt: number
  private readonly cqFlagsAt: number
  private readonly cqesAt: number
  private sqTail: number
  private sqPublished: number
  private sqHeadSeen: number
  private cqHead: number

  constructor(geometry: RingGeometry, words: Int32Array, sqes: Int32Array) {
    this.geometry = geometry
    this.words = words
    this.sqes = sqes
    this.sqEntries = geometry.sqEntries
    this.cqEntries = geometry.cqEntries
    this.sqMask = geometry.sqEntries - 1
    this.cqMask = geometry.cqEntries - 1
    this.sqHeadAt = geometry.sqHead
    this.sqTailAt = geometry.sqTail
    this.sqFlagsAt = geometry.sqFlags
    this.cqHeadAt = geometry.cqHead
    this.cqTailAt = geometry.cqTail
    this.cqFlagsAt = geometry.cqFlags
    this.cqesAt = geometry.cqes
    this.sqTail = Atomics.load(words, this.sqTailAt)
    this.sqPublished = this.sqTail
    this.sqHeadSeen = Atomics.load(words, this.sqHeadAt)
    this.cqHead = Atomics.load(words, this.cqHeadAt)
  }

  /**
   * Whether `count` more entries fit. Looks at the kernel's head only when the last known one says no. Under SQPOLL the
   * head must be loaded before a slot is re-used: the SQ thread may still be reading it.
   */
  hasRoom(count: number): boolean {
    if (((this.sqTail - this.sqHeadSeen) | 0) + count <= this.sqEntries) return true
    this.sqHeadSeen = Atomics.load(this.words, this.sqHeadAt)
    return ((this.sqTail - this.sqHeadSeen) | 0) + count <= this.sqEntries
  }

  /** Takes the next entry: the index in `sqes` of its first word. Call only after hasRoom(). Not visible until publish(). */
  reserve(): number {
    const at = (this.sqTail & this.sqMask) << 4
    this.sqTail = (this.sqTail + 1) | 0
    return at
  }

  /** Entries reserved and not yet published. */
  get unpublished(): number {
    return (this.sqTail - this.sqPublished) | 0
  }

  /** Index in `sqes` of the `index`th unpublished entry. */
  unpublishedAt(index: number): number {
    return ((this.sqPublished + index) & this.sqMask) << 4
  }

  /** Index in `sqes` of the entry that reserve() overwrites next: the oldest that is still there. */
  get oldestAt(): number {
    return (this.sqTail & this.sqMask) << 4
  }

  /** Indexes in `sqes` of the entries that the consumer has not taken. Only while there is no consumer. */
  unconsumedAt(): number[] {
    const { unconsumed } = this
    return Array.from(
      { length: unconsumed },
      (_, index) => ((this.sqPublished - unconsumed + index) & this.sqMask) << 4,
    )
  }

  /** Makes all reserved entries visible to the consumer with one store. Returns how many. */
  publish(): number {
    const count = (this.sqTail - this.sqPublished) | 0
    Atomics.store(this.words, this.sqTailAt, this.sqTail)
    this.sqPublished = this.sqTail
    return count
  }

  /**
   * Whether the consumer of the SQ sleeps and must be woken. Call after every publish(): the store of the tail and this
   * load are both sequentially consistent, so either the consumer sees the tail or we see its flag (store-buffer pattern;
   * liburing src/queue.c, io_uring_smp_mb()).
   */
  needsWakeup(): boolean {
    return (Atomics.load(this.words, this.sqFlagsAt) & SqFlag.NEED_WAKEUP) !== 0
  }

  /** Whether completions wait in the kernel because the CQ was full: only io_uring_enter with GETEVENTS brings them in. */
  overflowed(): boolean {
    return (Atomics.load(this.words, this.sqFlagsAt) & SqFlag.CQ_OVERFLOW) !== 0
  }

  /** Completions that can be read now. */
  ready(): number {
    return (Atomics.load(this.words, this.cqTailAt) - this.cqHead) | 0
  }

  /** Index in `words` of the next completion, which is then taken. It must be read before release(). */
  take(): number {
    const at = this.cqesAt + ((this.cqHead & this.cqMask) << 2)
    this.cqHead = (this.cqHead + 1) | 0
    return at
  }

  /** Index in `words` of the `index`th completion that is not taken yet. */
  peek(index: number): number {
    return this.cqesAt + (((this.cqHead + index) & this.cqMask) << 2)
  }

  /** Gives all taken entries back to the kernel with one store. */
  release(): void {
    Atomics.store(this.words, this.cqHeadAt, this.cqHead)
  }

  /** While the client is awake, completions need not write its eventfd: each write is a wake-up. */
  silence(): void {
    Atomics.store(this.words, this.cqFlagsAt, cqEventfdDisabled)
  }

  /** Asks for eventfd wake-ups before sleeping. The caller must look at ready() once more afterwards. */
  listen(): void {
    Atomics.store(this.words, this.cqFlagsAt, 0)
  }

  /** Entries published that the consumer has not taken yet. */
  get unconsumed(): number {
    return (this.sqPublished - Atomics.load(this.words, this.sqHeadAt)) | 0
  }

  /** The `index`th of `count` entries that the consumer has not taken: where it is in `sqes`. */
  untakenAt(index: number, count: number): number {
    return ((this.sqPublished - count + index) & this.sqMask) << 4
  }

  /** Tells, as often as it is asked, whether the consumer has taken what was published until now. */
  takenSoFar(): () => boolean {
    const tail = this.sqPublished
    return () => ((Atomics.load(this.words, this.sqHeadAt) - tail) | 0) >= 0
  }
}
