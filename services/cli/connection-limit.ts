// How many connections the file server and the admin server accept, by the descriptors that are left once rings have started. Used by
// file-daemon.ts.
import type { Logger } from 'pino'
import { type ConnectionLimits, usualConnections } from '../../metrics/connection-limit.ts'
import { defaultHttpLimits } from '../http/limits.ts'
import { readLimits } from '../machine/limits.ts'
import { CommandError, exitCodes } from './exit.ts'

/** A socket, and the file that is sent over it; with uploads the folder of it, with neighbours a second file. */
const descriptorsPerConnection = { reading: 2, more: 3 } as const
/** Of the file service on one ring: the ring that it has there, what wakes it, and ROOT. And the listening socket. */
const descriptorsPerInstance = 5
/** A quarter of them, and no more than this, is left for probes, scrapes, the live page and for files of the process itself. */
const reserveMax = 192
/** For what the process opens to report on itself, and to tell a client too many that it is. */
const ownMax = 16
/** With fewer a handful of clients would keep probes out. */
const descriptorsMin = 32

export interface Connections {
  readonly files: number
  readonly admin: ConnectionLimits
}

const reserveOf = (descriptorsLeft: number): number => Math.min(reserveMax, descriptorsLeft / 4)

/** Of the file server alone; 0 where the daemon does not start. */
export function fileConnectionsWithin(
  descriptorsLeft: number,
  descriptorsEach: number = descriptorsPerConnection.reading,
): number {
  if (descriptorsLeft < descriptorsMin) return 0
  const within = Math.floor((descriptorsLeft - reserveOf(descriptorsLeft)) / descriptorsEach)
  return Math.min(defaultHttpLimits.connectionsMax, within)
}

/**
 * @param descriptorsLeft that may still be opened; Infinity where there is no limit
 * @throws CommandError where they are too few
 */
export function connectionsWithin(
  descriptorsLeft: number,
  descriptorsEach: number = descriptorsPerConnection.reading,
): Connections {
  if (descriptorsLeft < descriptorsMin)
    throw new CommandError(
      `too few file descriptors: ${descriptorsLeft} are left once the rings have started, ${descriptorsMin} are the least: ` +
        'raise ulimit -n (RLIMIT_NOFILE), or start fewer --rings',
      exitCodes.failure,
    )
  const files = fileConnectionsWithin(descriptorsLeft, descriptorsEach)
  const reserve = reserveOf(descriptorsLeft)
  const rest = Math.floor(descriptorsLeft - files * descriptorsEach - Math.min(ownMax, reserve / 2))
  const burstMax = Math.min(usualConnections.burstMax, rest)
  return {
    files,
    admin: { burstMax, connectionsMax: Math.min(usualConnections.connectionsMax, Math.ceil(burstMax / 2)) },
  }
}

export interface ConnectionUse {
  readonly rings: number
  /** Files are written, or have neighbours. */
  readonly takesMore: boolean
}

/** The limits for this process. Where files get less than usual the log says why: what is beyond it is refused, and counted. */
export function limitConnections(log: Logger, { rings, takesMore }: ConnectionUse): Connections {
  const descriptorsLeft = Math.max(0, readLimits('/').descriptorsLeft - rings * descriptorsPerInstance)
  const { more, reading } = descriptorsPerConnection
  const connections = connectionsWithin(descriptorsLeft, takesMore ? more : reading)
  if (connections.files < defaultHttpLimits.connectionsMax)
    log.warn(
      { connectionsMax: connections.files, descriptorsLeft },
      'fewer connections than usual: raise RLIMIT_NOFILE (ulimit -n) for more',
    )
  return connections
}
