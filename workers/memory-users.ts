// Which requests can still touch a piece of shared memory: asked of the slot tables, which know what the kernel owns. Used by
// arenas when memory that was given back is about to be handed out again. Costs requests nothing: nobody counts per request.
import { CqeFlag } from '../native/abi.ts'
import { quarantined } from './quarantine.ts'
import type { RingClient } from './ring-client.ts'
import type { Completion, SlotTable } from './slots.ts'
import { SlotState } from './slots.ts'

/** An owner is a buffer, or an operation that keeps lists of structs of buffers: no deeper than this. */
const depthMax = 6

/** `lost`: the kernel may use it for good, nobody will ever say that it does not. */
export type Visit = (view: ArrayBufferView, lost: boolean) => void

// Every view over `memory` that `value` leads to. Finding too much delays reuse; finding too little would corrupt memory, so
// whatever an owner holds is searched, not only the fields that are known today.
function visitViews(
  value: unknown,
  memory: SharedArrayBuffer,
  depth: number,
  visit: (view: ArrayBufferView) => void,
): void {
  if (typeof value !== 'object' || value === null) return
  if (ArrayBuffer.isView(value)) {
    if (value.buffer === memory) visit(value)
    return
  }
  if (depth === 0) return
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value as Iterable<unknown>) visitViews(item, memory, depth - 1, visit)
    return
  }
  for (const item of Object.values(value)) visitViews(item, memory, depth - 1, visit)
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
 * Visits every view over `memory` of a request that was accepted and is not over, and of those that were given up with the
 * kernel still at work. With `over`, that is called when one of them is over, before its slot is free.
 */
export function visitUsers(
  clients: readonly RingClient[],
  memory: SharedArrayBuffer,
  visit: Visit,
  over: (() => void) | null,
): void {
  for (const { slots } of clients) {
    let left = slots.used
    for (let slot = 0; left > 0 && slot < slots.size; slot++) {
      if (slots.state[slot] === SlotState.free) continue
      left--
      let uses = false
      visitViews(slots.owner[slot], memory, depthMax, (view) => {
        uses = true
        visit(view, false)
      })
      if (!uses || over === null) continue
      const settle = slots.completion[slot]!
      if (settle instanceof Watched && settle.memory === memory) continue
      slots.completion[slot] = new Watched(settle, memory, over)
    }
  }
  for (const owner of quarantined()) {
    visitViews(owner, memory, depthMax, (view) => {
      visit(view, true)
    })
  }
}
