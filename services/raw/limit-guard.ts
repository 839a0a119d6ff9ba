// Keeps the time limits of a linked chain where the kernel does not. Used by linked-chain.ts, one per chain that has limits.
//
// The kernel arms a linked timeout when it is done with issuing the step. Where the step blocks while it is issued (in a kernel
// worker thread: after a step that went there, a splice, an accept on a blocking socket) that is never, and once in some ten
// thousand times it loses one that it has armed (6.18). So when a limit's time has passed by a margin, and its step is still not
// over, the step is cancelled from here. The kernel's own limit is first wherever it works.
import type { RequestClient } from '../../workers/lane.ts'
import { SlotState } from '../../workers/slots.ts'
import { isLimit } from './chain-steps.ts'
import type { Step } from './chain-steps.ts'
import { limitOf, timeLeftMs } from './limit-times.ts'
import type { LimitTime } from './limit-times.ts'

/** How long the kernel's own limit has to be first. */
const marginMs = 20
/** While the kernel is about to change the limit. */
const askAgainMs = 50
/** setTimeout()'s longest. */
const timerMaxMs = 2 ** 31 - 1

/** What a guard watches: a chain's steps, and where they are in the ring. */
export interface Guarded {
  readonly client: RequestClient
  readonly steps: readonly Step[]
  readonly slots: Int32Array
  readonly generations: Int32Array
  /** The limit of this step has run out: it is being cancelled. */
  expired(index: number): void
}

export class LimitGuard {
  private readonly chain: Guarded
  private index = -1
  private limit: LimitTime | undefined
  private startedMs = 0
  private timer: NodeJS.Timeout | undefined

  constructor(chain: Guarded) {
    this.chain = chain
  }

  /** Step `index` is the first that is not over: watches it, if it has a limit, and none before it. */
  follow(index: number): void {
    if (index === this.index) return
    this.stop()
    this.index = index
    const next = this.chain.steps[index + 1]
    this.limit = next !== undefined && isLimit(next) ? limitOf(next.operation.ticket) : undefined
    if (this.limit === undefined) return
    this.startedMs = performance.now()
    this.look()
  }

  /** The chain is over. */
  stop(): void {
    clearTimeout(this.timer)
  }

  private readonly look = (): void => {
    const { chain, index, limit } = this
    const { client } = chain
    const slot = chain.slots[index]!
    if (limit === undefined || !client.slots.holds(slot, chain.generations[index]!)) return
    // What waits for a place in the ring has not begun.
    const begun = client.slots.state[slot] === SlotState.submitted
    this.startedMs = begun ? Math.max(this.startedMs, client.slots.publishedMs[slot]!) : performance.now()
    const leftMs = timeLeftMs(limit, this.startedMs) + marginMs
    if (leftMs > 0 || !begun) {
      const waitMs = leftMs === Infinity ? askAgainMs : Math.min(Math.max(leftMs, marginMs), timerMaxMs)
      // Unreferenced: the chain keeps the process alive, and nothing that outlives it.
      this.timer = setTimeout(this.look, waitMs).unref()
      return
    }
    chain.expired(index)
    client.cancel(slot, chain.generations[index]!)
  }
}
