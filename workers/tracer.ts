// Tells a ring client's operations to whoever traces the ring. Used by Submission and RingClient, which have one only while somebody
// does: without, tracing costs them a comparison per batch published and two per batch reaped. With it, each entry and each completion is
// looked at once more, with plain stores; the times are those that the client has read for its stages.
//
// An operation is known by slot and generation from its publication on: what was in the ring before tracing began is not traced, but for what has
// many completions (a listening socket's accept), and a chain is taken whole or not at all.
import { CqeFlag, SqeFlag } from '../native/abi.ts'
import type { Ring } from '../native/ring.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import type { TraceFeed } from '../metrics/trace-feed.ts'
import { TraceLink } from '../metrics/trace-memory.ts'
import type { TracedOperations } from '../metrics/trace-writer.ts'
import { tagOpcode } from './slots.ts'
import type { SlotTable } from './slots.ts'

const none = -1

export class Tracer implements TracedOperations {
  private readonly slots: SlotTable
  private readonly counters: Float64Array
  private readonly feed: TraceFeed
  // By slot; valid while the generation is the slot's.
  readonly generations: Float64Array
  readonly opcodes: Uint8Array
  readonly links: Uint8Array
  readonly multishot: Uint8Array
  readonly ids: Float64Array
  readonly chains: Float64Array
  readonly openedMs: Float64Array
  readonly publishedMs: Float64Array
  readonly seenMs: Float64Array = new Float64Array(1)
  /** Bits of those who take it. */
  private readonly takers: Uint16Array
  /** How many there had been to take it when it was last asked who does. */
  private readonly additions: Float64Array
  /** 1: its last completion has been told. */
  private readonly ended: Uint8Array
  /** Of the chain whose last entry was linked to the next one. */
  private linked = false
  private chain = none
  private chainTakers = 0
  private wakeups: number
  private lastPublishedMs = 0
  private reaping = false

  constructor(slots: SlotTable, counters: Float64Array, feed: TraceFeed) {
    const { size } = slots
    this.slots = slots
    this.counters = counters
    this.feed = feed
    this.generations = new Float64Array(size).fill(NaN)
    this.opcodes = slots.opcode
    this.takers = new Uint16Array(size)
    this.ended = new Uint8Array(size)
    this.links = new Uint8Array(size)
    this.multishot = new Uint8Array(size)
    this.additions = new Float64Array(size)
    this.ids = new Float64Array(size)
    this.chains = new Float64Array(size)
    this.openedMs = new Float64Array(size)
    this.publishedMs = new Float64Array(size)
    this.wakeups = counters[ClientCounter.sqWakeups]!
  }

  /** The batch that was opened at `openedMs` is about to be published. */
  publishing(ring: Pick<Ring, 'sqes' | 'unpublished' | 'unpublishedAt'>, openedMs: number, nowMs: number): void {
    const { slots, feed } = this
    const { sqes } = ring
    const count = ring.unpublished
    for (let index = 0; index < count; index++) {
      const at = ring.unpublishedAt(index)
      const flags = sqes[at]! >>> 8
      const slot = sqes[at + 8]!
      const link =
        (flags & SqeFlag.IO_HARDLINK) !== 0
          ? TraceLink.hard
          : (flags & SqeFlag.IO_LINK) !== 0
            ? TraceLink.soft
            : TraceLink.none
      const generation = slots.generation[slot]!
      if (this.generations[slot] !== generation) {
        const id = feed.nextId()
        if (!this.linked) {
          this.chainTakers = feed.begin()
          this.chain = link === TraceLink.none ? none : id
        }
        this.generations[slot] = generation
        this.takers[slot] = this.chainTakers
        this.additions[slot] = feed.additions
        this.multishot[slot] = 0
        this.links[slot] = link
        this.ids[slot] = id
        this.chains[slot] = this.chain
        const claimedMs = slots.claimedMs[slot]!
        this.openedMs[slot] = claimedMs === 0 ? openedMs : claimedMs
      }
      this.publishedMs[slot] = nowMs
      this.ended[slot] = 0 // not even where a dead worker had left it behind
      this.linked = link !== TraceLink.none
    }
    this.lookForWakeups()
    this.lastPublishedMs = nowMs
  }

