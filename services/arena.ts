// Arenas: memory for reads and writes that the kernel knows already. Ringmaster.arena() makes one: its memory is registered once
// on every ring, at the same index, and requests with a buffer of it need not have their pages looked up and held each time.
// Where it cannot be registered it is ordinary shared memory, and says why.
import { abortError, errnoName, invalidArgValue, outOfRange, ringErrors } from '../native/errors.ts'
import { arenasMax, pageBytes, rawBuffers } from '../native/layout.ts'
import { allocateSharedMemory } from '../native/shared-memory.ts'
import { ArenaSlabs } from '../workers/arena.ts'
import type { ArenaLease } from '../workers/arena.ts'
import type { BufferTable } from '../workers/buffer-table.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { addAbortListener, removeAbortListener, throwIfAborted } from './abort.ts'
import { checkInteger, checkOptionNames, checkSignal } from './arguments.ts'
import { memlockRefusal } from './memlock.ts'
import type { OpenRings } from './open-rings.ts'

export interface ArenaOptions {
  /** Bytes of a slab, which is what a lease gives: a multiple of 4096. Default 65,536. */
  slabBytes?: number
  /** How many slabs. Default 64. All together at most 1 GiB: the kernel registers no more as one. */
  slabs?: number
  /** How many callers leaseWhenFree() lets wait. Default 1024. */
  waitersMax?: number
  /**
   * Which files' reads and writes are READ_FIXED and WRITE_FIXED. `unbuffered` (default): those opened with O_DIRECT, where a request
   * need not pin its pages. `all`: also those that go through the page cache, where it saves nothing (npm run bench -- fixed-buffers).
   */
  fixedFor?: 'unbuffered' | 'all'
}

/** What an arena is and has out. */
export interface ArenaStats {
  /** Which one: they are numbered as they are made, from 1. */
  readonly arena: number
  readonly slabBytes: number
  readonly slabs: number
  readonly leased: number
  /** Given back, and still used by a request. */
  readonly draining: number
  readonly waiters: number
  readonly registered: boolean
  readonly reason: string
}

const arenaBytesMax = 2 ** 30
const ENOMEM = -12
const EACCES = -13
const optionNames = ['slabBytes', 'slabs', 'waitersMax', 'fixedFor']

/** Why the kernel would not register. */
function refusal(errno: number, sizeBytes: number): string {
  if (errno === ENOMEM) return `${memlockRefusal(sizeBytes)}, or make a smaller arena`
  const refused = `the kernel refused to register the memory (${errnoName(errno)})`
  if (errno !== EACCES) return refused
  return `${refused}: the restrictions of the rings do not name register_buffers_update (option restrictions of Ringmaster.start())`
}

/** Registers on every ring or on none. The first ring's registration is cloned where the kernel can: locked and charged once. */
function register(tables: readonly BufferTable[], index: number, memory: Buffer): number {
  for (const [ring, table] of tables.entries()) {
    let result = ring === 0 ? -1 : table.clone(tables[0]!, index, index, 1)
    if (result < 0) result = table.put(index, memory, null)
    if (result < 0) {
      for (const registered of tables.slice(0, ring)) registered.empty(index)
      return result
    }
  }
  return 0
}

export class Arena {
  /** Bytes of a slab. */
  readonly slabBytes: number
  readonly slabs: number
  /** Whether the kernel knows the memory: what `fixedFor` says can be READ_FIXED and WRITE_FIXED then. */
  get registered(): boolean {
    return this.core.index !== null
  }

  /** How it is registered, or why it is not and what to do. */
  readonly reason: string
  private readonly core: ArenaSlabs
  private readonly owner: Arenas
  private readonly number: number
  private closing: Promise<void> | null = null

  /** Made by Ringmaster.arena(). @internal */
  constructor(core: ArenaSlabs, number: number, reason: string, owner: Arenas) {
    this.core = core
    this.number = number
    this.slabBytes = core.slabBytes
    this.slabs = core.slabs
    this.reason = reason
    this.owner = owner
  }

  private checkSize(sizeBytes: number | undefined): number {
    return sizeBytes === undefined ? this.slabBytes : checkInteger(sizeBytes, 'sizeBytes', 0, this.slabBytes)
  }

  /**
   * A slab, or its first `sizeBytes`.
   * @throws ERR_RING_ARENA_FULL, ERR_RING_ARENA_CLOSED, ERR_RING_CLOSED, ERR_OUT_OF_RANGE
   */
  lease(sizeBytes?: number): ArenaLease {
    const lease = this.tryLease(sizeBytes)
    if (lease === null) throw ringErrors.arenaFull(this.slabs)
    return lease
  }

  /** As lease(); null where none is free, or others wait. @throws ERR_RING_ARENA_CLOSED, ERR_RING_CLOSED, ERR_OUT_OF_RANGE */
  tryLease(sizeBytes?: number): ArenaLease | null {
    return this.core.tryLease(this.checkSize(sizeBytes))
  }

  /**
   * As lease(), as soon as there is one, in the order of asking.
   * @throws (rejects) ERR_RING_ARENA_FULL when `waitersMax` callers wait, AbortError, and as lease()
   */
  async leaseWhenFree(options: { sizeBytes?: number; signal?: AbortSignal } = {}): Promise<ArenaLease> {
    const sizeBytes = this.checkSize(options.sizeBytes)
    const signal = checkSignal(options.signal)
    throwIfAborted(signal)
    const { lease, cancel } = this.core.wait(sizeBytes)
    if (signal === undefined) return lease
    const onAbort = (): void => {
      cancel(abortError(signal))
    }
    addAbortListener(signal, onAbort)
    try {
      return await lease
    } finally {
      removeAbortListener(signal, onAbort)
    }
  }

