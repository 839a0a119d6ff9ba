// Where `ringmaster serve` listens when a service manager may have passed a socket: that one is held to the same rules as the option that it
// takes the place of. Used by file-daemon.ts.
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { codeOf } from '../http/http-error.ts'
import { startError } from './daemon-rings.ts'
import { CommandError, exitCodes } from './exit.ts'
import { formatAddress, listenError, type ListenAddress } from './listen-address.ts'
import type { PassedSocket } from './passed-sockets.ts'

export interface ListenPlace {
  readonly option: '--listen' | '--admin'
  readonly wanted: ListenAddress
  /** Wins over the option. */
  readonly socket: PassedSocket | undefined
}

/** Of errors that say that an address, or a socket that was passed, is not to be had. */
const listening: readonly unknown[] = ['listen', 'bind', 'getaddrinfo']

/** Why it could not be started there. */
export function startListenError({ option, wanted, socket }: ListenPlace, cause: unknown): unknown {
  if (cause instanceof CommandError) return cause
  const isListening = cause instanceof Error && 'syscall' in cause && listening.includes(cause.syscall)
  if (!isListening && codeOf(cause) !== 'ERR_INVALID_ARG_VALUE') return startError(cause)
  if (socket === undefined) return listenError(option, wanted, cause)
  const problem = `descriptor ${socket.fd}, passed instead of ${option}, cannot be listened on: ${codeOf(cause) ?? String(cause)}`
  return new CommandError(
    `${problem}. It must be a stream socket (ListenStream= in the socket unit).`,
    exitCodes.usage,
    {
      cause,
    },
  )
}

/** `require` throws where such an address is not to be listened on. @throws CommandError */
export function checkBound(
  { option, wanted, socket }: ListenPlace,
  bound: AddressInfo | null,
  require: (address: ListenAddress) => void,
  log: Logger,
): void {
  if (socket === undefined) return
  const address = bound && { host: bound.address, port: bound.port }
  if (address !== null) require(address)
  const passed = address === null ? `unix:${socket.path ?? ''}` : formatAddress(address)
  const asked = formatAddress(wanted)
  if (passed !== asked)
    log.info({ fd: socket.fd, passed, [option]: asked }, `a socket was passed: ${option} is not used`)
}
