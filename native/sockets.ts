// Sockets before there is anything to wait for: made, bound, asked for their names. These calls answer at once and are made once per
// listener or per question, so they are plain system calls; what waits (accept, connect, recv, send) goes through a ring. Used by services/net.
import { addressOfView } from './addresses.ts'
import { binding } from './binding.ts'
import type { CallName } from './binding.ts'

const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1

type OptionName = readonly [level: number, name: number]

export type SocketOptionName =
  | 'reuseAddress'
  | 'type'
  | 'error'
  | 'keepAlive'
  | 'reusePort'
  | 'acceptsConnections'
  | 'domain'
  | 'noDelay'
  | 'keepAliveIdleSeconds'
  | 'keepAliveIntervalSeconds'
  | 'keepAliveProbes'
  | 'ipv6Only'

/** Options of SOL_SOCKET, IPPROTO_TCP and IPPROTO_IPV6 that are numbers: [level, name]. socket(7), tcp(7), ipv6(7). */
export const SocketOption: Readonly<Record<SocketOptionName, OptionName>> = {
  reuseAddress: [SOL_SOCKET, 2],
  type: [SOL_SOCKET, 3],
  error: [SOL_SOCKET, 4],
  keepAlive: [SOL_SOCKET, 9],
  reusePort: [SOL_SOCKET, 15],
  acceptsConnections: [SOL_SOCKET, 30],
  domain: [SOL_SOCKET, 39],
  noDelay: [6, 1],
  keepAliveIdleSeconds: [6, 4],
  keepAliveIntervalSeconds: [6, 5],
  keepAliveProbes: [6, 6],
  ipv6Only: [41, 26],
}

let numbers: Record<CallName, number> | undefined

function call(name: CallName, a: number, b = 0, c = 0, d = 0, e = 0): number {
  const addon = binding()
  numbers ??= addon.callNumbers()
  return addon.call(numbers[name], a, b, c, d, e, 0)
}

/** socket(2) of a stream, closed on exec. The descriptor, or -errno. */
export function openStreamSocket(family: number): number {
  return call('socket', family, 1 | SOCK_CLOEXEC, 0)
}

/** bind(2). `address`: a sockaddr. 0 or -errno. */
export function bindSocket(fd: number, address: Buffer): number {
  return call('bind', fd, addressOfView(address), address.length)
}

/** listen(2). 0 or -errno. */
export function listenSocket(fd: number, backlog: number): number {
  return call('listen', fd, backlog)
}

/** shutdown(2) of both sides: a socket that listens takes no connection any more. 0 or -errno. */
export function shutdownSocket(fd: number): number {
  return call('shutdown', fd, 2)
}

/** setsockopt(2) of a number. 0 or -errno. */
export function setSocketOption(fd: number, [level, name]: OptionName, value: number): number {
  scratch.writeInt32LE(value)
  return call('setsockopt', fd, level, name, addressOfView(scratch), 4)
}

/**
 * Whether, and after how many milliseconds without traffic, the peer is asked for a sign of life; null: not. As libuv: of a second and more, then
 * a probe a second and ten of them; of less, as the system has it.
 */
export function setKeepAlive(fd: number, initialDelayMs: number | null): void {
  setSocketOption(fd, SocketOption.keepAlive, initialDelayMs === null ? 0 : 1)
  const idleSeconds = Math.trunc((initialDelayMs ?? 0) / 1000)
  if (!(idleSeconds >= 1)) return
  setSocketOption(fd, SocketOption.keepAliveIdleSeconds, idleSeconds)
  setSocketOption(fd, SocketOption.keepAliveIntervalSeconds, 1)
  setSocketOption(fd, SocketOption.keepAliveProbes, 10)
}

/** SO_LINGER of no time: close(2) then resets the connection. socket(7). 0 or -errno. */
export function resetOnClose(fd: number): number {
  scratch.writeInt32LE(1)
  scratch.writeInt32LE(0, 4)
  return call('setsockopt', fd, SOL_SOCKET, 13, addressOfView(scratch), 8)
}

/** getsockopt(2) of a number; null where it is refused. */
export function socketOption(fd: number, [level, name]: OptionName): number | null {
  scratch.writeInt32LE(0)
  lengths[0] = 4
  const result = call('getsockopt', fd, level, name, addressOfView(scratch), addressOfView(lengths))
  return result < 0 ? null : scratch.readInt32LE()
}

/** How much of what was sent the peer has acknowledged (TCP_INFO, tcpi_bytes_acked), modulo 2^32; 0 where the socket is none of TCP's. */
export function acknowledgedBytes(fd: number): number {
  lengths[0] = scratch.length
  const result = call('getsockopt', fd, 6, 11, addressOfView(scratch), addressOfView(lengths))
  return result < 0 || lengths[0] < 128 ? 0 : scratch.readUInt32LE(120)
}

/** getsockname(2) or getpeername(2): the sockaddr, in memory that the next call uses again; null where there is none. */
export function socketName(fd: number, whose: 'local' | 'peer'): Buffer | null {
  lengths[0] = scratch.length
  const name = whose === 'local' ? 'getsockname' : 'getpeername'
  const result = call(name, fd, addressOfView(scratch), addressOfView(lengths))
  return result < 0 ? null : scratch.subarray(0, Math.min(lengths[0], scratch.length))
}

// sockaddr_storage, and whatever an option is. These calls are over when they return, and nothing runs in between.
const scratch = Buffer.alloc(128)
const lengths = new Uint32Array(1)
