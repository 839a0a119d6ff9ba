// How many connections the file server accepts, by the descriptors that are left once rings have started. Used by file-daemon.ts.
import type { Logger } from 'pino'
import { defaultHttpLimits } from '../http/limits.ts'
import { readLimits } from '../machine/limits.ts'

/** A socket, and the file that is sent over it. */
const descriptorsPerConnection = 2
/** A quarter of them, and no more than this, is left for probes, scrapes, the live page (128 connections) and for files of the process itself. */
const reserveMax = 192

/** @param descriptorsLeft that may still be opened; Infinity where there is no limit */
export function connectionsWithin(descriptorsLeft: number): number {
  const reserve = Math.min(reserveMax, descriptorsLeft / 4)
  const connections = Math.floor((descriptorsLeft - reserve) / descriptorsPerConnection)
  return Math.max(1, Math.min(defaultHttpLimits.connectionsMax, connections))
}

/** The limit for this process. Where it is lower than usual the log says why: what is beyond it is refused, and counted. */
export function limitConnections(log: Logger): number {
  const { descriptorsLeft } = readLimits('/')
  const connectionsMax = connectionsWithin(descriptorsLeft)
  if (connectionsMax < defaultHttpLimits.connectionsMax)
    log.warn(
      { connectionsMax, descriptorsLeft },
      'fewer connections than usual: raise RLIMIT_NOFILE (ulimit -n) for more',
    )
  return connectionsMax
}
