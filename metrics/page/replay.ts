// A trace, played slowly: what the ring looked like at any moment of it. Pure; slow-motion.ts moves the time.
//
// The trace tells when a request was opened, published, seen and settled. When the kernel took its entry it cannot tell: an entry is
// shown in the submission queue while it is being written, and in the kernel from its publication on. What was in flight before the
// recording is in the kernel from its beginning on, and was never seen in the queue; what is not over at its end stays there.

import { cellsShown, type Cell, type PollerState, type QueueScene, type RingScene, type SlotScene } from './scene.ts'
import { lookOf, opOf } from './operations.ts'
import type { TraceInFlight } from '../trace-event.ts'

/** One completion, as GET /trace tells it. Times are Unix ms with fractions. */
export interface TraceEvent {
  readonly ring: number
  readonly client: number | null
  readonly operation: string
  readonly id: number
  readonly chain: number | null
  readonly link: string | null
  readonly more: boolean
  readonly slot?: number
  readonly openedMs: number
  readonly publishedMs: number
  readonly seenMs: number
  readonly settledMs: number
  readonly result: number
  readonly flags: number
}

/** The thread that polls a ring was asleep and was woken, so often. */
export interface TraceWakeup {
  readonly ring: number
  readonly client: number | null
  readonly atMs: number
  readonly count: number
}

export interface Trace {
  readonly startedMs: number
  readonly endedMs: number
  readonly dropped: number
  readonly sampleEvery: number
  readonly events: readonly TraceEvent[]
  readonly wakeups: readonly TraceWakeup[]
  /** What was not over at the end. */
  readonly inFlight: readonly TraceInFlight[]
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const timeNames = ['openedMs', 'publishedMs', 'seenMs', 'settledMs'] as const

const isWakeup = (value: unknown): value is TraceWakeup =>
  isRecord(value) &&
  typeof value['ring'] === 'number' &&
  Number.isFinite(value['atMs']) &&
  Number.isFinite(value['count'])

const isInFlight = (value: unknown): value is TraceInFlight =>
  isRecord(value) &&
  typeof value['ring'] === 'number' &&
  typeof value['operation'] === 'string' &&
  typeof value['slot'] === 'number'

function isEvent(value: unknown): value is TraceEvent {
  if (!isRecord(value) || typeof value['operation'] !== 'string') return false
  return timeNames.every((name) => Number.isFinite(value[name])) && typeof value['ring'] === 'number'
}

/** @throws Error that says what is wrong */
export function parseTrace(value: unknown): Trace {
  if (!isRecord(value) || !Array.isArray(value['events'])) throw new Error('the answer is not a trace')
  const { startedMs, endedMs, dropped, sampleEvery } = value
  return {
    startedMs: Number(startedMs),
    endedMs: Number(endedMs),
    dropped: Number(dropped ?? 0),
    sampleEvery: Number(sampleEvery ?? 1),
    events: (value['events'] as unknown[]).filter(isEvent),
    wakeups: Array.isArray(value['wakeups']) ? (value['wakeups'] as unknown[]).filter(isWakeup) : [],
    inFlight: Array.isArray(value['inFlight']) ? (value['inFlight'] as unknown[]).filter(isInFlight) : [],
  }
}

/** The parts of a trace that are about one ring. */
export type RingTrace = Pick<Trace, 'events'> & Partial<Pick<Trace, 'wakeups' | 'inFlight' | 'startedMs' | 'dropped'>>

export class Replay {
  /** Of one ring, in the order of their publication. */
  readonly events: readonly TraceEvent[]
  /** Those that were published once for all completions of a multishot operation, and those that never completed. */
  private readonly published: readonly TraceEvent[]
  /** One for each request that was in flight before the recording. */
  readonly earlier: readonly TraceEvent[]
  private readonly seen: readonly TraceEvent[]
  private readonly slots: ReadonlyMap<TraceEvent, number>
  /** Of multishot requests. */
  private readonly streams: ReadonlySet<number>
  private readonly startedMs: number
  readonly fromMs: number
  readonly toMs: number
  /** Every moment at which something changes. */
  private readonly moments: Float64Array
  private readonly poller: string
  private readonly entries: { readonly sq: number; readonly cq: number }
  private readonly wakeups: readonly TraceWakeup[]