  /** `ready` completions are about to be taken; they were seen at `seenMs`. */
  reapBegins(ring: Pick<Ring, 'words' | 'peek'>, ready: number, seenMs: number): void {
    // A completion may bring the end of the process, which takes the rest.
    if (this.reaping) return
    this.reaping = true
    this.seenMs[0] = seenMs
    this.lookForWakeups()
    const { slots, generations, takers, ended, feed } = this
    const { words } = ring
    feed.reserve(ready)
    for (let index = 0; index < ready; index++) {
      const at = ring.peek(index)
      const slot = words[at]!
      const generation = words[at + 1]!
      const flags = words[at + 3]!
      if (!slots.matches(slot, generation)) continue
      if ((flags & CqeFlag.MORE) !== 0) this.goesOn(slot, generation, seenMs)
      else if (generations[slot] !== generation) continue
      if (ended[slot] !== 0) continue
      if ((flags & CqeFlag.MORE) === 0) ended[slot] = 1
      if (takers[slot] !== 0) feed.write(takers[slot]!, this, slot, words[at + 2]!, flags)
    }
  }

  /** Further completions follow: whoever came since it began takes it, too. Of one from before tracing, what is known begins now. */
  private goesOn(slot: number, generation: number, seenMs: number): void {
    const { feed } = this
    if (this.generations[slot] !== generation) {
      this.generations[slot] = generation
      this.takers[slot] = this.additions[slot] = 0
      this.links[slot] = TraceLink.none
      this.ids[slot] = feed.nextId()
      this.chains[slot] = none
      this.openedMs[slot] = this.publishedMs[slot] = seenMs
      this.ended[slot] = 0
    }
    this.multishot[slot] = 1
    if (this.additions[slot] === feed.additions) return
    this.takers[slot] = feed.goesOn(this.takers[slot]!, this.additions[slot]!)
    this.additions[slot] = feed.additions
  }

  /** All of them are settled. */
  reapEnds(settledMs: number): void {
    this.reaping = false
    this.feed.publish(settledMs, this.slots)
  }

  /** A request is settled without a completion: it was cancelled before it got into the ring, its chain ended before it, the ring is lost. */
  settledUnseen(slot: number, result: number): void {
    const { slots } = this
    if (slots.opcode[slot] === tagOpcode) return
    const nowMs = this.reaping ? this.seenMs[0]! : performance.now()
    const generation = slots.generation[slot]!
    if (this.generations[slot] !== generation) {
      const claimedMs = slots.claimedMs[slot]!
      this.generations[slot] = generation
      this.takers[slot] = this.feed.begin()
      this.additions[slot] = this.feed.additions
      this.multishot[slot] = 0
      this.links[slot] = TraceLink.none
      this.ids[slot] = this.feed.nextId()
      this.chains[slot] = none
      this.openedMs[slot] = claimedMs === 0 ? nowMs : claimedMs
      this.publishedMs[slot] = nowMs
    } else if (this.ended[slot] !== 0) return
    this.ended[slot] = 1
    if (this.takers[slot] === 0) return
    this.feed.reserve(1)
    this.seenMs[0] = nowMs
    this.feed.write(this.takers[slot]!, this, slot, result, 0)
    if (!this.reaping) this.feed.publish(nowMs, nobody)
  }

  /** The poller is woken behind a publication, if at all: what has been counted since then was at the time of the last one. */
  private lookForWakeups(): void {
    const counted = this.counters[ClientCounter.sqWakeups]!
    const count = counted - this.wakeups
    this.wakeups = counted
    if (count <= 0 || this.lastPublishedMs === 0) return
    this.feed.reserve(1)
    this.feed.writeWakeup(count, this.lastPublishedMs)
    if (!this.reaping) this.feed.publish(this.lastPublishedMs, nobody)
  }
}

/** For what is over for good. */
const nobody = { matches: (): boolean => false }
