// How descriptors of sockets are closed: a thread that is terminated leaves none behind (owned-descriptors.ts), so each is let go first, or
// when the request to close it is over. Used throughout services/net.
import { binding } from '../../native/binding.ts'
import { Op } from '../../native/abi.ts'
import { prepClose } from '../../native/operations/files.ts'
import { LossResult } from '../../workers/completions.ts'
import { descriptorClosed, descriptorCloses, disownDescriptor } from '../../workers/owned-descriptors.ts'
import type { RingClient } from '../../workers/ring-client.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { SlotState } from '../../workers/slots.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'

/** Closes a descriptor, here and now. */
export function closeNow(fd: number): void {
  disownDescriptor(fd)
  binding().closeFd(fd)
}

const ECANCELED = -125

// context: the ring's client; tag: the descriptor. One that the ring took with it unclosed is closed here.
const settleClose: Completion = {
  complete(slots, slot, result) {
    descriptorClosed(slots.tag[slot]!)
    const lost = result === LossResult.lost || result === LossResult.closed
    if (!lost && result !== ECANCELED) return
    if (!lost || neverBegan(slots.context[slot] as RingClient, slots, slot)) binding().closeFd(slots.tag[slot]!)
  },
}

/** Whether the kernel has not even taken the request: one to close a socket is over when it has, and the number another file's. */
function neverBegan({ ring }: RingClient, slots: SlotTable, slot: number): boolean {
  if (slots.state[slot] !== SlotState.submitted) return true
  return ring.unconsumedAt().some((at) => ring.sqes[at + 8] === slot)
}

/** Closes a descriptor through the ring, which takes no system call of this thread; where the ring ends, with one. */
export function closeDescriptor({ client }: RingHandle, fd: number): void {
  let slot: number
  try {
    slot = client.claim(Op.CLOSE, settleClose, null, client)
  } catch {
    closeNow(fd)
    return
  }
  const { slots, words, at } = client
  slots.tag[slot] = fd
  slots.markDescriptors(slot)
  descriptorCloses(fd)
  prepClose(words, at, 0, fd)
}
