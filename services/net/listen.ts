// A listening socket by what net.Server.listen() takes: a port, a path, or a descriptor that listens already (LISTEN_FDS). Used by server.ts.
import { lookup } from 'node:dns/promises'
import { chmodSync, unlinkSync } from 'node:fs'
import { isIP } from 'node:net'
import { invalidArgValue } from '../../native/errors.ts'
import { bindSocket, listenSocket, openStreamSocket, setSocketOption, socketOption } from '../../native/sockets.ts'
import { SocketOption } from '../../native/sockets.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import { checkBoolean, checkInteger, checkOptionsObject } from '../arguments.ts'
import { AddressFamily } from '../raw/flags.ts'
import { encodeAddress } from '../raw/socket-address.ts'
import type { SocketAddress } from '../raw/socket-address.ts'
import { closeNow } from './descriptors.ts'
import { addressError } from './errors.ts'

export interface ListenOptions {
  /** TCP: 0 for any that is free. */
  readonly port?: number | string | undefined
  /** An address or a name. Default: every address, IPv6's and IPv4's. */
  readonly host?: string | undefined
  /** A Unix socket; with a NUL at its beginning, a name in Linux' abstract space. */
  readonly path?: string | undefined
  /** A descriptor of a socket that listens already, as from a service manager. The server closes it. */
  readonly fd?: number
  /** Connections that may wait to be accepted. Default 511; the system has a limit of its own (net.core.somaxconn). */
  readonly backlog?: number
  /** Of an IPv6 address: without IPv4's. Default false. */
  readonly ipv6Only?: boolean
  /** Let other sockets listen on the same port, each with connections of its own (SO_REUSEPORT). Default false. */
  readonly reusePort?: boolean
  /** Of a path: who may write to it. Default: by the umask. */
  readonly readableAll?: boolean
  readonly writableAll?: boolean
  /** Closes the server. */
  readonly signal?: AbortSignal
}

export interface Listener {
  readonly fd: number
  /** To be removed when the server closes; null: nothing. */
  readonly path: string | null
}

const ENOENT = -2
const EACCES = -13
const EAFNOSUPPORT = -97
const EINVAL = -22
const EADDRNOTAVAIL = -99
const backlogDefault = 511

/**
 * A listener, or why there is none: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND, … as node:net's. Later only where a name is looked up.
 * @throws ERR_INVALID_ARG_*, ERR_OUT_OF_RANGE
 */
export function openListener(options: ListenOptions): Listener | Error | Promise<Listener | Error> {
  checkOptionsObject(options)
  const backlog = checkInteger(options.backlog ?? backlogDefault, 'options.backlog', 0, 2 ** 31 - 1)
  for (const name of ['readableAll', 'writableAll', 'reusePort', 'ipv6Only'] as const)
    checkBoolean(options[name], `options.${name}`)
  const { fd, path, host } = options
  if (fd !== undefined) return adopt(checkInteger(fd, 'options.fd', 0, 2 ** 31 - 1))
  if (typeof path === 'string') return orError(() => listenOnPath(path, backlog, options))
  if (!('port' in options)) throw invalidArgValue('options', options, 'must have a port, a path or an fd')
  const port = checkPort(options.port ?? 0)
  if (typeof host !== 'string' || host === '')
    return orError(() => ({ fd: listenEverywhere(port, backlog, options), path: null }))
  const listen = (address: string): Listener | Error =>
    orError(() => ({ fd: listenAt({ address, port }, backlog, options), path: null }))
  if (isIP(host) !== 0) return listen(host)
  return lookup(host)
    .then(({ address }) => listen(address))
    .catch(asError)
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** What the system refuses is told later; what is no argument is thrown. */
function orError(open: () => Listener): Listener | Error {
  try {
    return open()
  } catch (error) {
    if (error instanceof Error && 'errno' in error) return error
    throw error
  }
}

export const isDigits = (text: string): boolean => /^\d+$/.test(text)

/** A port as node:net takes it, a number or its digits. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkPort(port: unknown): number {
  return checkInteger(typeof port === 'string' && isDigits(port) ? Number(port) : port, 'options.port', 0, 65535)
}

function adopt(fd: number): Listener {
  if (socketOption(fd, SocketOption.acceptsConnections) === 1) {
    ownDescriptor(fd)
    return { fd, path: null }
  }
  throw invalidArgValue('options.fd', fd, 'must be the descriptor of a socket that listens')
}

/** `::` takes IPv4's connections too; where there is no IPv6, `0.0.0.0`. */
function listenEverywhere(port: number, backlog: number, options: ListenOptions): number {
  try {
    return listenAt({ address: '::', port }, backlog, options)
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? error.errno : 0
    if (errno !== EAFNOSUPPORT && errno !== EINVAL && errno !== EADDRNOTAVAIL) throw error
    return listenAt({ address: '0.0.0.0', port }, backlog, options)
  }
}

function listenOnPath(path: string, backlog: number, options: ListenOptions): Listener {
  const isAbstract = path.startsWith('\0')
  const fd = listenAt({ path }, backlog, options)
  if (isAbstract) return { fd, path: null }
  const listener: Listener = { fd, path }
  const readable = options.readableAll === true ? 0o444 : 0
  const writable = options.writableAll === true ? 0o222 : 0
  if (readable + writable === 0) return listener
  try {
    chmodSync(path, 0o600 | readable | writable)
  } catch (error) {
    closeListener(listener)
    throw error
  }
  return listener
}

function listenAt(address: SocketAddress, backlog: number, options: ListenOptions): number {
  const bytes = encodeAddress(address, 'options')
  const isUnix = 'path' in address
  const family = bytes.readUInt16LE(0)
  const fd = openStreamSocket(family)
  ownDescriptor(fd)
  const fail = (errno: number): never => {
    if (fd >= 0) closeNow(fd)
    throw isUnix
      ? addressError(errno, 'listen', address.path, null)
      : addressError(errno, 'listen', address.address, address.port)
  }
  if (fd < 0) fail(fd)
  if (!isUnix) setSocketOption(fd, SocketOption.reuseAddress, 1)
  if (options.reusePort === true) setSocketOption(fd, SocketOption.reusePort, 1)
  if (family === AddressFamily.AF_INET6) setSocketOption(fd, SocketOption.ipv6Only, options.ipv6Only === true ? 1 : 0)
  const bound = bindSocket(fd, bytes)
  // A folder that is not there is EACCES to node:net.
  if (bound < 0) fail(isUnix && bound === ENOENT ? EACCES : bound)
  const listening = listenSocket(fd, backlog)
  if (listening < 0) fail(listening)
  return fd
}

/** And what a path leaves behind. */
export function closeListener({ fd, path }: Listener): void {
  closeNow(fd)
  if (path === null) return
  try {
    unlinkSync(path)
  } catch {
    // Somebody else has removed it, or has taken its place: not ours any more.
  }
}
