// The requests that are in a ring now, from its client's slot table. Used by ring-picture.ts, once per frame and ring, on the client's
// own thread: the table is no shared memory.
import { slotKind, slotsMax, type LiveSlot } from '../../metrics/live-protocol.ts'
import { SlotState, tagOpcode, type SlotTable } from '../../workers/slots.ts'
import { givenBySlot, type RingWords } from './queue-windows.ts'

const unknownAgeMs = -1

/** The first `slotsMax` that are in flight. `sinceTail`: the CQ's tail in the frame before. */
export function slotList(slots: SlotTable, ring: RingWords, sinceTail: number): LiveSlot[] {
  const nowMs = performance.now()
  const found: LiveSlot[] = []
  let given: Map<number, number> | null = null
  let left = slots.used
  for (let slot = 0; slot < slots.size && left > 0 && found.length < slotsMax; slot++) {
    if (slots.state[slot] === SlotState.free) continue
    left--
    if (slots.state[slot] === SlotState.queued) continue
    const op = slots.opcode[slot]!
    const publishedMs = slots.publishedMs[slot]!
    if (op === tagOpcode) {
      found.push([slot, op, unknownAgeMs, slotKind.tag, 0])
    } else if (slots.state[slot] === SlotState.submitted && publishedMs < 0) {
      given ??= givenBySlot(ring, sinceTail)
      found.push([slot, op, unknownAgeMs, slotKind.multishot, given.get(slot) ?? 0])
    } else {
      const ageMs = slots.state[slot] === SlotState.submitted ? Math.max(0, nowMs - publishedMs) : 0
      found.push([slot, op, Math.round(ageMs * 1000) / 1000, slotKind.single, 0])
    }
  }
  return found
}
