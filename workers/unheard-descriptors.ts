// Descriptors that the kernel has made and that nobody has heard of yet: their numbers are in completions alone, and a connection that was
// accepted would stay open for ever with them. Used by the ring client. Where its thread is terminated, the addon does what is here.
import { binding } from '../native/binding.ts'
import { makesDescriptor } from '../native/operations/index.ts'
import type { Ring } from '../native/ring.ts'
import { ownDescriptor } from './owned-descriptors.ts'
import type { SlotTable } from './slots.ts'

/**
 * The completion at words[at…] is about to be settled: whose it is has the descriptor from now on. Owned first and taken out then, because this
 * thread may end in between, and before the completion's place is the kernel's again.
 */
export function descriptorHeardOf(slots: SlotTable, slot: number, words: Int32Array, at: number): void {
  if (!slots.concernsDescriptors(slot)) return
  if (slots.completion[slot]!.ownsDescriptors === true) ownDescriptor(words[at + 2]!)
  words[at + 2] = -1
}

/** Nobody will take the completions that are there: what they bring is closed. */
export function closeUnheardOf(ring: Ring, slots: SlotTable): void {
  const { words } = ring
  for (let index = ring.ready() - 1; index >= 0; index--) {
    const at = ring.peek(index)
    const slot = words[at]!
    const makes = slots.matches(slot, words[at + 1]!) && makesDescriptor[slots.opcode[slot]!] === 1
    if (makes && slots.concernsDescriptors(slot) && words[at + 2]! > 0) binding().closeFd(words[at + 2]!)
  }
}
