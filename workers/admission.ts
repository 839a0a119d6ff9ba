// Who may have entries in a ring, where views (lane.ts) make requests beside the program's own: limits of views, turns between
// them, and a share for background that adapts. One per ring, made with the first view's first request; used by its ring client.
//
//   own requests ──────────────► ring while there is room, else backlog ─┐
//   foreground views ─► lanes ─► turns ◄─────────────────────────────────┘ ─► ring
//   background views ─► lanes ─► turns ─ up to the share ───────────────────► ring
//
// The path of a request of no view is as it was: what holds it back is one number, admitMax.
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { CqeFlag } from '../native/abi.ts'
import type { Account } from './account.ts'
import type { Admitting } from './admitting.ts'
import { nextShare, shareFloor } from './background-share.ts'
import { cancelQueuedWhere, failWaiting } from './backlog-cancel.ts'
import type { Backlog } from './backlog.ts'
import { ForegroundLatency } from './foreground-latency.ts'
import { Lane } from './lane.ts'
import type { Gate } from './lane.ts'
import type { RingClient } from './ring-client.ts'
import { ClientState, reservedSlots, viewBacklogMax } from './submission.ts'
import { Turns } from './turns.ts'
import type { Queue } from './turns.ts'

/** How often the share is decided anew, while there is background. */
const intervalMs = 20
/** Intervals without a completion after which the foreground is idle, though it has requests: they wait for others. */
const quietIntervalsMax = 5

/** The admission of a ring; made where there is none. */
export function admissionOf(client: RingClient): Admission {
  if (client.admission instanceof Admission) return client.admission
  const admission = new Admission(client)
  client.admission = admission
  return admission
}

class Admission implements Admitting, Gate {
  readonly backlogMax: number
  private readonly client: RingClient
  private readonly lanes = new Set<Lane>()
  /** The lane of the request that has, or had, a slot; valid in the generation beside it. */
  private readonly laneAt: (Lane | null)[]
  private readonly laneGeneration: Int32Array
  private readonly foreground = new Turns()
  private readonly background = new Turns()
  /** The requests of no view, where they wait. */
  private readonly own: Queue
  private readonly latency = new ForegroundLatency()
  private readonly floor: number
  private share: number
  private backgroundInFlight = 0
  private foregroundWaiting = 0
  private backgroundWaiting = 0
  /** Up to how much in flight foreground is let in now, and how much of its own background may have. */
  private foregroundMax = 0
  private backgroundMax = 0
  private quietIntervals = 0
  /** Background was held to its floor for the whole interval so far. */
  private unloaded = false
  private openedMs = -1
  private admitting = false
  private timer: NodeJS.Timeout | null = null

  constructor(client: RingClient) {
    this.client = client
    this.backlogMax = viewBacklogMax(client.backlogMax)
    this.laneAt = new Array<Lane | null>(client.slots.size).fill(null)
    this.laneGeneration = new Int32Array(client.slots.size)
    this.own = {
      backlog: client.backlog,
      deficit: 0,
      allows: () => client.backlog.headIsDue,
      moved: () => undefined,
    }
    this.floor = shareFloor(client.inFlightMax)
    this.share = client.inFlightMax
  }

  /** A view's way into this ring. */
  lane(account: Account): Lane {
    const chainMax = account.priority === 'background' ? this.floor : this.client.inFlightMax
    return new Lane(this.client, account, this, Math.min(chainMax, this.client.chainMax))
  }

  get waiting(): number {
    return this.foregroundWaiting + this.backgroundWaiting
  }

  hasRoom(count: number): boolean {
    return this.waiting + count <= this.backlogMax && this.client.slots.available >= count + reservedSlots
  }

  entered(lane: Lane, slot: number): number {
    this.laneAt[slot] = lane
    this.laneGeneration[slot] = this.client.slots.generation[slot]!
    this.lanes.add(lane)
    if (lane.background) {
      this.backgroundWaiting++
      if (this.timer === null) this.beginIntervals()
    } else this.foregroundWaiting++
    if (this.openedMs < 0) {
      this.openedMs = performance.now()
      this.client.schedulePublish()
    }
    return this.openedMs
  }

  left(lane: Lane): void {
    if (lane.background) this.backgroundWaiting--
    else this.foregroundWaiting--
  }

  look(): void {
    this.client.schedulePublish()
  }

  laneOf(slot: number): Lane | null {
    return this.laneGeneration[slot] === this.client.slots.generation[slot] ? this.laneAt[slot]! : null
  }

  admit(): void {
    if (this.admitting || this.ended) return
    this.admitting = true
    this.openedMs = -1
    const { client } = this
    do this.letIn()
    while (client.passBarriers())
    this.count()
    this.admitting = false
  }

  /** Lets in those whom no barrier holds back. */
  private letIn(): void {
    const { client, foreground, background } = this
    if (client.backlog.length > 0) foreground.add(this.own)
    for (const lane of this.lanes) {
      if (lane.waiting) (lane.background ? background : foreground).add(lane)
      else if (lane.inFlight === 0) this.lanes.delete(lane)
    }
    this.reserve(this.backgroundWaiting > 0)
    let full = foreground.run(this.roomForForeground, this.moveForeground)
    this.backgroundMax = full ? this.floor : this.share
    const held = full && this.needsWholeRing
    const backgroundWaits = held || background.run(this.roomForBackground, this.moveBackground)
    if (this.reserve(backgroundWaits) && full) full = foreground.run(this.roomForForeground, this.moveForeground)
    // Who comes while others wait for room waits behind them.
    client.admitMax = full && this.foregroundWaiting > 0 ? -1 : this.foregroundMax
  }

