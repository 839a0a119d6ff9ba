// The log of a service: structured lines on stderr, so that stdout stays for what people and scripts read. Used by
// the commands that run services.
import { pino, type DestinationStream, type Logger } from 'pino'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Log {
  readonly logger: Logger
  /** Writes out what is still in memory; for the last moment before the process ends. */
  readonly flush: () => void
}

const stderrFd = 2

/** Written in the background: a log nobody reads must not stop the service. */
export function createLog(level: LogLevel): Log {
  const destination = pino.destination({ dest: stderrFd, sync: false })
  const stream: DestinationStream = destination
  return {
    logger: pino({ name: 'ringmaster', level }, stream),
    flush: () => {
      try {
        destination.flushSync()
      } catch {
        // stderr is closed or full: there is nowhere left to say so
      }
    },
  }
}
