// What the blob service's instances and the thread that started them say to each other: calls one way (comlink, over the service's port),
// log lines and traces the other. Used by instances.ts and resident.ts.
import type { CountedTraces } from '../http/http-counters.ts'
import type { TrafficPart } from '../http/traffic.ts'
import type { RecordedPart } from '../recording/sum.ts'
import type { KnownToken } from './access.ts'
import type { DialectName } from './dialects/index.ts'
import type { BlobLimits } from './limits.ts'
import type { Durability } from './put.ts'
import type { AccountsMemory } from './room/accounts.ts'
import type { Candidate } from './room/oldest.ts'

/** What every instance is started with. */
export interface BlobTask {
  /** Absolute: opened by each instance. */
  readonly root: string
  /** The socket that all of them accept from: the starter's to close. */
  readonly listenFd: number
  /** How many of them there are. */
  readonly instances: number
  readonly limits: Partial<BlobLimits>
  /** For each ring: counterNumbers and levelNumbers numbers. */
  readonly memory: SharedArrayBuffer
  readonly precompressed: boolean
  /** PUT, DELETE, OPTIONS and lists; null: none of them. */
  readonly durability: Durability | null
  /** Of a Fence. */
  readonly fence: SharedArrayBuffer
  readonly dialects: readonly DialectName[]
  /** Of NameLocks. */
  readonly locks: SharedArrayBuffer
  readonly tokens: readonly KnownToken[] | null
  /** null where what is stored has no limits. */
  readonly room: RoomTask | null
  /** Whether who has none may read. */
  readonly anonymousReads: boolean
  /** Whether anybody wants to know of each request. */
  readonly logsDebug: boolean
}

export interface RoomTask {
  /** Of Accounts. */
  readonly accounts: AccountsMemory
  /** Of a Recency; null where nothing is evicted. */
  readonly recency: SharedArrayBuffer | null
}

/** What an instance answers to. */
export interface BlobControl {
  sendAway(): void
  /** How many requests were cut off. */
  drain(msMax: number): Promise<number>
  changeTokens(tokens: readonly KnownToken[] | null): void
  /** Opens ROOT anew. */
  reopen(): Promise<void>
  /** Removes those that are as they were, and says how many. */
  evict(victims: readonly Candidate[]): Promise<number>
  /** Who asks for which files. Asking is what makes it count. */
  traffic(): TrafficPart
  /** What is done to files for so many seconds, or until endRecording(). `recording`: a number of the asker's. */
  record(recording: number, seconds: number, sampleEvery: number): Promise<RecordedPart>
  endRecording(recording: number): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A line for the starter's log. */
export interface LogLine {
  readonly log: LogLevel
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export const asLogLine = (message: unknown): LogLine | null =>
  typeof message === 'object' && message !== null && 'log' in message && 'fields' in message
    ? (message as LogLine)
    : null

/** The latest traces of what was counted. */
export interface TracesTold {
  readonly traces: CountedTraces
}

/** An account is full, or nearly so. */
export interface RoomAsked {
  readonly account: number
}

export const asRoomAsked = (message: unknown): RoomAsked | null =>
  typeof message === 'object' && message !== null && 'account' in message ? (message as RoomAsked) : null

export const asTraces = (message: unknown): CountedTraces | null =>
  typeof message === 'object' && message !== null && 'traces' in message ? (message as TracesTold).traces : null
