// Addresses as net.Socket and net.Server tell them. Used by socket.ts and server.ts.
import type { AddressInfo } from 'node:net'
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

/** What both sides of a connection are called, asked of the kernel once: it tells no more when the connection has ended. */
export class Names {
  private readonly fd: number
  private local: AddressInfo | string | null | undefined = undefined
  private peer: AddressInfo | string | null | undefined = undefined

  constructor(fd: number) {
    this.fd = fd
  }

  /** `open`: whether the descriptor is still the connection's. */
  of(whose: 'local' | 'peer', open: boolean): Partial<AddressInfo> {
    let found = this[whose]
    if (found === undefined && open) found = this[whose] = nameOf(this.fd, whose)
    return typeof found === 'object' && found !== null ? found : {}
  }
}
