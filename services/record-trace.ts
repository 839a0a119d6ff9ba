// Traces rings for a while: what GET /trace sends and `ringmaster trace` saves. Called by services/cli/trace-route.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { TraceRecording } from '../metrics/trace-event.ts'
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
 * themselves, so that recording costs this thread nothing meanwhile.
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
  const all = trace.read().sort((one, other) => one.settledMs - other.settledMs)
  const events = all.slice(-eventsMax)
  const dropped = trace.dropped + all.length - events.length
  return { startedMs, endedMs: nowMs(), dropped, sampleEvery, events, wakeups: trace.readWakeups() }
}

const nowMs = (): number => performance.timeOrigin + performance.now()
