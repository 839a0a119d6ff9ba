// A recording as Chrome's Trace Event JSON, which ui.perfetto.dev and chrome://tracing open. Pure; called for GET /trace.
//
// One process; for each ring a thread per stage (queued, kernel, delivered). Operations overlap, so they are pairs of asynchronous events,
// "b" and "e", with the operation's id; those of a chain have the chain's id and lie within a slice of the whole chain. Further
// completions of a multishot operation are "n", operations in flight are a counter, "C", wake-ups are instants, "i". What is not over at the end has a
// pair that ends there.
// Format: "Trace Event Format", Google, 2016 (the document that Chromium's tracing refers to); times in µs.
import type { TraceEvent, TraceInFlight, TraceRecording } from './trace-event.ts'

/** One event of the format, as far as it is used here. */
interface ChromeEvent {
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
  readonly ring: number
  readonly client: number | null
  readonly label: string
  /** Threads have the order of rings. */
  firstTid: number
  /** By the number of a chain's first operation, or of an operation that stands alone; then by operation. */
  readonly groups: Map<number, Map<number, TraceEvent[]>>
  /** What is not over at the end. */
  readonly inFlight: TraceInFlight[]
}

/** A step that tells nothing: it is there to be counted. */
type Told = ChromeEvent | null

/** Events, and other steps, between two pieces: a few ms of work. */
export const stepsPerPiece = 1000

/**
 * The file, in pieces, some of them empty: between two of them lies a bounded piece of work, so that whoever writes 20,000 operations can let others have
 * their turn. Events of one group, and of one counter, ascend in time; those of all are not sorted: the format does not ask for it, and viewers sort.
 */
