// A recording as Chrome's Trace Event JSON, which ui.perfetto.dev and chrome://tracing open. Pure; called for GET /trace.
//
// One process; for each ring a thread per stage (queued, kernel, delivered). Operations overlap, so they are pairs of asynchronous events,
// "b" and "e", with the operation's id; those of a chain have the chain's id and lie within a slice of the whole chain. Further
// completions of a multishot operation are "n", operations in flight are a counter, "C", wake-ups are instants, "i".
// Format: "Trace Event Format", Google, 2016 (the document that Chromium's tracing refers to); times in µs.
import type { TraceEvent, TraceRecording } from './trace-event.ts'

/** One event of the format, as far as it is used here. */
export interface ChromeEvent {
  readonly ph: 'M' | 'b' | 'e' | 'n' | 'C' | 'i'
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** In µs since the beginning of the recording. */
  readonly ts: number
  readonly cat?: string
  readonly id?: string
  /** Of an instant: what it concerns, `t` a thread. */
  readonly s?: 't'
  readonly args?: Readonly<Record<string, unknown>>
}

const stages = ['queued', 'kernel', 'delivered'] as const
type Stage = (typeof stages)[number]
const pid = 1

interface Track {
  readonly label: string
  readonly firstTid: number
  /** By the number of a chain's first operation, or of an operation that stands alone; then by operation. */
  readonly groups: Map<number, Map<number, TraceEvent[]>>
}

/** All events, ascending in time, with the names of process and threads before them. */
export function chromeEvents(recording: TraceRecording): ChromeEvent[] {
  const { events, wakeups } = recording
  const firstMs = events.reduce((least, { openedMs }) => Math.min(least, openedMs), recording.startedMs)
  const at = (ms: number): number => Math.max(0, Math.round((ms - firstMs) * 1e6) / 1e3)
  const tracks = tracksOf(recording)
  const timed: ChromeEvent[] = []
  for (const track of tracks.values()) {
    for (const [id, group] of track.groups) timed.push(...groupEvents(track, id, group, at))
    timed.push(...inFlightEvents(track, at))
  }
  for (const { ring, client, atMs, count } of wakeups) {
    const { firstTid } = tracks.get(keyOf(ring, client))!
    timed.push({ ph: 'i', name: 'wake-up', pid, tid: firstTid + 1, ts: at(atMs), s: 't', args: { count } })
  }
  // Stable: what is of one moment keeps the order in which it nests.
  timed.sort((one, other) => one.ts - other.ts)
  return [...namesOf(tracks), ...timed]
}