  /** What is out now. Plain data, a copy. */
  stats(): ArenaStats {
    const { number: arena, slabBytes, slabs, core, registered, reason } = this
    const { leased, draining, waiters } = core
    return { arena, slabBytes, slabs, leased, draining, waiters, registered, reason }
  }

  /**
   * Takes the memory away from the rings, after the requests that still use it. Leases must have been given back. Safe to
   * repeat. Closing the rings closes their arenas, whatever is leased.
   * @throws (rejects) ERR_RING_ARENA_IN_USE, and changes nothing
   */
  close(): Promise<void> {
    if (this.closing === null && this.core.leased > 0) return Promise.reject(ringErrors.arenaInUse(this.core.leased))
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    this.core.shut(ringErrors.arenaClosed())
    await this.core.idle()
    this.owner.remove(this, this.core)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Whether a ring has an arena's memory in its table, or takes it now. */
const takes = ({ buffers }: RingHandle, { memory, slabs, slabBytes }: ArenaSlabs, index: number): boolean =>
  buffers.size > 0 &&
  (buffers.at(index) !== null || buffers.put(index, Buffer.from(memory, 0, slabs * slabBytes), null) >= 0)

/** The arenas of one Ringmaster. */
export class Arenas {
  private readonly handles: readonly RingHandle[]
  /** Those, and rings that finish what they have. */
  private readonly users: Iterable<RingHandle>
  private readonly cores: ArenaSlabs[]
  private readonly open = new Set<Arena>()
  private made = 0

  /** `cores` is what requests look their buffers up in. */
  constructor(
    { handles, users, onMoving, onRenewed }: Pick<OpenRings, 'handles' | 'users' | 'onMoving' | 'onRenewed'>,
    cores: ArenaSlabs[],
  ) {
    this.handles = handles
    this.users = users
    onMoving.add((next) => (this.registerOn(next) ? null : 'the new ring would not take the memory of the arenas'))
    onRenewed.add((ring) => {
      this.renewed(ring)
    })
    this.cores = cores
  }

  /** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_CLOSED; RangeError where there is no address space */
  make(options: ArenaOptions): Arena {
    checkOptionNames(options, optionNames)
    const slabBytes = checkInteger(options.slabBytes ?? 65536, 'slabBytes', pageBytes, arenaBytesMax)
    if (slabBytes % pageBytes !== 0) throw outOfRange('slabBytes', `a multiple of ${pageBytes}`, slabBytes)
    const slabs = checkInteger(options.slabs ?? 64, 'slabs', 1, Math.floor(arenaBytesMax / slabBytes))
    const waitersMax = checkInteger(options.waitersMax ?? 1024, 'waitersMax', 0, 1_000_000)
    const { fixedFor = 'unbuffered' } = options
    if (fixedFor !== 'unbuffered' && fixedFor !== 'all')
      throw invalidArgValue('fixedFor', fixedFor, "must be 'unbuffered' or 'all'")
    const sizeBytes = slabBytes * slabs
    const memory = allocateSharedMemory(sizeBytes)
    const { index, reason } = this.register(Buffer.from(memory, 0, sizeBytes))
    const core = new ArenaSlabs(memory, slabBytes, slabs, waitersMax, this.users, index, fixedFor === 'all')
    const arena = new Arena(core, ++this.made, reason, this)
    this.cores.push(core)
    this.open.add(arena)
    return arena
  }

  private register(memory: Buffer): { index: number | null; reason: string } {
    const tables = this.handles.map(({ buffers }) => buffers)
    const without = tables.find(({ size }) => size === 0)
    if (without !== undefined) return { index: null, reason: without.absence }
    const free = Array.from({ length: arenasMax }, (_, arena) => rawBuffers + arena)
    const index = free.find((candidate) => tables.every((table) => table.at(candidate) === null))
    if (index === undefined)
      return {
        index: null,
        reason: `the rings' tables hold ${arenasMax} arenas already: close one, or make a larger one`,
      }
    const result = register(tables, index, memory)
    if (result < 0) return { index: null, reason: refusal(result, memory.length) }
    return { index, reason: `registered on ${tables.length} ring${tables.length === 1 ? '' : 's'}` }
  }

  /** Whether a ring that is to take another one's place has taken the memory of all. */
  private registerOn(next: RingHandle): boolean {
    return this.cores.every((core) => core.index === null || takes(next, core, core.index))
  }

  /** Another ring has taken the `ring`th's place. Where it does not take the memory, the arena goes on as ordinary memory. */
  private renewed(ring: number): void {
    for (const core of this.cores) {
      if (core.index === null) continue
      if (takes(this.handles[ring]!, core, core.index)) continue
      for (const { buffers: others } of this.handles) others.empty(core.index)
      core.index = null
    }
  }

  /** Called by an arena that is closed. @internal */
  remove(arena: Arena, core: ArenaSlabs): void {
    if (!this.open.delete(arena)) return
    this.cores.splice(this.cores.indexOf(core), 1)
    if (core.index !== null) for (const { buffers } of this.handles) buffers.empty(core.index)
  }

  stats(): ArenaStats[] {
    return [...this.open].map((arena) => arena.stats())
  }

  /** The rings close: nobody leases or waits any more. The rings' tables are emptied by the rings. */
  shut(): void {
    for (const core of this.cores) core.shut(ringErrors.closed())
  }
}