  constructor(
    { events, wakeups = [], inFlight = [], startedMs = -Infinity, dropped = 0 }: RingTrace,
    poller: string,
    entries: { readonly sq: number; readonly cq: number },
  ) {
    this.poller = poller
    this.entries = entries
    this.seen = [...events].sort((one, other) => one.seenMs - other.seenMs)
    // Where there was no place for all, an answer has the last ones: nothing is known of the time before them.
    this.startedMs = dropped > 0 ? (this.seen[0]?.seenMs ?? startedMs) : startedMs
    this.wakeups = wakeups.filter(({ atMs }) => atMs >= this.startedMs)
    const open = inFlight.filter(({ isSubmitted }) => isSubmitted).map(asEvent)
    this.streams = new Set(
      [...events.filter(({ more }) => more), ...open.filter(({ more }) => more)].map(({ id }) => id),
    )
    this.events = [...events].sort(byPublication)
    const firsts = this.firsts()
    this.moments = Float64Array.from(
      new Set([
        ...events.flatMap((event) => [event.seenMs, event.settledMs]),
        ...firsts.filter((event) => !this.isEarlier(event)).flatMap((event) => [event.openedMs, event.publishedMs]),
        ...this.wakeups.map(({ atMs }) => atMs),
      ]),
    ).sort()
    this.fromMs = this.moments[0] ?? 0
    this.toMs = this.moments.at(-1) ?? 0
    const known = new Set(firsts.map(({ id }) => id))
    const requests = [...firsts, ...open.filter(({ id }) => !known.has(id))]
    this.earlier = requests.filter((event) => this.isEarlier(event))
    this.published = requests
      .filter((event) => !this.isEarlier(event) && event.publishedMs <= this.toMs)
      .sort(byPublication)
    this.slots = this.placed()
  }

  /** Of completions of one request the first. */
  private firsts(): TraceEvent[] {
    const known = new Set<number>()
    return this.seen.filter(({ id }) => {
      if (!this.isMultishot(id)) return true
      const isFirst = !known.has(id)
      known.add(id)
      return isFirst
    })
  }

  /** A multishot request from before the recording is known from its first completion on: that is all that a trace has of it. */
  private isEarlier(first: TraceEvent): boolean {
    const isUnknown = this.isMultishot(first.id) && first.publishedMs >= first.seenMs
    return isUnknown || first.publishedMs < this.startedMs
  }

  private isMultishot(id: number): boolean {
    return this.streams.has(id)
  }

  /** The next moment at which something changes, or the one before. */
  step(atMs: number, direction: 1 | -1): number {
    if (direction === 1) return this.moments.find((moment) => moment > atMs) ?? this.toMs
    return this.moments.findLast((moment) => moment < atMs) ?? this.fromMs
  }

  /** The ring at `atMs`; `beforeMs`: the scene drawn before, for what moves between the two. */
  at(atMs: number, beforeMs: number): RingScene {
    const sq = this.sqAt(atMs)
    const goesOn = (event: TraceEvent): boolean => this.overMs(event) > atMs
    const inFlight = [
      ...this.earlier.filter(goesOn),
      ...this.published.filter((event) => event.publishedMs <= atMs && goesOn(event)),
    ]
    const between = (timeMs: number): boolean => timeMs > beforeMs && timeMs <= atMs
    return {
      sq,
      cq: this.cqAt(atMs),
      poller: this.poller,
      pollerState: this.pollerAt(atMs),
      slots: inFlight.slice(0, cellsShown).map((event): SlotScene => ({
        slot: this.slots.get(event)!,
        look: lookOf(opOf(event.operation)),
        ageMs: event.publishedMs < event.seenMs ? atMs - event.publishedMs : -1,
        multishot: this.isMultishot(event.id),
        given: this.isMultishot(event.id)
          ? this.events.filter(({ id, seenMs }) => id === event.id && between(seenMs)).length
          : 0,
      })),
      inFlight: inFlight.length,
      backlog: 0,
      published: this.published.filter(({ publishedMs }) => between(publishedMs)).length,
      completed: this.events.filter(({ seenMs }) => between(seenMs)).length,
      sparks: this.wakeups.reduce((sum, { atMs: wokenMs, count }) => sum + (between(wokenMs) ? count : 0), 0),
    }
  }

