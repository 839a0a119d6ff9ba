// Traces rings for a while: what GET /trace sends and `ringmaster trace` saves. Called by services/cli/trace-route.ts.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { TraceEvent, TraceRecording } from '../metrics/trace-event.ts'
import type { Ringmaster } from './ringmaster.ts'

export interface RecordingOptions {
  readonly seconds: number
  readonly sampleEvery: number
  /** Events that are kept: the last ones, of all rings together. */
  readonly eventsMax: number
}

/** Of each ring, however many there are. */
const eventsMin = 1024

/**
 * Traces for so many seconds, or until `signal` says that it is enough. Nothing is read before the end: rings keep the last events by
 * themselves, so that recording costs this thread nothing meanwhile. Then it is read piece by piece, each in a turn of the event loop.
 * @throws as Ringmaster.trace()
 */
export async function recordTrace(
  rings: Pick<Ringmaster, 'trace' | 'stats'>,
  { seconds, sampleEvery, eventsMax }: RecordingOptions,
  signal: AbortSignal,
): Promise<TraceRecording> {
  const count = rings.stats().rings.length
  // Some rings may have more to do than others.
  const ofEach = count === 1 ? eventsMax : Math.max(eventsMin, Math.ceil((2 * eventsMax) / count))
  using trace = rings.trace({ sampleEvery, eventsMax: ofEach })
  const startedMs = nowMs()
  await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined)
  trace.stop()
  const endedMs = nowMs()
  const runs: TraceEvent[][] = []
  for (const { run, events } of trace.readInPieces(eventsPerTurn)) {
    ;(runs[run] ??= []).push(...events)
    await nextTurn()
  }
  const there = runs.reduce((sum, { length }) => sum + length, 0)
  const events = await lastOf(runs, eventsMax)
  const dropped = trace.dropped + there - events.length
  const inFlight = trace.inFlight()
  return { startedMs, endedMs, dropped, sampleEvery, inFlight, events, wakeups: trace.readWakeups() }
}

const eventsPerTurn = 200

/** The last `eventsMax` of events that are in the order of time in each of `runs`, in the order of time. */
async function lastOf(runs: TraceEvent[][], eventsMax: number): Promise<TraceEvent[]> {
  const rests = runs.filter(({ length }) => length > 0)
  const backwards: TraceEvent[] = []
  while (backwards.length < eventsMax) {
    let latest: TraceEvent[] | undefined
    for (const rest of rests) {
      if (rest.length > 0 && (latest === undefined || rest.at(-1)!.settledMs > latest.at(-1)!.settledMs)) latest = rest
    }
    if (latest === undefined) break
    backwards.push(latest.pop()!)
    if (backwards.length % eventsPerTurn === 0) await nextTurn()
  }
  return backwards.reverse()
}

const nowMs = (): number => performance.timeOrigin + performance.now()
