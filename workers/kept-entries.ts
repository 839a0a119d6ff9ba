// The entries of requests in flight, where a ring worker is the poller: should it die, some of them are submitted again. An entry
// stays in the SQ until its place is used again, which for most is long after they are over: only of those that are not is there
// a copy. Used by Submission for every entry it takes: a comparison each, and no allocation.
import { SqeFlag } from '../native/abi.ts'
import type { Ring } from '../native/ring.ts'
import type { SlotTable } from './slots.ts'

export const sqeWords = 16

const links = SqeFlag.IO_LINK | SqeFlag.IO_HARDLINK

export class KeptEntries {
  private readonly ring: Ring
  private readonly slots: SlotTable
  /** By slot; valid while the generation is the slot's. */
  private readonly copies: Int32Array
  private readonly generations: Float64Array
  private readonly linkedCopies: Uint8Array
  /** Whether the entry that was overwritten last was linked to the one after it. */
  private lastLinked = false

  constructor(ring: Ring, slots: SlotTable) {
    this.ring = ring
    this.slots = slots
    this.copies = new Int32Array(slots.size * sqeWords)
    this.generations = new Float64Array(slots.size).fill(NaN)
    this.linkedCopies = new Uint8Array(slots.size)
    for (let at = 0; at < ring.sqes.length; at += sqeWords) ring.sqes[at + 8] = -1 // no request's yet
  }

  /** As Ring.reserve(). */
  reserve(): number {
    const { slots } = this
    const { sqes } = this.ring
    const at = this.ring.reserve()
    const slot = sqes[at + 8]!
    const linked = ((sqes[at]! >>> 8) & links) !== 0
    if (slots.matches(slot, sqes[at + 9]!)) {
      const copyAt = slot * sqeWords
      for (let word = 0; word < sqeWords; word++) this.copies[copyAt + word] = sqes[at + word]!
      this.generations[slot] = slots.generation[slot]!
      this.linkedCopies[slot] = linked || this.lastLinked ? 1 : 0
    }
    this.lastLinked = linked
    return at
  }

  /** The entry of a request that was published, wherever it is now: words of `words` from `at`. */
  find(slot: number): { readonly words: Int32Array; readonly at: number; readonly linked: boolean } {
    const { copies: words, generations, linkedCopies, slots } = this
    const generation = slots.generation[slot]!
    if (generations[slot] === generation) return { words, at: slot * sqeWords, linked: linkedCopies[slot] === 1 }
    const { sqes } = this.ring
    for (let at = 0; at < sqes.length; at += sqeWords) {
      if (sqes[at + 8] !== slot || sqes[at + 9] !== generation) continue
      return { words: sqes, at, linked: ((sqes[at]! >>> 8) & links) !== 0 || this.linkedBefore(at) }
    }
    throw new Error(`slot ${slot} is in flight and has no entry`)
  }

  // The oldest entry follows one that has been overwritten.
  private linkedBefore(at: number): boolean {
    const { sqes } = this.ring
    if (at === this.ring.oldestAt) return this.lastLinked
    const before = (at === 0 ? sqes.length : at) - sqeWords
    return ((sqes[before]! >>> 8) & links) !== 0
  }
}