  /** It works when entries are published, or has just been woken; before that it slept. Of other moments a trace tells nothing. */
  private pollerAt(atMs: number): PollerState {
    if (this.poller === 'threadpool') return 'none'
    const before = this.moments.findLast((moment) => moment <= atMs) ?? atMs
    const next = this.moments.find((moment) => moment > atMs) ?? Infinity
    const isWoken = (fromMs: number, toMs: number): boolean =>
      this.wakeups.some(({ atMs: wokenMs }) => wokenMs >= fromMs && wokenMs <= toMs)
    if (this.published.some(({ publishedMs }) => publishedMs === before) || isWoken(before, atMs)) return 'busy'
    return this.poller !== 'caller' && isWoken(atMs, next) ? 'asleep' : 'none'
  }

  private overMs(event: TraceEvent): number {
    if (!this.isMultishot(event.id)) return event.seenMs
    return this.lastSeen.get(event.id) ?? event.seenMs
  }

  private lastSeenMs: Map<number, number> | undefined
  private get lastSeen(): Map<number, number> {
    if (this.lastSeenMs !== undefined) return this.lastSeenMs
    const last = new Map<number, number>()
    for (const { id, seenMs, more } of this.seen) last.set(id, more ? Infinity : seenMs)
    return (this.lastSeenMs = last)
  }

  private sqAt(atMs: number): QueueScene {
    const opened = this.published.filter(({ openedMs }) => openedMs <= atMs)
    const tail = opened.filter(({ publishedMs }) => publishedMs <= atMs).length
    const cells = opened.slice(-cellsShown).map((event, index, shown): Cell => {
      const next = shown[index + 1]
      return {
        look: lookOf(opOf(event.operation)),
        state: event.publishedMs > atMs ? 'opening' : 'taken',
        linked: event.chain !== null && next !== undefined && next.chain === event.chain,
        more: false,
        failed: false,
      }
    })
    return { entries: this.entries.sq, head: tail, tail: opened.length, cells: filled(cells) }
  }

  private cqAt(atMs: number): QueueScene {
    const seen = this.seen.filter(({ seenMs }) => seenMs <= atMs)
    const waiting = seen.filter(({ settledMs }) => settledMs > atMs).length
    const cells = seen.slice(-cellsShown).map((event): Cell => ({
      look: lookOf(opOf(event.operation)),
      state: event.settledMs > atMs ? 'waiting' : 'taken',
      linked: false,
      more: event.more,
      failed: event.result < 0,
    }))
    return { entries: this.entries.cq, head: seen.length - waiting, tail: seen.length, cells: filled(cells) }
  }

  /** A place on the grid for each request: the slot that it had, or the lowest that is free while it is in flight. */
  private placed(): Map<TraceEvent, number> {
    const slots = new Map<TraceEvent, number>()
    const until: number[] = []
    for (const event of [...this.earlier, ...this.published]) {
      const fromMs = this.isEarlier(event) ? this.fromMs : event.publishedMs
      const free = until.findIndex((overMs) => overMs <= fromMs)
      const slot = free === -1 ? until.length : free
      until[slot] = this.overMs(event)
      slots.set(event, event.slot ?? slot)
    }
    return slots
  }
}

/** Entries of one batch are published at one time, in the order of their numbers. */
const byPublication = (one: TraceEvent, other: TraceEvent): number =>
  one.publishedMs - other.publishedMs || one.id - other.id

/** As an event that never comes. */
function asEvent({ ring, client, operation, id, slot, publishedMs }: TraceInFlight, index: number): TraceEvent {
  // Nobody knows of a multishot request when it was published; others that are in the ring have a time.
  const isStream = publishedMs === null
  const atMs = publishedMs ?? Infinity
  return {
    ...{ ring, client, operation, slot, id: id ?? -1 - index, chain: null, link: null, more: isStream },
    ...{ openedMs: atMs, publishedMs: atMs, seenMs: Infinity, settledMs: Infinity, result: 0, flags: 0 },
  }
}

const empty: Cell = { look: lookOf(-1), state: 'empty', linked: false, more: false, failed: false }

/** Places that nothing was written to yet come first. */
function filled(cells: readonly Cell[]): Cell[] {
  return [...Array.from({ length: cellsShown - cells.length }, () => empty), ...cells]
}
