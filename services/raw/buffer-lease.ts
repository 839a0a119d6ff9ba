// What arrived in provided buffers, for as long as the program looks at it. Made by ProvidedBuffers; given to users by receive
// and read streams and by operations that take their buffer from a group.
import { RingError } from '../../native/errors.ts'

/** What arrived, in the memory where it arrived. Release it, or the kernel runs out of buffers; `using` does. */
export interface BufferLease {
  /** The data. Not to be touched after release(). */
  readonly bytes: Buffer
  /** Gives the memory back to the kernel. @throws ERR_RING_LEASE_RELEASED the second time */
  release(): void
  [Symbol.dispose](): void
}

/** What arrived in several buffers at once (a bundle), in order. All of it is released together. */
export interface BundleLease {
  /** The pieces, in the order in which they were sent. Not to be touched after release(). */
  readonly parts: readonly Buffer[]
  /** Bytes in all parts. */
  readonly sizeBytes: number
  /** Gives the memory back to the kernel. @throws ERR_RING_LEASE_RELEASED the second time */
  release(): void
  [Symbol.dispose](): void
}

/** Who takes a buffer back. Implemented by ProvidedBuffers. */
export interface LeaseOwner {
  giveBack(id: number): void
}

const releasedTwice = (): RingError =>
  new RingError('ERR_RING_LEASE_RELEASED', 'this buffer was released before: each lease is released once')

/** A lease of one buffer, or of a piece of it. */
export class PieceLease implements BufferLease {
  readonly bytes: Buffer
  private owner: LeaseOwner | null
  private readonly id: number

  constructor(owner: LeaseOwner, id: number, bytes: Buffer) {
    this.owner = owner
    this.id = id
    this.bytes = bytes
  }

  release(): void {
    const { owner } = this
    if (owner === null) throw releasedTwice()
    this.owner = null
    owner.giveBack(this.id)
  }

  [Symbol.dispose](): void {
    if (this.owner !== null) this.release()
  }
}

/** A lease of what one completion put into several buffers. */
export class PiecesLease implements BundleLease {
  readonly parts: readonly Buffer[]
  readonly sizeBytes: number
  private owner: LeaseOwner | null
  private readonly ids: readonly number[]

  constructor(owner: LeaseOwner, ids: readonly number[], parts: readonly Buffer[], sizeBytes: number) {
    this.owner = owner
    this.ids = ids
    this.parts = parts
    this.sizeBytes = sizeBytes
  }

  release(): void {
    const { owner } = this
    if (owner === null) throw releasedTwice()
    this.owner = null
    for (const id of this.ids) owner.giveBack(id)
  }

  [Symbol.dispose](): void {
    if (this.owner !== null) this.release()
  }
}
