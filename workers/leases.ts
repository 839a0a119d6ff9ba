// Leases: a direct descriptor and a piece of shared memory that go together, for reading a whole small file in one chain.
// Used by readFile. Their number bounds how many such chains are under way; who finds none free waits in line.

export class Leases {
  /** Bytes of memory each lease has. */
  readonly sizeBytes: number
  /** All leases' memory; lease i starts at i * sizeBytes. */
  readonly bytes: Buffer
  /** The direct descriptor of lease 0. */
  private readonly firstDescriptor: number
  private readonly freeList: Int32Array
  private freeCount: number
  private readonly waiting: ((lease: number) => void)[] = []
  private waitingHead = 0
  private granting = false

  constructor(bytes: Buffer, count: number, sizeBytes: number, firstDescriptor = 0) {
    this.firstDescriptor = firstDescriptor
    this.bytes = bytes
    this.sizeBytes = sizeBytes
    this.freeList = Int32Array.from({ length: count }, (_, index) => count - 1 - index)
    this.freeCount = count
  }

  /** The direct descriptor that goes with a lease. */
  descriptor(lease: number): number {
    return this.firstDescriptor + lease
  }

  get count(): number {
    return this.freeList.length
  }

  /** Requests that wait for a lease. */
  get queued(): number {
    return this.waiting.length - this.waitingHead
  }

  /** A lease, or -1 when none is free or somebody was here before. */
  tryLease(): number {
    if (this.freeCount === 0 || this.queued > 0) return -1
    return this.freeList[--this.freeCount]!
  }

  /** Calls back with a lease as soon as there is one, or with -1 when there will be none. */
  wait(granted: (lease: number) => void): void {
    this.waiting.push(granted)
  }

  /** Gives a lease back: to whoever waits longest, else to the free list. */
  release(lease: number): void {
    this.freeList[this.freeCount++] = lease
    // A loop and not recursion: who is granted a lease may give it back at once, and ten thousand may be waiting.
    if (this.granting) return
    this.granting = true
    while (this.freeCount > 0 && this.queued > 0) this.nextWaiting()(this.freeList[--this.freeCount]!)
    this.granting = false
  }

  /** Nobody gets a lease any more: calls back everybody who waits with -1. */
  close(): void {
    while (this.queued > 0) this.nextWaiting()(-1)
  }

  private nextWaiting(): (lease: number) => void {
    const granted = this.waiting[this.waitingHead++]!
    if (this.waitingHead === this.waiting.length || this.waitingHead > 1024) {
      this.waiting.splice(0, this.waitingHead)
      this.waitingHead = 0
    }
    return granted
  }
}
