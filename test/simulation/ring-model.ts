// The kernel's end of the ring memory: reads entries, posts completions, keeps the overflow list. Used by kernel.ts and
// poller.ts. Checks what the producer promised: never more entries than there are, none changed before it was given back.
import { SqFlag, cqEventfdDisabled } from '../../native/abi.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { Violation } from './memory.ts'

// Taken before the simulation puts its own in place: what the kernel does is no point for the kernel to step in.
const { load, store } = Atomics

const sqeWords = 16

interface Cqe {
  readonly slot: number
  readonly generation: number
  readonly result: number
  readonly flags: number
}

export class RingModel {
  readonly geometry: RingGeometry
  private readonly words: Int32Array
  private readonly sqes: Int32Array
  private readonly overflow: Cqe[] = []
  private taken: Int32Array[] = []
  private signalledTail: number
  private full = false

  constructor(geometry: RingGeometry, words: Int32Array, sqes: Int32Array) {
    this.geometry = geometry
    this.words = words
    this.sqes = sqes
    this.signalledTail = load(words, geometry.cqTail)
  }

  /** Entries published and not taken. */
  get available(): number {
    const { sqHead, sqTail, sqEntries } = this.geometry
    const count = (load(this.words, sqTail) - load(this.words, sqHead)) | 0
    if (count < 0 || count > sqEntries) throw new Violation(`the SQ's tail is ${count} entries ahead of its head`)
    return count - this.taken.length
  }

  /** Takes the next entry; its place is the producer's again only after giveBack(). */
  take(): Int32Array {
    const { sqHead, sqEntries } = this.geometry
    const index = (load(this.words, sqHead) + this.taken.length) & (sqEntries - 1)
    const entry = this.sqes.slice(index * sqeWords, (index + 1) * sqeWords)
    this.taken.push(entry)
    return entry
  }

  giveBack(): void {
    const { sqHead, sqEntries } = this.geometry
    const head = load(this.words, sqHead)
    this.taken.forEach((entry, index) => {
      const at = ((head + index) & (sqEntries - 1)) * sqeWords
      for (let word = 0; word < sqeWords; word++)
        if (this.sqes[at + word] !== entry[word]) throw new Violation('an entry was written before it was given back')
    })
    store(this.words, sqHead, (head + this.taken.length) | 0)
    this.taken = []
  }

  /** Room for another CQE, and none waiting for it. */
  get hasRoom(): boolean {
    const { cqHead, cqTail, cqEntries } = this.geometry
    const used = (load(this.words, cqTail) - load(this.words, cqHead)) | 0
    if (used < 0 || used > cqEntries) throw new Violation(`the CQ holds ${used} of ${cqEntries} entries`)
    if (used === 0) this.full = false
    return used < cqEntries && !this.full && this.overflow.length === 0
  }

  /** As if the CQ were full: allowed while it holds something, for then the client cannot tell the difference. */
  overflowEarly(): void {
    const { cqHead, cqTail } = this.geometry
    if (load(this.words, cqTail) !== load(this.words, cqHead)) this.full = true
  }

  post(slot: number, generation: number, result: number, flags: number): void {
    if (this.hasRoom) this.write({ slot, generation, result, flags })
    else {
      this.overflow.push({ slot, generation, result, flags })
      this.setSqFlag(SqFlag.CQ_OVERFLOW, true)
    }
  }

  private write(cqe: Cqe): void {
    const { cqTail, cqEntries, cqes } = this.geometry
    const tail = load(this.words, cqTail)
    this.words.set([cqe.slot, cqe.generation, cqe.result, cqe.flags], cqes + ((tail & (cqEntries - 1)) << 2))
    store(this.words, cqTail, (tail + 1) | 0)
  }

  /** Brings in what did not fit, as far as it fits now. */
  flushOverflow(): void {
    this.full = false
    const waiting = this.overflow.splice(0)
    while (waiting.length > 0 && this.hasRoom) this.write(waiting.shift()!)
    this.overflow.push(...waiting)
    if (waiting.length === 0) this.setSqFlag(SqFlag.CQ_OVERFLOW, false)
  }

  get overflowed(): number {
    return this.overflow.length
  }

  setSqFlag(flag: number, on: boolean): void {
    const { sqFlags } = this.geometry
    const flags = load(this.words, sqFlags)
    store(this.words, sqFlags, on ? flags | flag : flags & ~flag)
  }

  /** Whether CQEs were posted for which nobody has looked yet whether the eventfd is to be written. */
  get signalDue(): boolean {
    return load(this.words, this.geometry.cqTail) !== this.signalledTail
  }

  /** Looks: whether the consumer asked to be woken. */
  takeSignal(): boolean {
    this.signalledTail = load(this.words, this.geometry.cqTail)
    return (load(this.words, this.geometry.cqFlags) & cqEventfdDisabled) === 0
  }
}
