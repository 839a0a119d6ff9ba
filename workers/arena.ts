// An arena: page-aligned slabs in one shared memory, leased and given back. Made by services (Ringmaster.arena()), which registers
// its memory on the rings. A slab that was given back while a request still uses it is not leased again before that request
// is over: see memory-users.ts.
//
//   free ──lease──► leased ──release──► released ──no request uses it──► free
//                                          └── its ring was lost: never again
import { ringErrors } from '../native/errors.ts'
import { visitUsers } from './memory-users.ts'
import type { MemoryUser } from './memory-users.ts'

const SlabState = { free: 0, leased: 1, released: 2, lost: 3 } as const

/** One slab, yours until release(). `using` releases it. */
export interface ArenaLease {
  /** The memory, page-aligned. Contents are what the last holder left. Not to be touched after release(). @throws ERR_RING_LEASE_RELEASED after it */
  readonly buffer: Buffer
  /** What fixed operations of `ringmaster/raw` name; null where the arena is not registered. @throws ERR_RING_LEASE_RELEASED after release() */
  readonly bufferIndex: number | null
  /**
   * Gives the slab back. Requests that use it go on, and it is not leased again before they are over.
   * @throws ERR_RING_LEASE_RELEASED the second time
   */
  release(): void
  [Symbol.dispose](): void
}

interface Waiting {
  readonly sizeBytes: number
  readonly resolve: (lease: ArenaLease) => void
  readonly reject: (reason: Error) => void
}

const arenaOf = new WeakMap<SharedArrayBuffer, ArenaSlabs>()

export class ArenaSlabs {
  readonly memory: SharedArrayBuffer
  readonly slabBytes: number
  readonly slabs: number
  /** Entry of the rings' tables; null where it is not registered. */
  index: number | null
  /** Whether reads and writes of files that go through the page cache are fixed ones, too. */
  readonly always: boolean
  private readonly rings: Iterable<MemoryUser>
  private readonly waitersMax: number
  private readonly state: Uint8Array
  private readonly generation: Int32Array
  private readonly freeList: Int32Array
  private freeCount: number
  private releasedCount = 0
  private lostCount = 0
  private readonly waiting = new Set<Waiting>()
  private sweeping = false
  private closedBy: Error | null = null
  private onIdle: (() => void)[] = []

  constructor(
    memory: SharedArrayBuffer,
    slabBytes: number,
    slabs: number,
    waitersMax: number,
    rings: Iterable<MemoryUser>,
    index: number | null,
    always: boolean,
  ) {
    arenaOf.set(memory, this)
    this.memory = memory
    this.slabBytes = slabBytes
    this.slabs = slabs
    this.waitersMax = waitersMax
    this.rings = rings
    this.index = index
    this.always = always
    this.state = new Uint8Array(slabs)
    this.generation = new Int32Array(slabs)
    // Low slabs first, and the last given back first: a light load stays in few warm pages.
    this.freeList = Int32Array.from({ length: slabs }, (_, slab) => slabs - 1 - slab)
    this.freeCount = slabs
  }

  /** Slabs that are leased. */
  get leased(): number {
    return this.slabs - this.freeCount - this.releasedCount - this.lostCount
  }

  /** Slabs given back that a request still uses. */
  get draining(): number {
    this.sweep(false)
    return this.releasedCount
  }

  get waiters(): number {
    return this.waiting.size
  }

  /** @throws what the arena was closed with */
  private assertOpen(): void {
    if (this.closedBy !== null) throw this.closedBy
  }

  /** A slab, or null where none is free or somebody was here before. */
  tryLease(sizeBytes: number): ArenaLease | null {
    this.assertOpen()
    return this.waiting.size > 0 ? null : this.take(sizeBytes)
  }

  private take(sizeBytes: number): ArenaLease | null {
    if (this.freeCount === 0) this.sweep(false)
    if (this.freeCount === 0) return null
    const slab = this.freeList[--this.freeCount]!
    this.state[slab] = SlabState.leased
    const buffer = Buffer.from(this.memory, slab * this.slabBytes, sizeBytes)
    let released = false
    const release = (): void => {
      if (released) throw ringErrors.leaseReleased()
      released = true
      this.giveBack(slab)
    }
    const { index } = this
    const held = <T>(value: T): T => {
      if (released) throw ringErrors.leaseReleased()
      return value
    }
    return {
      get buffer() {
        return held(buffer)
      },
      get bufferIndex() {
        return held(index)
      },
      release,
      [Symbol.dispose]: () => (released ? undefined : release()),
    }
  }