export function* chromeTrace(recording: TraceRecording, about: Readonly<Record<string, unknown>>): Generator<string> {
  const { startedMs, endedMs, dropped, sampleEvery } = recording
  const otherData = { ...about, startedMs, endedMs, dropped, sampleEvery }
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(otherData)},"traceEvents":[`
  let piece = ''
  let separator = '\n'
  let steps = 0
  for (const event of chromeEvents(recording)) {
    if (event !== null) {
      piece += separator + JSON.stringify(event)
      separator = ',\n'
    }
    if (++steps % stepsPerPiece !== 0) continue
    yield piece
    piece = ''
  }
  yield `${piece}\n]}\n`
}

function* chromeEvents(recording: TraceRecording): Generator<Told> {
  const { events, wakeups, startedMs, endedMs } = recording
  let firstMs = startedMs
  for (const { openedMs } of events) firstMs = Math.min(firstMs, openedMs)
  const at = (ms: number): number => Math.max(0, Math.round((ms - firstMs) * 1e6) / 1e3)
  const tracks = yield* tracksOf(recording)
  yield* namesOf(tracks)
  for (const track of tracks.values()) {
    for (const [id, group] of track.groups) yield* groupEvents(track, id, group, at)
    yield* unfinishedEvents(track, startedMs, endedMs, at)
    yield* inFlightEvents(track, startedMs, at)
  }
  for (const { ring, client, atMs, count } of wakeups) {
    const { firstTid } = tracks.get(keyOf(ring, client))!
    yield { ph: 'i', name: 'wake-up', pid, tid: firstTid + 1, ts: at(atMs), s: 't', args: { count } }
  }
}

const keyOf = (ring: number, client: number | null): string => `${ring} ${client ?? ''}`

function* tracksOf({ events, wakeups, inFlight }: TraceRecording): Generator<null, ReadonlyMap<string, Track>> {
  const tracks = new Map<string, Track>()
  const trackOf = (ring: number, client: number | null): Track => {
    const key = keyOf(ring, client)
    let track = tracks.get(key)
    if (track === undefined) {
      const label = client === null ? `ring ${ring}` : `ring ${ring}, client ${client}`
      track = { ring, client, label, firstTid: 0, groups: new Map(), inFlight: [] }
      tracks.set(key, track)
    }
    return track
  }
  for (const { ring, client } of wakeups) {
    trackOf(ring, client)
    yield null
  }
  for (const one of inFlight) {
    trackOf(one.ring, one.client).inFlight.push(one)
    yield null
  }
  for (const event of events) {
    const { groups } = trackOf(event.ring, event.client)
    const group = event.chain ?? event.id
    if (!groups.has(group)) groups.set(group, new Map())
    const operations = groups.get(group)!
    const completions = operations.get(event.id)
    if (completions === undefined) operations.set(event.id, [event])
    else completions.push(event)
    yield null
  }
  const order = [...tracks.values()].sort(
    (one, other) => one.ring - other.ring || (one.client ?? -1) - (other.client ?? -1),
  )
  for (const [index, track] of order.entries()) track.firstTid = index * stages.length + 1
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
  /** A moment within what is around it. */
  readonly isMark?: boolean
}

/** What one stage of one operation was, in the order of time: of a multishot operation marks and several deliveries. */
function* slicesOf(stage: Stage, completions: readonly TraceEvent[]): Generator<Slice> {
  const first = completions[0]!
  const last = completions.at(-1)!
  const slice = (startMs: number, endMs: number, { result, flags, buffer }: TraceEvent): Slice => {
    const { operation, id, slot, chain, link } = first
    const name = `${operation} ${stage}`
    return { name, startMs, endMs, args: { id, slot, chain, link, result, flags, buffer } }
  }
  if (stage === 'queued') yield slice(first.openedMs, first.publishedMs, last)
  else if (stage === 'delivered') for (const event of completions) yield slice(event.seenMs, event.settledMs, event)
  else {
    yield slice(first.publishedMs, last.seenMs, last)
    for (const event of completions) {
      const { operation, seenMs, result } = event
      if (event !== last)
        yield { name: `${operation} completion`, startMs: seenMs, endMs: seenMs, args: { result }, isMark: true }
    }
  }
}

/** A chain, or one operation. */
function* groupEvents(
  track: Track,
  group: number,
  operations: ReadonlyMap<number, readonly TraceEvent[]>,
  at: (ms: number) => number,
): Generator<Told> {
  const isChain = [...operations.values()].some(([first]) => first?.chain !== null)
  for (const [index, stage] of stages.entries()) {
    const tid = track.firstTid + index
    const common = { pid, tid, cat: `${track.label} ${stage}`, id: `${track.label} ${group}` }
    const event = ({ name, args }: Slice, ph: 'b' | 'e' | 'n', ms: number): ChromeEvent => {
      return ph === 'e' ? { ph, name, ts: at(ms), ...common } : { ph, name, ts: at(ms), args, ...common }
    }
    if (!isChain) {
      for (const completions of operations.values()) yield* nested(slicesOf(stage, completions), event)
      continue
    }
    const slices: Slice[] = []
    const whole = { name: `chain ${stage}`, startMs: Infinity, endMs: -Infinity }
    for (const completions of operations.values()) {
      for (const slice of slicesOf(stage, completions)) {
        slices.push(slice)
        whole.startMs = Math.min(whole.startMs, slice.startMs)
        whole.endMs = Math.max(whole.endMs, slice.endMs)
        yield null
      }
    }
    slices.sort((one, other) => one.startMs - other.startMs || other.endMs - one.endMs)
    const chain: Slice = { ...whole, args: { id: group, operations: operations.size } }
    yield event(chain, 'b', chain.startMs)
    yield* nested(slices, event)
    yield event(chain, 'e', chain.endMs)
  }
}

/**
 * Pairs of one id, each within the one around it, of slices in the order of their beginnings: steps of a chain begin a stage together and end it one
 * after the other, or follow each other. Should one reach beyond what is around it, it is cut there.
 */
function* nested(
  slices: Iterable<Slice>,
  event: (slice: Slice, ph: 'b' | 'e' | 'n', ms: number) => ChromeEvent,
): Generator<ChromeEvent> {
  const around: Slice[] = []
  function* closeWhile(isOver: (endMs: number) => boolean): Generator<ChromeEvent> {
    for (let last = around.at(-1); last !== undefined && isOver(last.endMs); last = around.at(-1)) {
      yield event(last, 'e', last.endMs)
      around.pop()
    }
  }
  for (const slice of slices) {
    const { startMs, isMark } = slice
    yield* closeWhile((ms) => (isMark === true ? ms < startMs : ms <= startMs))
    if (isMark === true) {
      yield event(slice, 'n', startMs)
      continue
    }
    const endMs = Math.min(slice.endMs, around.at(-1)?.endMs ?? Infinity)
    around.push({ ...slice, endMs })
    yield event(slice, 'b', startMs)
  }
  yield* closeWhile(() => true)
}

/** From its publication, or from the last completion of a multishot operation, to the end. */
function* unfinishedEvents(
  { label, firstTid, groups, inFlight }: Track,
  startedMs: number,
  endedMs: number,
  at: (ms: number) => number,
): Generator<Told> {
  for (const { operation, id, slot, isSubmitted, publishedMs } of inFlight) {
    const told = id === null ? undefined : groups.get(id)?.get(id)?.at(-1)?.seenMs
    const stage = isSubmitted ? 1 : 0
    const tid = firstTid + stage
    const common = {
      name: `${operation} not over`,
      pid,
      tid,
      cat: `${label} ${stages[stage]}`,
      id: `${label} slot ${slot}`,
    }
    const beganMs = Math.min(endedMs, told ?? Math.max(startedMs, publishedMs ?? startedMs))
    yield { ph: 'b', ts: at(beganMs), args: { id, slot }, ...common }
    yield { ph: 'e', ts: at(endedMs), ...common }
  }
}

/** How many of the operations that were traced, or are not over, were in the ring. */
function* inFlightEvents(
  { label, firstTid, groups, inFlight }: Track,
  startedMs: number,
  at: (ms: number) => number,
): Generator<Told> {
  const begun: number[] = []
  const over: number[] = []
  for (const { id, isSubmitted, publishedMs } of inFlight) {
    const isTold = id !== null && groups.get(id)?.has(id) === true
    if (isSubmitted && !isTold) begun.push(Math.max(startedMs, publishedMs ?? startedMs))
    yield null
  }
  for (const operations of groups.values()) {
    for (const completions of operations.values()) {
      const { publishedMs, seenMs, more } = completions.at(-1)!
      begun.push(publishedMs)
      if (!more) over.push(seenMs)
      yield null
    }
  }
  // Of numbers alone, which are sorted without a call for each two of them.
  const begins = Float64Array.from(begun).sort()
  const ends = Float64Array.from(over).sort()
  let [started, ended] = [0, 0]
  while (started < begins.length || ended < ends.length) {
    const ms = Math.min(begins[started] ?? Infinity, ends[ended] ?? Infinity)
    while (begins[started] === ms) started++
    while (ends[ended] === ms) ended++
    const args = { operations: started - ended }
    yield { ph: 'C', name: `${label} in flight`, pid, tid: firstTid + 1, ts: at(ms), args }
  }
}
