// A connection to somewhere: names are looked up, each address is tried in turn, the socket follows when one answers. Used by index.ts.
import { lookup } from 'node:dns'
import type { LookupAddress, LookupAllOptions } from 'node:dns'
import { promisify } from 'node:util'
import { binding } from '../../native/binding.ts'
import { abortError, invalidArgValue, kernelError } from '../../native/errors.ts'
import { bindSocket, openStreamSocket } from '../../native/sockets.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkOptionsObject } from '../arguments.ts'
import { op, RawRing } from '../raw/index.ts'
import { rawUsers } from '../raw/raw-users.ts'
import { encodeAddress } from '../raw/socket-address.ts'
import type { SocketAddress } from '../raw/socket-address.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { addressError } from './address.ts'
import { checkPort } from './listen.ts'
import { Socket } from './socket.ts'
import { throwLater } from './thrown.ts'
import type { SocketOptions } from './socket.ts'

export interface ConnectOptions extends SocketOptions {
  readonly port?: number | string | null | undefined
  /** An address or a name. Default 'localhost'. */
  readonly host?: string | null | undefined
  /** Of a name's addresses: only those of IPv4 (4) or IPv6 (6). Default: all. */
  readonly family?: number | undefined
  /** Looks names up instead of dns.lookup(), with its arguments; asked for all addresses. */
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
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** How long one address of several may take before the next is tried (node:net's autoSelectFamilyAttemptTimeout). */
const attemptMs = 250

/** Connects `socket`; it emits 'connect' and 'ready', or 'error' and 'close'. */
export function connectSocket(rings: Ringmaster, options: ConnectOptions): Socket {
  checkOptionsObject(options)
  const { path, port, timeout } = options
  if (typeof path !== 'string' && (port === undefined || port === null))
    throw invalidArgValue('options', options, 'must have a port or a path')
  if (typeof path !== 'string') checkPort(port)
  const handle = leastLoaded(rings.rings.handles)
  const socket = new Socket(options)
  socket.connecting = true
  if (timeout !== undefined) socket.setTimeout(timeout)
  const stop = new AbortController()
  socket.once('close', () => {
    stop.abort()
  })
  const { signal } = options
  if (signal !== undefined) {
    const onAbort = (): void => {
      socket.destroy(abortError(signal))
    }
    if (signal.aborted) process.nextTick(onAbort)
    else {
      signal.addEventListener('abort', onAbort, { once: true })
      socket.once('close', () => {
        signal.removeEventListener('abort', onAbort)
      })
    }
  }
  void establish(handle, socket, options, stop.signal)
  return socket
}

async function establish(
  handle: RingHandle,
  socket: Socket,
  options: ConnectOptions,
  stop: AbortSignal,
): Promise<void> {
  try {
    const addresses = await addressesOf(socket, options)
    const fd = await connectAny(handle, addresses, stop, options)
    if (socket.destroyed) {
      binding().closeFd(fd)
      return
    }
    rawUsers.add(handle)
    socket.connecting = false
    try {
      socket.open(handle, fd)
    } catch (error) {
      binding().closeFd(fd)
      throw error
    }
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
  const { path, family = 0 } = options
  if (typeof path === 'string') return [{ path }]
  const host = options.host ?? 'localhost'
  const port = checkPort(options.port)
  const find: Lookup = options.lookup ?? lookup
  const found = await promisify(find)(host, { all: true, family })
  for (const { address, family: of } of found) socket.emit('lookup', null, address, of, host)
  return found.map(({ address }) => ({ address, port }))
}

async function connectAny(
  handle: RingHandle,
  addresses: readonly SocketAddress[],
  stop: AbortSignal,
  from: ConnectOptions,
): Promise<number> {
  const failures: unknown[] = []
  for (const address of addresses) {
    const last = address === addresses.at(-1)
    try {
      return await connectTo(handle, address, stop, from, last ? undefined : attemptMs)
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
  try {
    if (!('path' in address) && (localAddress !== undefined || localPort !== 0)) {
      const everywhere = address.address.includes(':') ? '::' : '0.0.0.0'
      const bound = bindSocket(fd, encodeAddress({ address: localAddress ?? everywhere, port: localPort }))
      if (bound < 0) throw kernelError(bound, 'bind')
    }
    const limits = timeoutMs === undefined ? { signal } : { signal, timeoutMs }
    await new RawRing(handle).submit(op.connect({ fd, address }), limits)
    return fd
  } catch (error) {
    binding().closeFd(fd)
    const errno = error instanceof Error && 'errno' in error ? error.errno : undefined
    throw typeof errno === 'number' ? fail(errno) : error
  }
}

function leastLoaded(handles: readonly RingHandle[]): RingHandle {
  return handles.reduce((least, handle) => (handle.client.load < least.client.load ? handle : least))
}
