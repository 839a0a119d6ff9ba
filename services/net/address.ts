// Addresses as net.Socket and net.Server tell them. Used by socket.ts, server.ts and listen.ts.
import type { AddressInfo } from 'node:net'
import { kernelError } from '../../native/errors.ts'
import { socketName } from '../../native/sockets.ts'
import { decodeAddress } from '../raw/socket-address.ts'

/** Where a TCP socket is; a path where it is a Unix socket ('' without a name); null where it is neither, or not connected. */
export function nameOf(fd: number, whose: 'local' | 'peer'): AddressInfo | string | null {
  const bytes = socketName(fd, whose)
  const found = bytes === null ? null : decodeAddress(bytes, bytes.length)
  if (found === null) return null
  if ('path' in found) return found.path
  const { address, port } = found
  return { address, port, family: address.includes(':') ? 'IPv6' : 'IPv4' }
}

/** An error of the kernel with the address that it is about, worded as node:net's are. */
export function addressError(
  errno: number,
  syscall: 'connect' | 'listen',
  address: string,
  port: number | null,
): Error {
  const error = kernelError(errno, syscall)
  const where = port === null || port === 0 ? address : `${address}:${port}`
  const { code = '', message } = error
  error.message =
    syscall === 'connect' ? `connect ${code} ${where}` : `listen ${message.replace(/, listen$/, '')} ${where}`
  return Object.assign(error, { address }, port === null || port === 0 ? {} : { port })
}
