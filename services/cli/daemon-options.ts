// What `ringmaster serve` is started with, and what of it is refused before anything is. Used by file-daemon.ts, and by serve.ts, which makes it.
import type { DialectName } from '../blob/dialects/index.ts'
import { requireRules, type AccessOptions } from './access-rules.ts'
import type { DaemonRingsOptions } from './daemon-rings.ts'
import { requireLoopback, type ListenAddress } from './listen-address.ts'
import type { LogLevel } from './log-levels.ts'
import type { RoomOptions } from './room-rules.ts'
import type { trafficStates } from './serve-values.ts'
import type { StopReason } from './stop.ts'

/** What a crash leaves for requests in flight: the process is not to be trusted with more. */
const drainAfterCrashMs = 1_000

export interface FileDaemonOptions extends DaemonRingsOptions, AccessOptions, RoomOptions {
  /** As it was said; undefined: nothing was. */
  readonly root: string | undefined
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly public?: boolean
  readonly dialects: readonly DialectName[]
  readonly precompressed?: boolean
  readonly traffic: (typeof trafficStates)[number]
  readonly logLevel: LogLevel
  readonly drainDelaySeconds: number
  readonly drainSeconds: number
}

/** @throws CommandError where files are not to be served there */
export function requireFilesAt(options: FileDaemonOptions, address: ListenAddress): void {
  requireLoopback('--listen', address, options.public === true)
  requireRules(options, address)
}

/** @throws CommandError where the rings are not to be looked at from there */
export function requireAdminAt(options: FileDaemonOptions, address: ListenAddress): void {
  requireLoopback('--admin', address, options.public === true)
}

export interface DrainTimes {
  /** Not ready any more, and still accepting. */
  readonly delayMs: number
  /** Not accepting, and finishing what is in flight. */
  readonly drainMs: number
}

export function drainTimes(reason: StopReason, { drainDelaySeconds, drainSeconds }: FileDaemonOptions): DrainTimes {
  const drainMs = drainSeconds * 1000
  if (reason.kind === 'crash') return { delayMs: 0, drainMs: Math.min(drainMs, drainAfterCrashMs) }
  return { delayMs: drainDelaySeconds * 1000, drainMs }
}
