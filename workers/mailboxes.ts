// The mailboxes of a ring: who gets the completions that answer no request, because another ring (or a thread without one)
// posted them with MSG_RING. Used by the ring client, off the hot path: such a completion's slot lies outside of the slot
// table, so that it comes out where completions of past generations do.
//
//   user_data of a message:   low word                                        high word
//                             bit 31: 1, no slot is that high                  the sender's tag
//                             bit 30: a direct descriptor came, not data
//                             bits 0–29: number of the mailbox, no other's in the process

import { threadId } from 'node:worker_threads'

/** In the low word of a message's user_data. */
export const mailboxBit = 0x80000000
export const descriptorBit = 0x40000000
const numberMask = 0x3fffffff

/**
 * The number of the mailbox that is made next in this thread. Threads begin a million apart, so that addresses of two mailboxes of the
 * process differ: a ring may get the descriptor number of one that was closed.
 */
const numbersPerThread = 2 ** 20
const firstNumber = (threadId % 1024) * numbersPerThread + 1
let nextNumber = firstNumber

/**
 * Descriptors of this thread's rings: a message to one of them must be for a mailbox, or it would answer somebody's request. And
 * how many slots of its table of direct descriptors raw operations have: those behind are not for descriptors that are sent.
 */
export const ownRings: Map<number, number> = new Map()

/** Who takes messages. Must not throw. */
export interface MessageSink {
  /** `descriptor`: `result` is a direct descriptor of this ring, which is the mailbox's to close. */
  arrived(result: number, cqeFlags: number, tag: number, descriptor: boolean): void
  /** No more messages: the ring is being closed, or it was lost and `cause` says so. */
  ended(cause: Error | null): void
}

export class Mailboxes {
  private readonly open = new Map<number, MessageSink>()
  private readonly disown: (direct: number) => void
  private opened = false
  private ended = false

  /** `disown` closes a direct descriptor that came for a mailbox that is closed. */
  constructor(disown: (direct: number) => void) {
    this.disown = disown
  }

  /** Whether messages may come: to closed mailboxes too, whose address others still have. */
  get expecting(): boolean {
    return this.opened && !this.ended
  }

  /** Returns the low word of its address, as an unsigned number. */
  add(sink: MessageSink): number {
    const number = nextNumber
    nextNumber = nextNumber + 1 < firstNumber + numbersPerThread ? nextNumber + 1 : firstNumber
    this.opened = true
    this.open.set(number, sink)
    return mailboxBit + number
  }

  remove(address: number): void {
    this.open.delete(address & numberMask)
  }

  /** Hands a completion over to the mailbox that its user_data names; false where there is none. */
  deliver(low: number, high: number, result: number, cqeFlags: number): boolean {
    if (low >= 0) return false
    const number = low & numberMask
    const mailbox = this.open.get(number)
    const isDescriptor = (low & descriptorBit) !== 0
    if (mailbox === undefined) {
      if (isDescriptor && number >= firstNumber && number < nextNumber) this.disown(result)
      return false
    }
    mailbox.arrived(result, cqeFlags >>> 0, high >>> 0, isDescriptor)
    return true
  }

  endAll(cause: Error | null): void {
    this.ended = true
    const mailboxes = [...this.open.values()]
    this.open.clear()
    for (const mailbox of mailboxes) mailbox.ended(cause)
  }
}
