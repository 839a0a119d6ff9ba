// A connection to somewhere: names are looked up, each address is tried in turn, the socket follows when one answers. Used by index.ts.
import { lookup } from 'node:dns'
import type { LookupAddress, LookupAllOptions } from 'node:dns'
import { isIP } from 'node:net'
import { RingError, abortError, invalidArgType, invalidArgValue } from '../../native/errors.ts'
import { bindSocket, openStreamSocket } from '../../native/sockets.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import { ClientState } from '../../workers/submission.ts'
import { checkInteger, checkOptionsObject, checkSignal } from '../arguments.ts'
import { op, RawRing } from '../raw/index.ts'
import { rawUsers } from '../raw/raw-users.ts'
import { encodeAddress } from '../raw/socket-address.ts'
import type { SocketAddress } from '../raw/socket-address.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { closeNow } from './descriptors.ts'
import { addressError, throwLater } from './errors.ts'
import { checkPort } from './listen.ts'
import { Socket } from './socket.ts'
import type { SocketOptions } from './socket.ts'

export interface ConnectOptions extends SocketOptions {
  readonly port?: number | string | null | undefined
  /** An address or a name. Default 'localhost'. */
  readonly host?: string | null | undefined
  /** Of a name's addresses: only those of IPv4 (4) or IPv6 (6). Default: all. */
  readonly family?: number | 'IPv4' | 'IPv6' | undefined
  /** Looks names up instead of dns.lookup(), with its arguments; asked for all addresses, and one will do. */
  readonly lookup?: Lookup | undefined
  /** Where the connection comes from. Default: what the system chooses. */
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Of a Unix socket; with a NUL at its beginning, a name in Linux' abstract space. */
  readonly path?: string | null | undefined
  /** Milliseconds without traffic until 'timeout'. Default: none. */
  readonly timeout?: number | undefined
  /** Gives up: the socket is destroyed with an AbortError. */
  readonly signal?: AbortSignal | undefined
}

type Lookup = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: string | LookupAddress[], family?: number) => void,
) => void

/** How long one address of several may take before the next is tried (node:net's autoSelectFamilyAttemptTimeout). */
const attemptMs = 250

const families: ReadonlyMap<unknown, number> = new Map([
  ['IPv4', 4],
  ['IPv6', 6],
])

/** A socket that connects; it emits 'connect' and 'ready', or 'error' and 'close'. */
export function connectSocket(rings: Ringmaster, options: ConnectOptions): Socket {
  checkConnectOptions(options)
  const { timeout, signal } = options
  const socket = new Socket(options)
  if (timeout !== undefined) socket.setTimeout(timeout)
  socket.connecting = true
  const stop = new AbortController()
  socket.once('close', () => {
    stop.abort()
  })
  if (signal !== undefined) destroyWith(socket, signal)
  if (signal?.aborted !== true) void establish(rings, socket, options, stop.signal)
  return socket
}

function checkConnectOptions(options: ConnectOptions): void {
  checkOptionsObject(options)
  const { path, port, localAddress, localPort, lookup: find, signal } = options
  checkSignal(signal)
  if (typeof path === 'string') return
  if (path !== undefined && path !== null) throw invalidArgType('options.path', 'of type string', path)
  if (port === undefined || port === null) throw invalidArgValue('options', options, 'must have a port or a path')
  checkPort(port)
  if (localPort !== undefined) checkInteger(localPort, 'options.localPort', 0, 65535)
  if (localAddress !== undefined && isIP(localAddress) === 0) throw invalidAddress(localAddress)
  if (find !== undefined && typeof find !== 'function') throw invalidArgType('options.lookup', 'of type function', find)
}

