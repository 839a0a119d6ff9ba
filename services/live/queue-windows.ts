// What lies in a ring's two queues: the entries before the tails, as the page draws them. Used by ring-picture.ts, once per frame and
// ring. Only reads memory that is shared with the kernel; costs nobody else anything.
//
// An entry stays where it was after its consumer has taken it, until its place is used again: so a window of the latest ones can be
// shown, those that are taken too. A completion names a slot; which operation that was, the entry that it answers tells.
import { CqeFlag, SqFlag } from '../../native/abi.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { cqCell, type LiveQueue } from '../../metrics/live-protocol.ts'
import type { SlotTable } from '../../workers/slots.ts'

/** A ring's memory as this thread sees it. */
export interface RingWords {
  readonly geometry: RingGeometry
  readonly words: Int32Array
  readonly sqes: Int32Array
}

export interface QueueWindows {
  readonly sq: LiveQueue
  readonly cq: LiveQueue
  readonly asleep: boolean
  readonly overflowed: boolean
}

const unknownOp = 255
const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const neverUsed = hex[unknownOp]! + hex[0]!

/** Entries that are searched for the one that a completion answers: the latest. */
const answeredMax = 256
const tableMask = 1023

export class QueueReader {
  /** Where in `sqes` the entry of a slot and generation is; by their hash. One for all rings: filled for each anew. */
  private readonly places = new Int32Array(tableMask + 1)

  /** Both windows, of `windowMax` entries at most. `slots`: the client's, where they are this thread's. */
  read(ring: RingWords, windowMax: number, slots: SlotTable | null): QueueWindows {
    const { geometry, words, sqes } = ring
    const { sqEntries, cqEntries } = geometry
    const sqTail = Atomics.load(words, geometry.sqTail)
    const cqTail = Atomics.load(words, geometry.cqTail)
    const flags = Atomics.load(words, geometry.sqFlags)
    const sqWindow = Math.min(sqEntries, windowMax)
    let sqCells = ''
    for (let index = sqTail - sqWindow; index !== sqTail; index++) {
      if (sqTail >= 0 && index < 0) sqCells += neverUsed
      else {
        const word = sqes[(index & (sqEntries - 1)) << 4]!
        sqCells += hex[word & 0xff]! + hex[(word >>> 8) & 0xff]!
      }
    }
    this.index(sqes, sqEntries, sqTail)
    const cqWindow = Math.min(cqEntries, windowMax)
    let cqCells = ''
    for (let index = cqTail - cqWindow; index !== cqTail; index++) {
      if (cqTail >= 0 && index < 0) cqCells += neverUsed
      else {
        const at = geometry.cqes + ((index & (cqEntries - 1)) << 2)
        const op = this.operationOf(sqes, slots, words[at]!, words[at + 1]!)
        cqCells += hex[op]! + hex[cellFlags(words[at + 2]!, words[at + 3]!)]!
      }
    }
    return {
      sq: {
        entries: sqEntries,
        head: Atomics.load(words, geometry.sqHead) >>> 0,
        tail: sqTail >>> 0,
        from: (sqTail - sqWindow) >>> 0,
        cells: sqCells,
      },
      cq: {
        entries: cqEntries,
        head: Atomics.load(words, geometry.cqHead) >>> 0,
        tail: cqTail >>> 0,
        from: (cqTail - cqWindow) >>> 0,
        cells: cqCells,
      },
      asleep: (flags & SqFlag.NEED_WAKEUP) !== 0,
      overflowed: (flags & SqFlag.CQ_OVERFLOW) !== 0,
    }
  }

  private index(sqes: Int32Array, entries: number, tail: number): void {
    this.places.fill(-1)
    const from = tail - Math.min(entries, answeredMax)
    for (let index = from; index !== tail; index++) {
      const at = (index & (entries - 1)) << 4
      this.places[hash(sqes[at + 8]!, sqes[at + 9]!)] = at
    }
  }

  private operationOf(sqes: Int32Array, slots: SlotTable | null, slot: number, generation: number): number {
    // A stream's entry is long overwritten: its slot is not.
    if (slots?.holds(slot, generation) === true) return slots.opcode[slot]!
    const at = this.places[hash(slot, generation)]!
    return at >= 0 && sqes[at + 8] === slot && sqes[at + 9] === generation ? sqes[at]! & 0xff : unknownOp
  }
}

const hash = (slot: number, generation: number): number => (Math.imul(slot, 31) + generation) & tableMask

function cellFlags(result: number, flags: number): number {
  return (
    ((flags & CqeFlag.MORE) !== 0 ? cqCell.more : 0) |
    ((flags & CqeFlag.BUFFER) !== 0 ? cqCell.buffer : 0) |
    ((flags & CqeFlag.NOTIF) !== 0 ? cqCell.notification : 0) |
    (result < 0 && (flags & CqeFlag.NOTIF) === 0 ? cqCell.error : 0)
  )
}

/** How many completions each multishot slot gave since `sinceTail`, among the latest `scannedMax`. */
export function givenBySlot({ geometry, words }: RingWords, sinceTail: number): Map<number, number> {
  const tail = Atomics.load(words, geometry.cqTail)
  const count = Math.min((tail - sinceTail) >>> 0, scannedMax, geometry.cqEntries)
  const given = new Map<number, number>()
  for (let index = tail - count; index !== tail; index++) {
    const at = geometry.cqes + ((index & (geometry.cqEntries - 1)) << 2)
    if ((words[at + 3]! & CqeFlag.MORE) !== 0) given.set(words[at]!, (given.get(words[at]!) ?? 0) + 1)
  }
  return given
}
const scannedMax = 1024
