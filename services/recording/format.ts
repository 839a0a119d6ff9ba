// What a daemon did to its files for a while, as it is saved and done again. Written by recorder.ts (`ringmaster trace --format replay`), read by read.ts
// (`ringmaster tune --workload recorded`). No behaviour.
import { z } from 'zod'

export const recordingFormat = 'ringmaster-recording'
export const recordingVersion = 1

/** One operation: its name, and of those that move bytes where they begin in the file and how many there are. */
export type RecordedOperation =
  | readonly [kind: 'open' | 'stat' | 'close' | 'sync']
  | readonly [kind: 'read' | 'write', offsetBytes: number, lengthBytes: number]

/**
 * What was done with one file, one after the other: from its opening on, and then it is closed at the end whether that is said or not; or with one that
 * was open already, and stays so.
 */
export interface RecordedVisit {
  /** Its place in the list of files. */
  readonly file: number
  /** When it was opened, in ms from the recording's start. */
  readonly atMs: number
  readonly operations: readonly RecordedOperation[]
}

export interface Recording {
  readonly format: typeof recordingFormat
  readonly version: typeof recordingVersion
  /** Ms since the Unix epoch. */
  readonly startedMs: number
  readonly seconds: number
  /** Visits that there was no room for. */
  readonly dropped: number
  /** One of how many visits was recorded. */
  readonly sampleEvery: number
  /** Operations that were under way at a time, on average over the time in which there were any. */
  readonly inFlight: number
  /** Relative to the folder that was served; null: a name that is no UTF-8. The size is the last that was seen. */
  readonly files: readonly { readonly path: string | null; readonly bytes: number }[]
  readonly visits: readonly RecordedVisit[]
}

/** What one recording may have; what comes after that is counted as dropped. */
export const recordingLimits = { visitsMax: 20_000, operationsMax: 20_000 } as const
/** Requests that are longer are replayed as several. */
export const pieceBytesMax: number = 1 << 20

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const lengthBytes = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31)
const times = z.number().min(0)

const operation: z.ZodType<RecordedOperation> = z.union([
  z.tuple([z.enum(['open', 'stat', 'close', 'sync'])]),
  z.tuple([z.enum(['read', 'write']), bytes, lengthBytes]),
])

export const recordedVisit: z.ZodType<RecordedVisit> = z.strictObject({
  file: z.number().int().min(0),
  atMs: times,
  operations: z.array(operation).min(1).max(recordingLimits.operationsMax),
})

export const recordingSchema: z.ZodType<Recording> = z.strictObject({
  format: z.literal(recordingFormat),
  version: z.literal(recordingVersion),
  startedMs: times,
  seconds: z.number().positive(),
  dropped: z.number().int().min(0),
  sampleEvery: z.number().int().min(1),
  inFlight: times,
  files: z.array(z.strictObject({ path: z.string().max(4096).nullable(), bytes })).max(recordingLimits.visitsMax),
  visits: z.array(recordedVisit).max(recordingLimits.visitsMax),
})
