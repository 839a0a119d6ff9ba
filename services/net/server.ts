// A server on rings: one listening socket, one multishot accept on each ring, and each connection stays on the ring that accepted it. As
// net.Server where code depends on it. Made by createServer() (index.ts).
//
// Why one shared socket and not one for each ring (SO_REUSEPORT): there the kernel deals connections out by their addresses, whether a ring
// keeps up or not, and those that wait for a ring that ends are lost. Of accepts on one socket it wakes one (EPOLLEXCLUSIVE), which is ready.
import { EventEmitter } from 'node:events'
import type { AddressInfo } from 'node:net'
import { RingError, ringErrors } from '../../native/errors.ts'
import { rawUsers } from '../raw/raw-users.ts'
import { withoutRing } from '../raw/support.ts'
import { Poller } from '../../workers/poller-kind.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkOptionsObject, checkSignal } from '../arguments.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { Acceptor } from './acceptor.ts'
import type { AcceptorSink } from './acceptor.ts'
import { Names, nameOf } from './address.ts'
import { closeDescriptor, closeNow } from './descriptors.ts'
import { closeListener, isDigits, openListener } from './listen.ts'
import type { Listener, ListenOptions } from './listen.ts'
import { roomOn } from './ring-room.ts'
import { Socket } from './socket.ts'
import type { SocketOptions } from './socket.ts'

export interface ServerOptions extends SocketOptions {
  /** Connections that are not read before somebody asks for it. Default false. */
  readonly pauseOnConnect?: boolean
}

/** Which connection was refused because there were `maxConnections`. */
export interface DroppedConnection {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly localFamily?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  /** Why, where it was not because of `maxConnections`. */
  readonly error?: unknown
}

export class Server extends EventEmitter {
  /** Connections beyond it are closed at once, and 'drop' says so. undefined: as many as rings and descriptors allow. */
  maxConnections: number | undefined
  private readonly rings: Ringmaster
  private readonly options: ServerOptions
  private readonly sockets = new Set<Socket>()
  private acceptors: Acceptor[] = []
  private listener: Listener | null = null
  private opening = false
  private closing = false
  private idleAcceptors = 0
  private referenced = true
  private forgetSignal: (() => void) | null = null
  private readonly sink: AcceptorSink = {
    accepted: (handle, fd) => {
      this.take(handle, fd)
    },
    acceptStarved: (errno) => {
      this.emit('starved', errno)
    },
    acceptFailed: (error) => {
      this.fail(error)
    },
    acceptorLost: (acceptor) => {
      this.acceptors = this.acceptors.filter((other) => other !== acceptor)
      this.whenDone()
    },
    ringCloses: () => {
      this.close()
    },
    acceptorIdle: () => {
      this.idleAcceptors++
      this.whenDone()
    },
  }

  constructor(rings: Ringmaster, options: ServerOptions = {}, onConnection?: (socket: Socket) => void) {
    super()
    checkOptionsObject(options)
    this.rings = rings
    this.options = options
    if (onConnection !== undefined) this.on('connection', onConnection)
  }

  get listening(): boolean {
    return this.listener !== null && !this.closing
  }

  /**
   * Listens: on a port, a path, or what ListenOptions says. 'listening' follows, or 'error' (EADDRINUSE, EACCES, …). Where the host is no
   * name that has to be looked up, address() has the answer at once.
   * @throws ERR_SERVER_ALREADY_LISTEN, ERR_INVALID_ARG_*
   */
  listen(options: ListenOptions, onListening?: () => void): this
  listen(port?: number | string, host?: string, backlog?: number, onListening?: () => void): this
  listen(port?: number | string, host?: string, onListening?: () => void): this
  listen(port?: number | string, backlog?: number, onListening?: () => void): this
  listen(port?: number | string, onListening?: () => void): this
  listen(path: string, backlog?: number, onListening?: () => void): this
  listen(...given: readonly unknown[]): this {
    const callback = given.at(-1)
    if (typeof callback === 'function') this.once('listening', callback as () => void)
    if (this.opening || this.listener !== null || this.closing)
      throw new RingError('ERR_SERVER_ALREADY_LISTEN', 'the server listens already, or is about to: close() it first')
    const options = listenOptions(given)
    const signal = checkSignal(options.signal)
    const opened = openListener(options)
    if (signal !== undefined && !(opened instanceof Error)) this.forgetSignal = stopWith(this, signal)
    if (opened instanceof Promise) {
      this.opening = true
      void this.open(opened)
    } else if (opened instanceof Error) process.nextTick(() => this.emit('error', opened))
    else this.opened(opened)
    return this
  }

  private async open(opening: Promise<Listener | Error>): Promise<void> {
    const opened = await opening
    this.opening = false
    if (opened instanceof Error) {
      this.forgetSignal?.()
      process.nextTick(() => this.emit('error', opened))
      this.whenDone()
    } else if (this.closing) {
      this.listener = opened
      this.whenDone()
    } else this.opened(opened)
  }

  private opened(listener: Listener): void {
    this.listener = listener
    try {
      this.accept(listener)
    } catch (error) {
      this.fail(error)
      return
    }
    process.nextTick(() => {
      if (this.listener === listener && !this.closing) this.emit('listening')
    })
  }

  private fail(error: unknown): void {
    if (this.closing) return
    process.nextTick(() => this.emit('error', error))
    this.close()
  }

