// Which requests can still touch a piece of shared memory: asked of the slot tables, which know what the kernel owns. Used by
// arenas when memory that was given back is about to be handed out again. Costs requests nothing: nobody counts per request.
import { CqeFlag } from '../native/abi.ts'
import type { MemoryHolder, MemoryHolders } from './memory-holders.ts'
import { quarantined } from './quarantine.ts'
import { RingClient } from './ring-client.ts'
import { RingHandle } from './ring-handle.ts'
import { SlotState, SlotTable } from './slots.ts'
import type { Completion } from './slots.ts'

/** `lost`: the kernel may use it for good, nobody will ever say that it does not. */
export type Visit = (view: ArrayBufferView, lost: boolean) => void

/** Whose requests are asked about: what a RingHandle has of it. */
export interface MemoryUser {
  readonly client: RingClient
  readonly memoryHolders: MemoryHolders
}

// Every view over `memory` that an owner leads to. Finding too much delays reuse; finding too little would corrupt memory, so
// whatever an owner holds is searched, unless it says itself what it keeps (an operation, a queue). Rings and their tables
// lead to all other requests: what those use, they are asked for themselves.
class Search {
  /** Objects that were looked at. */
  visited = 0
  private readonly memory: SharedArrayBuffer
  /** In this owner: an object that is held twice is searched once. */
  private readonly seen = new Set<object>()
  private readonly left: object[] = []

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
  }

  /** Whether the owner uses the memory. */
  views(owner: unknown, visit: (view: ArrayBufferView) => void): boolean {
    let found = false
    this.seen.clear()
    this.add(owner)
    for (let value = this.left.pop(); value !== undefined; value = this.left.pop()) {
      this.visited++
      if (!ArrayBuffer.isView(value)) this.open(value)
      else if (value.buffer === this.memory) {
        found = true
        visit(value)
      }
    }
    return found
  }

  private add(value: unknown): void {
    if (typeof value !== 'object' || value === null || this.seen.has(value)) return
    this.seen.add(value)
    this.left.push(value)
  }

  private open(value: object): void {
    if (value instanceof SlotTable || value instanceof RingClient || value instanceof RingHandle) return
    for (const item of contents(value)) this.add(item)
  }
}

function contents(value: object): Iterable<unknown> {
  if ('heldViews' in value) return (value as MemoryHolder).heldViews()
  if (value instanceof Set || Array.isArray(value)) return value as Iterable<unknown>
  if (value instanceof Map) return value.values() as Iterable<unknown>
  if ('keep' in value && Array.isArray(value.keep)) return value.keep as readonly unknown[]
  return Object.values(value) as unknown[]
}

/** Settles as before, and tells when the request is over. */
class Watched implements Completion {
  private readonly settle: Completion
  private readonly over: () => void
  readonly memory: SharedArrayBuffer

  constructor(settle: Completion, memory: SharedArrayBuffer, over: () => void) {
    this.settle = settle
    this.memory = memory
    this.over = over
  }

  complete(slots: SlotTable, slot: number, result: number, cqeFlags: number): void {
    try {
      this.settle.complete(slots, slot, result, cqeFlags)
    } finally {
      if ((cqeFlags & CqeFlag.MORE) === 0) this.over()
    }
  }
}

/**
 * Visits every view over `memory` of a request that was accepted and is not over, of what waits to become one, and of those
 * that were given up with the kernel still at work. With `over`, that is called when one of them is over, before its slot is
 * free, or has got its request. Returns how many objects were looked at.
 */
export function visitUsers(
  rings: Iterable<MemoryUser>,
  memory: SharedArrayBuffer,
  visit: Visit,
  over: (() => void) | null,
): number {
  const search = new Search(memory)
  const inUse = (view: ArrayBufferView): void => {
    visit(view, false)
  }
  for (const { client, memoryHolders } of rings) {
    const { slots } = client
    let left = slots.used
    for (let slot = 0; left > 0 && slot < slots.size; slot++) {
      if (slots.state[slot] === SlotState.free) continue
      left--
      if (!search.views(slots.owner[slot], inUse) || over === null) continue
      const settle = slots.completion[slot]!
      if (settle instanceof Watched && settle.memory === memory) continue
      slots.completion[slot] = new Watched(settle, memory, over)
    }
    for (const holder of memoryHolders) {
      if (search.views(holder, inUse) && over !== null) memoryHolders.watch(over)
    }
  }
  for (const owner of quarantined()) {
    search.views(owner, (view) => {
      visit(view, true)
    })
  }
  return search.visited
}
