// Reads a recording of a daemon for `ringmaster tune --workload recorded`, and says in words what is in it. Called by services/cli/tune.ts and
// services/tune/real-machine.ts.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { z } from 'zod'
import { recordingFormat, recordingSchema, recordingVersion } from './format.ts'
import type { Recording } from './format.ts'
import { eventsTrace, fromEvents } from './from-events.ts'

/** It cannot be read, or is none: says what to do. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError'
}

/** Twice what one with 20,000 operations of 20,000 files with long names takes. */
const fileBytesMax = 64 << 20
const advice = 'Make one of a running daemon: ringmaster trace --format replay --output FILE'

/** @throws RecordingError */
export async function readRecording(path: string): Promise<Recording> {
  const text = await textOf(path).catch((error: unknown) => {
    if (error instanceof RecordingError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new RecordingError(`cannot read ${path}: ${reason}. ${advice}`, { cause: error })
  })
  const found = parse(text)
  if (typeof found === 'string') throw new RecordingError(`${path} is no recording: ${found}. ${advice}`)
  const { visits, files } = found
  if (visits.length === 0)
    throw new RecordingError(
      `${path} is a recording in which nothing was asked for. Record a daemon while it is used: ringmaster trace --format replay`,
    )
  const lost = visits.findIndex(({ file }) => file >= files.length)
  if (lost >= 0)
    throw new RecordingError(`${path} is damaged: visit ${lost + 1} names a file that is not in it. ${advice}`)
  return found
}

async function textOf(path: string): Promise<string> {
  // Nobody may ever write to a FIFO.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new RecordingError(`${path} is not a file. ${advice}`)
    if (stats.size > fileBytesMax)
      throw new RecordingError(`${path} is larger than a recording is (${fileBytesMax >> 20} MiB). ${advice}`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

const recordingHead = z.looseObject({ format: z.literal(recordingFormat), version: z.unknown() })

/** What it is, or what is wrong with it. */
function parse(text: string): Recording | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text.trim() === '' ? 'it is empty' : 'it is no JSON, or only a part of it'
  }
  const trace = eventsTrace.safeParse(value)
  if (trace.success) return fromEvents(trace.data)
  const head = recordingHead.safeParse(value)
  if (!head.success) return `it has not the format "${recordingFormat}" and is no trace of --format events`
  const { version } = head.data
  if (version !== recordingVersion)
    return `it has version ${String(version)}, and this Ringmaster reads ${recordingVersion}`
  const parsed = recordingSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is damaged'}`
}

/** Whether anything was written: that goes to a file of ours then, on the disk in question. */
export const writesIn = ({ visits }: Recording): boolean =>
  visits.some(({ operations }) => operations.some(([kind]) => kind === 'write' || kind === 'sync'))

const percent = (share: number): string => `${Math.round(share * 100)} %`
const size = (bytes: number): string =>
  bytes < 1024
    ? `${bytes} bytes`
    : bytes < 2 ** 20
      ? `${+(bytes / 1024).toFixed(1)} KiB`
      : `${+(bytes / 2 ** 20).toFixed(1)} MiB`

/** "5,164 operations on 41 files (25 % open, 25 % stat, …), reads of 3.1 KiB in the middle, 258 operations/s, 1.3 in flight" */
export function describeRecording({ visits, files, seconds, inFlight, sampleEvery }: Recording): string {
  const operations = visits.flatMap((visit) => visit.operations)
  const counts = new Map<string, number>()
  for (const [kind] of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const mix = [...counts].map(([kind, count]) => `${percent(count / operations.length)} ${kind}`).join(', ')
  const lengths = operations.flatMap((each) => (each[0] === 'read' ? [each[2]] : [])).sort((a, b) => a - b)
  const reads = lengths.length === 0 ? '' : `, reads of ${size(lengths[lengths.length >> 1]!)} in the middle`
  const rate = Math.round((operations.length * sampleEvery) / seconds)
  return (
    `${operations.length.toLocaleString('en')} operations on ${files.length.toLocaleString('en')} ${files.length === 1 ? 'file' : 'files'} (${mix})` +
    `${reads}, recorded at ${rate.toLocaleString('en')} operations/s with ${inFlight.toFixed(1)} in flight`
  )
}