const invalidAddress = (address: unknown): RingError =>
  new RingError('ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`)

function destroyWith(socket: Socket, signal: AbortSignal): void {
  const onAbort = (): void => {
    socket.destroy(abortError(signal))
  }
  if (signal.aborted) {
    process.nextTick(onAbort)
    return
  }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('close', () => {
    signal.removeEventListener('abort', onAbort)
  })
}

async function establish(rings: Ringmaster, socket: Socket, options: ConnectOptions, stop: AbortSignal): Promise<void> {
  try {
    const addresses = await addressesOf(socket, options)
    if (socket.destroyed) return
    const { handle, fd } = await connectAny(rings, addresses, stop, options)
    if (socket.destroyed) {
      closeNow(fd)
      return
    }
    try {
      socket.open(handle, fd)
    } catch (error) {
      closeNow(fd)
      throw error
    }
    if (socket.destroyed) return // there was no place for its first request
    socket.connecting = false
    tell(socket)
  } catch (error) {
    if (!socket.destroyed) socket.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

/** What listeners throw is theirs, and no failure to connect. */
function tell(socket: Socket): void {
  try {
    socket.emit('connect')
    socket.emit('ready')
  } catch (error) {
    throwLater(error)
  }
}

async function addressesOf(socket: Socket, options: ConnectOptions): Promise<SocketAddress[]> {
  const { path } = options
  if (typeof path === 'string') return [{ path }]
  const port = checkPort(options.port)
  const host = options.host === undefined || options.host === null || options.host === '' ? 'localhost' : options.host
  if (isIP(host) !== 0) return [{ address: host, port }]
  let found: LookupAddress[]
  try {
    found = await lookedUp(host, options)
  } catch (error) {
    socket.emit('lookup', error, undefined, undefined, host)
    throw error
  }
  for (const { address, family } of found) socket.emit('lookup', null, address, family, host)
  const usable = found.filter(({ address }) => isIP(address) !== 0)
  if (usable.length === 0) throw invalidAddress(found[0]!.address)
  return usable.map(({ address }) => ({ address, port }))
}

/** At least one. */
function lookedUp(host: string, options: ConnectOptions): Promise<LookupAddress[]> {
  const { family: wanted = 0 } = options
  const find: Lookup = options.lookup ?? lookup
  const family = families.get(wanted) ?? Number(wanted)
  return new Promise((resolve, reject) => {
    find(host, { all: true, family }, (error, addresses, of) => {
      if (error !== null && error !== undefined) reject(error)
      else if (typeof addresses === 'string') resolve([{ address: addresses, family: of ?? isIP(addresses) }])
      else if (addresses.length > 0) resolve(addresses)
      else reject(invalidAddress(undefined))
    })
  })
}

interface Connected {
  readonly handle: RingHandle
  readonly fd: number
}

async function connectAny(
  rings: Ringmaster,
  addresses: readonly SocketAddress[],
  stop: AbortSignal,
  from: ConnectOptions,
): Promise<Connected> {
  const failures: unknown[] = []
  for (const address of addresses) {
    const handle = leastLoaded(rings.rings.handles)
    rawUsers.add(handle) // a connection stays on its ring, which is not to be moved to another poller from here on
    const last = address === addresses.at(-1)
    try {
      return { handle, fd: await connectTo(handle, address, stop, from, last ? undefined : attemptMs) }
    } catch (error) {
      if (stop.aborted) throw error
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  const first = failures[0]
  const code = first instanceof Error && 'code' in first ? first.code : undefined
  throw Object.assign(new AggregateError(failures), code === undefined ? {} : { code })
}

async function connectTo(
  handle: RingHandle,
  address: SocketAddress,
  signal: AbortSignal,
  { localAddress, localPort = 0 }: ConnectOptions,
  timeoutMs?: number,
): Promise<number> {
  const family = encodeAddress(address).readUInt16LE(0)
  const fail = (errno: number): Error =>
    'path' in address
      ? addressError(errno, 'connect', address.path, null)
      : addressError(errno, 'connect', address.address, address.port)
  const fd = openStreamSocket(family)
  if (fd < 0) throw fail(fd)
  ownDescriptor(fd)
  try {
    if (!('path' in address) && (localAddress !== undefined || localPort !== 0)) {
      const from = localAddress ?? (address.address.includes(':') ? '::' : '0.0.0.0')
      const bound = bindSocket(fd, encodeAddress({ address: from, port: localPort }))
      if (bound < 0) throw addressError(bound, 'bind', from, localPort)
    }
    const limits = timeoutMs === undefined ? { signal } : { signal, timeoutMs }
    await new RawRing(handle).submit(op.connect({ fd, address }), limits)
    return fd
  } catch (error) {
    closeNow(fd)
    const { errno, syscall } = error as NodeJS.ErrnoException
    throw typeof errno === 'number' && syscall !== 'bind' ? fail(errno) : error
  }
}

/** Of those that are open; where none is, any can say why. */
function leastLoaded(handles: readonly RingHandle[]): RingHandle {
  const open = handles.filter(({ client }) => client.state === ClientState.open)
  return (open.length > 0 ? open : handles).reduce((least, handle) =>
    handle.client.load < least.client.load ? handle : least,
  )
}
