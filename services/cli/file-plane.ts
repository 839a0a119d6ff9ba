// Who serves the files of `ringmaster serve`, as file-daemon.ts sees them: ring-files.ts or plain-files.ts, chosen by start-files.ts.
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { MetricsRegistry } from '../../metrics/exporter.ts'
import type { TrafficReport } from '../../metrics/traffic-report.ts'
import type { KnownToken } from '../blob/access.ts'
import type { DialectName } from '../blob/dialects/index.ts'
import type { Durability } from '../blob/put.ts'
import type { Recording } from '../recording/format.ts'
import type { RoomRules } from './room-rules.ts'
import type { Ringmaster } from '../ringmaster.ts'
import type { AccessRules } from './access-rules.ts'

export interface FilePlane {
  /** Where it listens; null of a Unix socket, which has no port. */
  readonly bound: AddressInfo | null
  readonly requestsInFlight: number
  /** What it cannot do here, and why; null: nothing is missing. */
  readonly shortcoming: string | null
  /** Adds its metrics to a registry; the returned function takes them out again. */
  register(registry: MetricsRegistry): () => void
  /** Who asks for which files. Asking is what makes it count. */
  report(): Promise<TrafficReport>
  /** What is done to files for so many seconds, or until `signal` says that it is enough. */
  record(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<Recording>
  /** Opens ROOT anew. @throws (rejects) CommandError; the old one stays then */
  reopen(): Promise<void>
  /** Whom requests are from, from now on. */
  changeTokens(tokens: readonly KnownToken[] | null): Promise<void>
  /** Why it should be sent no requests; undefined: it may. */
  problem(): string | undefined
  /** From now on each answer is the last of its connection. */
  sendAway(): void
  /** Stops accepting, finishes what is in flight, cuts off what is not done after `msMax`; says how many requests that were. */
  drain(msMax: number): Promise<number>
  /** Lets go of everything; at once. */
  close(): Promise<void>
}

export interface FilePlaneOptions {
  readonly rings: Ringmaster
  /** Absolute. */
  readonly root: string
  readonly host: string
  readonly port: number
  /** Descriptor of a socket that listens, from a service manager: instead of host and port. */
  readonly fd: number | undefined
  readonly log: Logger
  readonly connectionsMax: number
  readonly access: AccessRules
  /** How safe what is written is; null: files are only read. */
  readonly durability: Durability | null
  readonly room: RoomRules
  readonly dialects: readonly DialectName[]
  /** Serve `a.txt.br`, `a.txt.zst` or `a.txt.gz` for `a.txt` to who takes that. */
  readonly precompressed: boolean
  /** An instance has ended for good: nothing of it is served any more. */
  readonly onFailure: (error: unknown) => void
}