  get headEra(): number {
    let era = Infinity
    for (const lane of this.lanes) era = Math.min(era, lane.headEra)
    return era
  }

  /** A chain that leaves no room for the floor: background waits until it was let in. */
  private get needsWholeRing(): boolean {
    return this.foreground.head > this.client.inFlightMax - this.floor
  }

  /** Keeps free for background, while it waits, what is always its own. Whether the foreground may have more now than before. */
  private reserve(backgroundWaits: boolean): boolean {
    const before = this.foregroundMax
    const kept = backgroundWaits && !this.needsWholeRing ? Math.max(0, this.floor - this.backgroundInFlight) : 0
    this.foregroundMax = this.client.inFlightMax - kept
    return this.foregroundMax > before
  }

  private readonly roomForForeground = (group: number): boolean =>
    this.client.inFlight + group <= this.foregroundMax && this.roomInSq(group)

  private readonly roomForBackground = (group: number): boolean =>
    this.backgroundInFlight + group <= this.backgroundMax &&
    this.client.inFlight + group <= this.client.inFlightMax &&
    this.roomInSq(group)

  private roomInSq(group: number): boolean {
    const { client } = this
    if (client.ring.hasRoom(group)) return true
    client.publish()
    if (this.ended) return false // publishing may have found that out
    const room = client.ring.hasRoom(group)
    if (!room) client.waitsForSq = true
    return room
  }

  private readonly moveForeground = (backlog: Backlog, group: number): void => {
    if (backlog !== this.client.backlog) this.foregroundWaiting -= group
    this.client.move(backlog, group)
  }

  private readonly moveBackground = (backlog: Backlog, group: number): void => {
    this.backgroundWaiting -= group
    this.backgroundInFlight += group
    this.client.move(backlog, group)
  }

  private get ended(): boolean {
    return this.client.state === ClientState.closed || this.client.state === ClientState.lost
  }

  completing(ready: number): void {
    const { ring, slots } = this.client
    const seenMs = performance.now()
    for (let index = 0; index < ready; index++) {
      const at = ring.peek(index)
      const slot = ring.words[at]!
      if ((ring.words[at + 3]! & CqeFlag.MORE) !== 0 || !slots.matches(slot, ring.words[at + 1]!)) continue
      const lane = this.laneOf(slot)
      if (lane !== null) {
        this.letGo(lane, slot)
        if (lane.background) continue
      }
      const publishedMs = slots.publishedMs[slot]!
      if (publishedMs >= 0) this.latency.sample(slots.opcode[slot]!, seenMs - publishedMs)
    }
    this.client.counters[ClientCounter.backgroundInFlight] = this.backgroundInFlight
    if (this.waiting > 0) this.client.schedulePublish()
  }

  over(slot: number): void {
    const lane = this.laneOf(slot)
    if (lane === null) return
    this.letGo(lane, slot)
    this.client.counters[ClientCounter.backgroundInFlight] = this.backgroundInFlight
    this.client.schedulePublish()
  }

  private letGo(lane: Lane, slot: number): void {
    const count = this.client.slots.credits[slot]!
    this.laneAt[slot] = null
    lane.ended(count)
    if (lane.background) this.backgroundInFlight -= count
  }

  cancelWhere(cancel: Int32Array, all: boolean): number {
    let found = 0
    for (const lane of [...this.lanes]) {
      if (all || found === 0) found += cancelQueuedWhere(lane, cancel, all)
    }
    return found
  }

  failAll(result: number): void {
    for (const lane of [...this.lanes]) {
      failWaiting(lane, result)
      if (this.ended) lane.ended(lane.inFlight)
    }
    if (this.ended) this.backgroundInFlight = 0
    this.foreground.clear()
    this.background.clear()
    this.count()
  }

  private beginIntervals(): void {
    this.latency.endInterval(true) // until now it was alone
    this.unloaded = false
    this.timer = setInterval(this.onInterval, intervalMs).unref()
  }

  private readonly onInterval = (): void => {
    const { client, latency } = this
    if (this.ended || (this.backgroundWaiting === 0 && this.backgroundInFlight === 0)) {
      this.rest()
      return
    }
    const latencyRatio = latency.endInterval(this.unloaded)
    this.quietIntervals = latencyRatio === 0 ? this.quietIntervals + 1 : 0
    const own = client.inFlight - this.backgroundInFlight + client.backlog.length + this.foregroundWaiting
    const foregroundIdle = own === 0 || this.quietIntervals >= quietIntervalsMax
    const { share, floor } = this
    const ceiling = client.inFlightMax
    this.share = nextShare({ share, floor, ceiling, latencyRatio, foregroundIdle })
    this.unloaded = this.backgroundInFlight <= floor && this.share === floor
    if (this.waiting > 0) client.schedulePublish()
    else this.count()
  }

  /** No background any more. */
  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    this.latency.endInterval(false)
  }

  private count(): void {
    const { counters, backlog } = this.client
    counters[ClientCounter.backlog] = backlog.length
    counters[ClientCounter.foregroundWaiting] = this.foregroundWaiting
    counters[ClientCounter.backgroundWaiting] = this.backgroundWaiting
    counters[ClientCounter.backgroundInFlight] = this.backgroundInFlight
    counters[ClientCounter.backgroundShare] = this.share
  }
}
