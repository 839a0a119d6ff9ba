// A trace of the rings (`ringmaster trace --format events`, or what a program of one's own wrote of Ringmaster.trace()) as a recording. A trace has what
// the files of a daemon have not (writes, syncs), and does not know which file it was or where in it: the replay has one file then, and reads at
// random. Called by read.ts. Pure.
import { z } from 'zod'
import { randomFrom } from '../tune/random.ts'
import { recordingFormat, recordingLimits, recordingVersion } from './format.ts'
import type { RecordedOperation, RecordedVisit, Recording } from './format.ts'

interface TracedOperation {
  readonly operation: string
  readonly publishedMs: number
  readonly settledMs: number
  readonly result: number
}

interface EventsTrace {
  readonly startedMs: number
  readonly endedMs: number
  readonly dropped: number
  readonly sampleEvery: number
  readonly events: readonly TracedOperation[]
}

const traced: z.ZodType<TracedOperation> = z.looseObject({
  operation: z.string(),
  publishedMs: z.number(),
  settledMs: z.number(),
  result: z.number(),
})

export const eventsTrace: z.ZodType<EventsTrace> = z.looseObject({
  startedMs: z.number(),
  endedMs: z.number(),
  dropped: z.number().int().min(0),
  sampleEvery: z.number().int().min(1),
  events: z.array(traced).max(recordingLimits.operationsMax * 10),
})

/** Of the file that nobody knows; offsets are in proportion to the one that there is. */
const fileBytes = 256 << 20
const blockBytes = 4096
const seed = 1

export function fromEvents(trace: EventsTrace): Recording {
  const { startedMs, endedMs, dropped, sampleEvery } = trace
  const random = randomFrom(seed)
  const events = trace.events.slice(-recordingLimits.operationsMax / 2)
  const visits = events.flatMap((event): RecordedVisit[] => {
    const operations = operationsOf(event, random)
    return operations === null ? [] : [{ file: 0, atMs: Math.max(0, event.publishedMs - startedMs), operations }]
  })
  return {
    format: recordingFormat,
    version: recordingVersion,
    startedMs,
    seconds: Math.max(0.001, (endedMs - startedMs) / 1000),
    dropped,
    sampleEvery,
    inFlight: inFlightOf(events),
    files: [{ path: null, bytes: fileBytes }],
    visits: visits.sort((a, b) => a.atMs - b.atMs),
  }
}

/** Null: nothing that is done to files, or it failed. An opening brings its close with it. */
function operationsOf({ operation, result }: TracedOperation, random: () => number): RecordedOperation[] | null {
  if (result < 0) return null
  if (/^readv?(_fixed)?$/.test(operation) && result > 0) {
    const places = Math.max(1, Math.floor((fileBytes - result) / blockBytes) + 1)
    return [['read', Math.floor(random() * places) * blockBytes, result]]
  }
  if (/^writev?(_fixed)?$/.test(operation) && result > 0) return [['write', 0, result]]
  if (operation === 'openat' || operation === 'openat2') return [['open'], ['close']]
  if (operation === 'statx') return [['stat']]
  return operation === 'fsync' ? [['sync']] : null
}

/** On average over the time in which there were any. */
function inFlightOf(events: readonly TracedOperation[]): number {
  const sorted = [...events].sort((a, b) => a.publishedMs - b.publishedMs)
  let [spentMs, busyMs, busyUntilMs] = [0, 0, -Infinity]
  for (const { publishedMs, settledMs } of sorted) {
    spentMs += Math.max(0, settledMs - publishedMs)
    busyMs += Math.max(0, settledMs - Math.max(publishedMs, busyUntilMs))
    busyUntilMs = Math.max(busyUntilMs, settledMs)
  }
  return busyMs === 0 ? 0 : spentMs / busyMs
}