/** The file, in pieces: a recording is written while it is turned into text. */
export function* chromeTrace(recording: TraceRecording, about: Readonly<Record<string, unknown>>): Generator<string> {
  const { startedMs, endedMs, dropped, sampleEvery } = recording
  const otherData = { ...about, startedMs, endedMs, dropped, sampleEvery }
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(otherData)},"traceEvents":[`
  let piece = ''
  let separator = '\n'
  for (const event of chromeEvents(recording)) {
    piece += separator + JSON.stringify(event)
    separator = ',\n'
    if (piece.length < pieceCharacters) continue
    yield piece
    piece = ''
  }
  yield `${piece}\n]}\n`
}
const pieceCharacters = 65_536

const keyOf = (ring: number, client: number | null): string => `${ring} ${client ?? ''}`

function tracksOf({ events, wakeups }: TraceRecording): Map<string, Track> {
  const tracks = new Map<string, Track>()
  const trackOf = (ring: number, client: number | null): Track => {
    const key = keyOf(ring, client)
    let track = tracks.get(key)
    if (track === undefined) {
      const label = client === null ? `ring ${ring}` : `ring ${ring}, client ${client}`
      track = { label, firstTid: tracks.size * stages.length + 1, groups: new Map() }
      tracks.set(key, track)
    }
    return track
  }
  for (const { ring, client } of wakeups) trackOf(ring, client)
  for (const event of events) {
    const { groups } = trackOf(event.ring, event.client)
    const group = event.chain ?? event.id
    if (!groups.has(group)) groups.set(group, new Map())
    const operations = groups.get(group)!
    const completions = operations.get(event.id)
    if (completions === undefined) operations.set(event.id, [event])
    else completions.push(event)
  }
  return tracks
}

function namesOf(tracks: ReadonlyMap<string, Track>): ChromeEvent[] {
  const about = (name: string, tid: number, args: Record<string, unknown>): ChromeEvent => {
    return { ph: 'M', name, pid, tid, ts: 0, args }
  }
  const names = [about('process_name', 0, { name: 'ringmaster' })]
  for (const { label, firstTid } of tracks.values()) {
    for (const [index, stage] of stages.entries()) {
      const tid = firstTid + index
      names.push(about('thread_name', tid, { name: `${label} ${stage}` }))
      names.push(about('thread_sort_index', tid, { sort_index: tid }))
    }
  }
  return names
}

interface Slice {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly args: Record<string, unknown>
}

/** What one stage of one operation was: of a multishot operation several deliveries. */
function slicesOf(stage: Stage, completions: readonly TraceEvent[]): Slice[] {
  const first = completions[0]!
  const last = completions.at(-1)!
  const slice = (startMs: number, endMs: number, { result, flags, buffer }: TraceEvent): Slice => {
    const { operation, id, slot, chain, link } = first
    const name = `${operation} ${stage}`
    return { name, startMs, endMs, args: { id, slot, chain, link, result, flags, buffer } }
  }
  if (stage === 'queued') return [slice(first.openedMs, first.publishedMs, last)]
  if (stage === 'kernel') return [slice(first.publishedMs, last.seenMs, last)]
  return completions.map((event) => slice(event.seenMs, event.settledMs, event))
}

/** A chain, or one operation. */
function groupEvents(
  track: Track,
  group: number,
  operations: ReadonlyMap<number, readonly TraceEvent[]>,
  at: (ms: number) => number,
): ChromeEvent[] {
  const isChain = [...operations.values()].some(([first]) => first?.chain !== null)
  return stages.flatMap((stage, index) => {
    const tid = track.firstTid + index
    const common = { pid, tid, cat: `${track.label} ${stage}`, id: `${track.label} ${group}` }
    const slices = [...operations.values()].flatMap((completions) => slicesOf(stage, completions))
    const told = nested(slices, ({ name, args }, ph, ms) => {
      return ph === 'b' ? { ph, name, ts: at(ms), args, ...common } : { ph, name, ts: at(ms), ...common }
    })
    if (stage === 'kernel') {
      for (const completions of operations.values()) {
        for (const { operation, seenMs, result } of completions.slice(0, -1))
          told.push({ ph: 'n', name: `${operation} completion`, ts: at(seenMs), args: { result }, ...common })
      }
    }
    if (!isChain) return told
    const startMs = Math.min(...slices.map((slice) => slice.startMs))
    const endMs = Math.max(...slices.map((slice) => slice.endMs))
    const name = `chain ${stage}`
    const whole = { id: group, operations: operations.size }
    return [
      { ph: 'b', name, ts: at(startMs), args: whole, ...common },
      ...told,
      { ph: 'e', name, ts: at(endMs), ...common },
    ]
  })
}

/**
 * Pairs of one id, each within the one around it: steps of a chain begin a stage together and end it one after the other, or follow
 * each other. Should one reach beyond what is around it, it is cut there.
 */
function nested(slices: Slice[], event: (slice: Slice, ph: 'b' | 'e', ms: number) => ChromeEvent): ChromeEvent[] {
  slices.sort((one, other) => one.startMs - other.startMs || other.endMs - one.endMs)
  const told: ChromeEvent[] = []
  const around: Slice[] = []
  const closeUntil = (ms: number): void => {
    for (let last = around.at(-1); last !== undefined && last.endMs <= ms; last = around.at(-1)) {
      told.push(event(last, 'e', last.endMs))
      around.pop()
    }
  }
  for (const slice of slices) {
    closeUntil(slice.startMs)
    const endMs = Math.min(slice.endMs, around.at(-1)?.endMs ?? Infinity)
    around.push({ ...slice, endMs })
    told.push(event(slice, 'b', slice.startMs))
  }
  closeUntil(Infinity)
  return told
}

/** How many of the operations that were traced were in the ring. */
function inFlightEvents({ label, firstTid, groups }: Track, at: (ms: number) => number): ChromeEvent[] {
  const changes = new Map<number, number>()
  const change = (ms: number, by: number): void => {
    changes.set(ms, (changes.get(ms) ?? 0) + by)
  }
  for (const operations of groups.values()) {
    for (const completions of operations.values()) {
      const { publishedMs, seenMs, more } = completions.at(-1)!
      change(publishedMs, 1)
      if (!more) change(seenMs, -1)
    }
  }
  let inFlight = 0
  return [...changes.entries()]
    .sort(([one], [other]) => one - other)
    .map(([ms, by]) => {
      inFlight += by
      const args = { operations: inFlight }
      return { ph: 'C', name: `${label} in flight`, pid, tid: firstTid + 1, ts: at(ms), args }
    })
}