  /** On every ring; on one that takes the place of another, too. */
  private accept(listener: Listener): void {
    const { rings: openRings } = this.rings
    openRings.onRenewed.add(this.onRenewed)
    for (const handle of openRings.handles) this.acceptOn(handle, listener.fd)
  }

  private acceptOn(handle: RingHandle, fd: number): void {
    if (handle.client.poller === Poller.threadpool)
      throw withoutRing('a server', 'use node:net, whose sockets need none')
    rawUsers.add(handle) // connections stay on their ring: it is not to be moved to another poller
    const acceptor = new Acceptor(handle, fd, this.sink)
    this.acceptors.push(acceptor)
    if (!this.referenced) acceptor.setReferenced(false)
    acceptor.start()
  }

  private readonly onRenewed = (ring: number): void => {
    const { listener } = this
    const handle = this.rings.rings.handles[ring]
    if (listener === null || this.closing || handle === undefined) return
    try {
      this.acceptOn(handle, listener.fd)
    } catch (error) {
      this.fail(error) // whoever has renewed the ring has nothing to do with it
    }
  }

  private take(handle: RingHandle, fd: number): void {
    const { maxConnections, options, sockets } = this
    if (maxConnections !== undefined && sockets.size >= maxConnections) {
      const names = new Names(fd)
      const { address: localAddress, port: localPort, family: localFamily } = names.of('local', true)
      const { address: remoteAddress, port: remotePort, family: remoteFamily } = names.of('peer', true)
      closeDescriptor(handle, fd)
      const local = { localAddress, localPort, localFamily }
      this.emit('drop', { ...local, remoteAddress, remotePort, remoteFamily } satisfies DroppedConnection)
      return
    }
    if (roomOn(handle) <= 0) {
      closeDescriptor(handle, fd)
      this.emit('drop', { error: ringErrors.backlogFull(handle.client.backlogMax) } satisfies DroppedConnection)
      return
    }
    const socket = new Socket(options)
    socket.server = this
    if (options.pauseOnConnect === true) socket.pause()
    try {
      socket.open(handle, fd)
    } catch (error) {
      closeNow(fd) // there are no shared buffers to be had, and the socket is nobody's yet
      this.emit('drop', { error } satisfies DroppedConnection)
      return
    }
    sockets.add(socket)
    socket.owner = this
    this.emit('connection', socket)
  }

  /** @internal */
  socketClosed(socket: Socket): void {
    this.sockets.delete(socket)
    for (const acceptor of this.acceptors) acceptor.descriptorFreed()
    this.whenDone()
  }

  /** Where it listens: an address, or a path; null where it does not. */
  address(): AddressInfo | string | null {
    const { listener } = this
    return listener === null || this.closing ? null : (listener.path ?? nameOf(listener.fd, 'local'))
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.sockets.size)
    return this
  }

  ref(): this {
    return this.setReferenced(true)
  }

  /** Listening is no reason for the process to stay alive. */
  unref(): this {
    return this.setReferenced(false)
  }

  private setReferenced(referenced: boolean): this {
    this.referenced = referenced
    for (const acceptor of this.acceptors) acceptor.setReferenced(referenced)
    return this
  }

  /** Accepts no more; 'close' follows when the last connection has ended. The callback gets ERR_SERVER_NOT_RUNNING where it did not listen. */
  close(callback?: (error?: Error) => void): this {
    const running = this.opening || this.listener !== null || this.closing
    if (callback !== undefined) {
      if (running) this.once('close', () => callback())
      else process.nextTick(callback, new RingError('ERR_SERVER_NOT_RUNNING', 'Server is not running.'))
    }
    if (!running || this.closing) return this
    this.closing = true
    this.rings.rings.onRenewed.delete(this.onRenewed)
    for (const acceptor of this.acceptors) acceptor.stop()
    this.whenDone()
    return this
  }

  /** Closes it, and every connection with it. Resolves when all is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.close(() => resolve()))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private whenDone(): void {
    if (!this.closing || this.opening || this.idleAcceptors < this.acceptors.length) return
    const { listener } = this
    this.listener = null
    if (listener !== null) closeListener(listener)
    if (this.sockets.size > 0) return
    this.acceptors = []
    this.idleAcceptors = 0
    this.closing = false
    process.nextTick(() => this.emit('close'))
  }
}

function listenOptions(given: readonly unknown[]): ListenOptions {
  const [first, second, third] = given
  if (typeof first === 'object' && first !== null) return first
  const number = [second, third].find((value) => typeof value === 'number')
  const backlog = number === undefined ? {} : { backlog: number }
  if (typeof first === 'string' && !isDigits(first)) return { path: first, ...backlog }
  const port = typeof first === 'number' || typeof first === 'string' ? first : 0
  return typeof second === 'string' ? { port, host: second, ...backlog } : { port, ...backlog }
}

/** The server closes when `signal` says so. Returns how to forget about it, which it does itself when it is closed. */
function stopWith(server: Server, signal: AbortSignal): () => void {
  const onAbort = (): void => {
    server.close()
  }
  const forget = (): void => {
    signal.removeEventListener('abort', onAbort)
  }
  if (signal.aborted) process.nextTick(onAbort)
  else {
    signal.addEventListener('abort', onAbort, { once: true })
    server.once('close', forget)
  }
  return forget
}