  /** A slab as soon as there is one, in the order of asking. `cancel` takes the request back. */
  wait(sizeBytes: number): { lease: Promise<ArenaLease>; cancel: (reason: Error) => void } {
    this.assertOpen()
    if (this.waiting.size >= this.waitersMax) throw ringErrors.arenaWaiters(this.waitersMax)
    let waiting: Waiting | undefined
    const lease = new Promise<ArenaLease>((resolve, reject) => {
      waiting = { sizeBytes, resolve, reject }
      this.waiting.add(waiting)
    })
    const cancel = (reason: Error): void => {
      if (waiting !== undefined && this.waiting.delete(waiting)) waiting.reject(reason)
    }
    this.sweep(true)
    this.serve()
    return { lease, cancel }
  }

  private giveBack(slab: number): void {
    this.state[slab] = SlabState.released
    this.generation[slab] = (this.generation[slab]! + 1) | 0
    this.releasedCount++
    if (this.waiting.size === 0 && this.onIdle.length === 0) return // looked at when somebody wants it
    this.sweep(true)
    this.serve()
  }

  // Frees what was given back and is used no more. `watch`: come back when what is still used may have become free.
  private sweep(watch: boolean): void {
    if (this.releasedCount === 0) return
    const used = new Uint8Array(this.slabs)
    const visit = (view: ArrayBufferView, lost: boolean): void => {
      used.fill(lost ? SlabState.lost : SlabState.released, this.slabOf(view), this.lastSlabOf(view) + 1)
    }
    visitUsers(this.rings, this.memory, visit, watch ? this.onRequestOver : null)
    for (let slab = 0; slab < this.slabs; slab++) {
      if (this.state[slab] !== SlabState.released || used[slab] === SlabState.released) continue
      this.releasedCount--
      this.state[slab] = used[slab]!
      if (used[slab] === SlabState.lost) this.lostCount++
      else this.freeList[this.freeCount++] = slab
    }
  }

  // The request's slot is freed after its completion, so it is looked at a microtask later; once for a whole batch.
  private readonly onRequestOver = (): void => {
    if (this.sweeping) return
    this.sweeping = true
    queueMicrotask(() => {
      this.sweeping = false
      this.sweep(true)
      this.serve()
    })
  }

  private serve(): void {
    for (const waiting of this.waiting) {
      const lease = this.take(waiting.sizeBytes)
      if (lease === null) break
      this.waiting.delete(waiting)
      waiting.resolve(lease)
    }
    if (this.releasedCount > 0 || this.onIdle.length === 0) return
    const idle = this.onIdle
    this.onIdle = []
    for (const callback of idle) callback()
  }

  private slabOf({ byteOffset }: ArrayBufferView): number {
    return Math.floor(byteOffset / this.slabBytes)
  }

  private lastSlabOf({ byteOffset, byteLength }: ArrayBufferView): number {
    return Math.floor((byteOffset + Math.max(1, byteLength) - 1) / this.slabBytes)
  }

  /**
   * What tells a lease's memory from the same memory leased again.
   * @throws ERR_RING_LEASE_RELEASED where `view` lies in a slab that nobody has leased
   */
  stamp(view: ArrayBufferView): number {
    if (view.byteLength === 0) return 0
    const first = this.slabOf(view)
    for (let slab = this.lastSlabOf(view); slab >= first; slab--) {
      if (this.state[slab] !== SlabState.leased) throw ringErrors.leaseReleased()
    }
    return this.generation[first]!
  }

  /** Leases nothing any more: who waits is rejected with `reason`. */
  shut(reason: Error): void {
    this.closedBy ??= reason
    for (const { reject } of this.waiting) reject(reason)
    this.waiting.clear()
    this.serve()
  }

  /** Resolves when no request uses what was given back. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.onIdle.push(resolve)
      this.sweep(true)
      this.serve()
    })
  }
}

/**
 * The table entry that a request with `view` names, for a file with or without O_DIRECT; -1: none, it is an ordinary request. The
 * page cache copies out of its own pages: there nothing is gained by a registered buffer, and some CPU is lost.
 * @throws ERR_RING_LEASE_RELEASED
 */
export function fixedIndex(arenas: readonly ArenaSlabs[], view: ArrayBufferView, unbuffered: boolean): number {
  for (let arena = 0; arena < arenas.length; arena++) {
    const slabs = arenas[arena]!
    if (slabs.memory !== view.buffer) continue
    slabs.stamp(view)
    return unbuffered || slabs.always ? (slabs.index ?? -1) : -1
  }
  return -1
}

/** Refuses memory of any arena that nobody has leased. For those who do not know the arenas. @throws ERR_RING_LEASE_RELEASED */
export function assertLeased(view: ArrayBufferView): void {
  if (view.buffer instanceof SharedArrayBuffer) arenaOf.get(view.buffer)?.stamp(view)
}

/** Which lease `view` belongs to, for requests that wait before they are made. @throws ERR_RING_LEASE_RELEASED */
export function leaseStamp(arenas: readonly ArenaSlabs[], view: ArrayBufferView): number {
  return arenas.find(({ memory }) => memory === view.buffer)?.stamp(view) ?? 0
}
