// Errors of sockets, worded as node:net's, and those that listeners throw. Used throughout services/net.
import { RingError, kernelError } from '../../native/errors.ts'
import { resultError } from '../../workers/completions.ts'

/** A message that says it as node:net does. The stack has shown the other one since it was made. */
function reworded<E extends Error>(error: E, message: string): E {
  const { stack, message: before } = error
  error.message = message
  if (stack !== undefined) error.stack = stack.replace(before, () => message)
  return error
}

/** An error of the kernel with the address that it is about. */
export function addressError(
  errno: number,
  syscall: 'connect' | 'listen' | 'bind',
  address: string,
  port: number | null,
): Error {
  const error = kernelError(errno, syscall)
  const where = port === null || port === 0 ? address : `${address}:${port}`
  const { code, message } = error
  const what = syscall === 'listen' ? message.replace(/, listen$/, '') : code
  const place = port === null || port === 0 ? {} : { port }
  return Object.assign(reworded(error, `${syscall} ${what} ${where}`), { address }, place)
}

/** Why a connection cannot be used any more: `read ECONNRESET`. What is no error of the kernel stays as it is. */
export function connectionError(result: number, syscall: 'read' | 'write' | 'shutdown'): Error {
  const error = resultError(result, syscall)
  return 'code' in error && 'errno' in error ? reworded(error, `${syscall} ${String(error.code)}`) : error
}

/** What was asked of a socket that is none any more. */
export const socketErrors = {
  closed: (): RingError => new RingError('ERR_SOCKET_CLOSED', 'Socket is closed'),
  closedBefore: (): RingError =>
    new RingError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established'),
  /** Of what was written and has not left. */
  destroyed: (): RingError => new RingError('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed'),
  endedByPeer: (): Error =>
    Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' }),
} as const

/**
 * Throws `error` when the running code is done: what a program's callback throws is the program's, an uncaught exception as from a callback
 * of node:net, and what called goes on.
 */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
