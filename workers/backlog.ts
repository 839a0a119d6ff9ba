// Requests that are accepted and have no place in the ring yet: finished SQEs in a ring buffer of our own, first in, first
// out. Used by the ring client. A chain is one group and moves as one: its entries must be neighbours in the SQ.
import { Eras } from './eras.ts'

const sqeWords = 16

export class Backlog {
  readonly capacity: number
  /** Where claimed entries are to be written; `reserve` tells at which word. */
  readonly words: Int32Array
  /** At a group's first entry: how many entries the group has. 0 elsewhere. */
  private readonly groups: Uint16Array
  /** 1 where a group's requests are settled already: its entries are dropped when they come to the head. */
  private readonly dead: Uint8Array
  private readonly slots: Int32Array
  private readonly mask: number
  private readonly eras: Eras
  /** At a group's first entry: its era. */
  private readonly eraOf: Float64Array
  private head = 0
  private tail = 0

  /** Holds up to `capacity` entries, in the order of `eras`: those of its ring. */
  constructor(capacity: number, eras: Eras = new Eras()) {
    this.capacity = capacity
    this.eras = eras
    const entries = 2 ** Math.ceil(Math.log2(Math.max(capacity, 1)))
    this.words = new Int32Array(entries * sqeWords)
    this.groups = new Uint16Array(entries)
    this.dead = new Uint8Array(entries)
    this.slots = new Int32Array(entries)
    this.eraOf = new Float64Array(entries)
    this.mask = entries - 1
  }

  get length(): number {
    return (this.tail - this.head) | 0
  }

  hasRoom(count: number): boolean {
    return this.length + count <= this.capacity
  }

  /** Appends an entry for `slot`; returns where in `words` to write it. `group`: its size on a group's first entry, else 0. */
  reserve(slot: number, group: number): number {
    const index = this.tail & this.mask
    this.tail = (this.tail + 1) | 0
    this.groups[index] = group
    if (group > 0) this.eraOf[index] = this.eras.stamp()
    this.dead[index] = 0
    this.slots[index] = slot
    return index * sqeWords
  }

  /** The era of the group at the head; Infinity when empty. */
  get headEra(): number {
    return this.length === 0 ? Infinity : this.eraOf[this.head & this.mask]!
  }

  /** Whether no barrier keeps the group at the head from entering the ring. */
  get headIsDue(): boolean {
    return this.headEra < this.eras.limit
  }

  /** Entries of the group at the head; 0 when empty. */
  get headGroup(): number {
    return this.length === 0 ? 0 : this.groups[this.head & this.mask]!
  }

  /** The slot of the `index`th entry from the head. */
  slotAt(index: number): number {
    return this.slots[(this.head + index) & this.mask]!
  }

  /** Where in `words` the `index`th entry from the head is. */
  wordsAt(index: number): number {
    return ((this.head + index) & this.mask) * sqeWords
  }

  /** Whether the `index`th entry from the head is settled and waits only to be dropped. */
  isDead(index: number): boolean {
    return this.dead[(this.head + index) & this.mask] === 1
  }

  /** Where the group of `slot` begins, counted from the head; -1 where the slot is not here. */
  groupOf(slot: number): number {
    let start = -1
    for (let index = 0; index < this.length; index++) {
      const at = (this.head + index) & this.mask
      if (this.groups[at] !== 0) start = index
      if (this.slots[at] === slot && this.dead[at] === 0) return start
    }
    return -1
  }

  /** Whether a group of several entries waits. */
  hasChain(): boolean {
    for (let index = 0; index < this.length; index += Math.max(1, this.groupAt(index)))
      if (this.groupAt(index) > 1) return true
    return false
  }

  /** Entries of the group that begins at the `index`th entry from the head. */
  groupAt(index: number): number {
    return this.groups[(this.head + index) & this.mask]!
  }

  /** The group at `index` from the head is settled: its entries wait only to be dropped. */
  bury(index: number): void {
    this.eras.drop(this.eraOf[(this.head + index) & this.mask]!)
    for (let entry = 0, group = this.groupAt(index); entry < group; entry++)
      this.dead[(this.head + index + entry) & this.mask] = 1
  }

  /** Drops settled groups from the head. */
  dropDead(): void {
    while (this.length > 0 && this.dead[this.head & this.mask] === 1) this.head = (this.head + 1) | 0
  }

  /** Removes the entry at the head, copying it to `target` at word `at`. */
  shiftTo(target: Int32Array, at: number): void {
    const from = (this.head & this.mask) * sqeWords
    for (let word = 0; word < sqeWords; word++) target[at + word] = this.words[from + word]!
    this.head = (this.head + 1) | 0
  }

  /** Removes the entry at the head unused. */
  drop(): void {
    this.head = (this.head + 1) | 0
  }
}
