// The blob service on the rings of one thread: connections that they accept, a FileService behind them, and a way to stop without cutting
// anyone off. Its surface is HttpServer's (services/http). Made by resident.ts in each ring worker, and by tests in their own thread.
import type { AddressInfo } from 'node:net'
import { binding } from '../../native/binding.ts'
import { shutdownSocket } from '../../native/sockets.ts'
import { Poller } from '../../workers/poller-kind.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { FileService } from '../http/file-service.ts'
import type { HttpAnswer } from '../http/exchange.ts'
import { HttpCounters } from '../http/http-counters.ts'
import { codeOf, toHttpError } from '../http/http-error.ts'
import type { HttpReading } from '../http/http-plane.ts'
import { httpPlane } from '../http/http-plane.ts'
import { HttpTraffic } from '../http/traffic.ts'
import { registerPlane, type MetricsRegistry } from '../../metrics/exporter.ts'
import { nameOf } from '../net/address.ts'
import { Acceptor } from '../net/acceptor.ts'
import type { AcceptorSink } from '../net/acceptor.ts'
import { closeDescriptor } from '../net/descriptors.ts'
import { openListener } from '../net/listen.ts'
import { rawUsers } from '../raw/raw-users.ts'
import { withoutRing } from '../raw/support.ts'
import { Access, challengeOf } from './access.ts'
import type { KnownToken } from './access.ts'
import type { BlobRequest } from './blob-request.ts'
import { BlobConnection } from './connection.ts'
import type { ConnectionHost } from './connection-host.ts'
import type { Dialect } from './dialects/dialect.ts'
import { makeDialects } from './dialects/index.ts'
import { defaultBlobLimits, type BlobLimits } from './limits.ts'
import { ObjectService, allowed } from './object-service.ts'
import type { RequestHead } from './request-head.ts'
import type { BlobServerOptions, ListenAt } from './server-options.ts'

export class BlobServer implements ConnectionHost, AcceptorSink, HttpReading {
  readonly limits: BlobLimits
  readonly counters: HttpCounters
  /** Who asks for which files, while somebody wants to know. */
  readonly traffic: HttpTraffic = new HttpTraffic()
  leaving = false
  private readonly options: BlobServerOptions
  private readonly files: FileService
  private readonly dialects: readonly Dialect[]
  private access: Access
  private readonly connections = new Set<BlobConnection>()
  private readonly acceptors: Acceptor[] = []
  private listenFd = -1
  /** Where it is closed: made here, or given to be closed. */
  private ownsListener = false
  private pending = 0
  private idleAcceptors = 0
  private stopping = false
  private readonly whenIdle: (() => void)[] = []
  private readonly timer: NodeJS.Timeout
  /** While requests wait for buffers. */
  private relief: NodeJS.Timeout | null = null

  constructor(options: BlobServerOptions) {
    const limits = { ...defaultBlobLimits, ...options.limits }
    const { folder, log } = options
    this.options = options
    this.limits = limits
    this.counters = options.counters ?? new HttpCounters()
    const { precompressed = false } = options
    const { counters, traffic, relieve: onBufferWait } = this
    this.files = new FileService({ folder, limits, counters, traffic, log, precompressed, onBufferWait })
    const { objects = null, tokens = null } = options
    const { validatorSettleMs: settleMs, uploadsMax } = limits
    const backend = {
      ...{ files: this.files, folder, counters, log },
      objects:
        objects === null ? null : new ObjectService({ room: null, ...objects, settleMs, uploadsMax, counters, log }),
    }
    this.dialects = makeDialects(options.dialects ?? ['raw'], backend)
    this.access = new Access(tokens, options.anonymousReads)
    const everyMs = Math.min(limits.deadlineCheckMs, limits.stalledMsMax, limits.lingerMsMax)
    this.timer = setInterval(() => {
      for (const connection of this.connections) connection.look(everyMs)
      this.changed()
    }, everyMs)
    this.timer.unref()
  }

  /** Listens by itself. @throws (rejects) EADDRINUSE, EACCES, … as net.Server.listen() tells them */
  static async start(options: BlobServerOptions & ListenAt): Promise<BlobServer> {
    const { host, port, fd } = options
    const listener = await openListener(fd === undefined ? { host, port } : { fd })
    if (listener instanceof Error) throw listener
    const server = new BlobServer(options)
    server.ownsListener = true
    try {
      server.accept(listener.fd)
    } catch (error) {
      clearInterval(server.timer)
      binding().closeFd(listener.fd)
      throw error
    }
    return server
  }

  /** Takes connections of a socket that listens; `isShared`: others do, too. @throws ERR_RING_OPERATION_UNSUPPORTED without io_uring */
  accept(listenFd: number, isShared: boolean = this.options.handles.length > 1): void {
    if (this.options.handles.some(({ client }) => client.poller === Poller.threadpool))
      throw withoutRing('the blob service', 'services/http serves files without it')
    this.listenFd = listenFd
    for (const handle of this.options.handles) {
      rawUsers.add(handle) // connections stay on their ring: it is not to be moved to another poller
      const acceptor = new Acceptor(handle, listenFd, this, isShared)
      this.acceptors.push(acceptor)
      acceptor.start()
    }
  }

  get address(): AddressInfo {
    const { bound } = this
    if (bound === null) throw new Error('the blob server is not listening on a port')
    return bound
  }

  /** Where it listens; null of a Unix socket, which has no port. */
  get bound(): AddressInfo | null {
    const name = this.listenFd < 0 ? null : nameOf(this.listenFd, 'local')
    return typeof name === 'string' ? null : name
  }

  get requestsInFlight(): number {
    return this.pending
  }

  get connectionsOpen(): number {
    return this.connections.size
  }

  get bodyBuffersInUse(): number {
    return this.files.buffersInUse
  }

  get bodyBufferWaiters(): number {
    return this.files.bufferWaiters
  }

  /** Adds this server to a registry; the returned function takes it out again. */
  register(registry: MetricsRegistry): () => void {
    return registerPlane(registry, httpPlane, () => [{ labels: [], reading: this }])
  }

  /** Requests wait for buffers: clients that are slow to take theirs are made to give them back, as long as that is so. */
  private readonly relieve = (): void => {
    this.relief ??= setTimeout(() => {
      this.relief = null
      for (const connection of this.connections) connection.relieve()
      if (this.files.bufferWaiters > 0) this.relieve()
    }, this.limits.bufferPatienceMs).unref()
  }

  /** Whom requests are from, from now on. */
  changeTokens(tokens: readonly KnownToken[] | null): void {
    this.access = new Access(tokens, this.options.anonymousReads)
  }

  /** From now on each answer is the last of its connection. */
  sendAway(): void {
    this.leaving = true
  }

  /** Stops accepting, finishes what is in flight, cuts off what is not done after `msMax`; says how many requests that were. */
  async drain(msMax: number): Promise<number> {
    this.leaving = true
    this.stopAccepting()
    for (const connection of this.connections) connection.leave()
    let cutOff = 0
    const deadline = setTimeout(() => {
      cutOff = this.pending
      for (const connection of this.connections) connection.close()
    }, msMax)
    if (!this.isIdle) await new Promise<void>((resolve) => this.whenIdle.push(resolve))
    clearTimeout(deadline)
    clearInterval(this.timer)
    return cutOff
  }

  private stopAccepting(): void {
    if (this.stopping) return
    this.stopping = true
    // From this moment on, not from the next turn: who connects now is to be told. Not where others accept from it, too.
    if (this.ownsListener) shutdownSocket(this.listenFd)
    for (const acceptor of this.acceptors) acceptor.stop()
    this.settle()
  }

  private get isIdle(): boolean {
    const { acceptors, idleAcceptors, connections, pending } = this
    return idleAcceptors === acceptors.length && connections.size === 0 && pending === 0
  }

  private settle(): void {
    if (!this.stopping) return
    if (this.ownsListener && this.idleAcceptors === this.acceptors.length) {
      this.ownsListener = false
      binding().closeFd(this.listenFd)
      this.listenFd = -1
    }
    if (this.isIdle) for (const resolve of this.whenIdle.splice(0)) resolve()
  }

  // Of its connections.

  /** @internal */
  get allowedMethods(): string {
    return (this.options.objects ?? null) === null ? 'GET, HEAD' : allowed
  }

  /** @internal */
  async serve(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { expect } = request.headers
    if (expect !== undefined && request.httpVersion === '1.1' && expect.toLowerCase() !== '100-continue') {
      answer.shouldKeepAlive = false
      answer.writeHead(417, { 'Content-Length': 0 })
      this.counters.countResponse({ method: request.method, status: 417, durationNs: 0, trace: null })
      await sent(answer)
      return
    }
    const dialect = this.dialectOf(request.url)
    const denied = this.denial(request, dialect)
    if (denied !== 0) {
      // A body that nobody has leave to send is not read.
      if (request.body !== null) answer.shouldKeepAlive = false
      this.counters.countResponse({ method: request.method, status: denied, durationNs: 0, trace: null })
      const isHead = request.method === 'HEAD'
      const more = challengeOf(denied, request.headers.authorization)
      await dialect.refuse(answer, denied, { isHead, more }).catch(() => undefined)
      return
    }
    await dialect.serve(request, answer)
  }

  private dialectOf(target: string): Dialect {
    const { dialects } = this
    let at = 0
    while (!dialects[at]!.owns(target)) at++ // the last one does
    return dialects[at]!
  }

  /** The status that says so; 0: none. */
  private denial({ method, headers, body }: BlobRequest, dialect: Dialect): number {
    try {
      this.access.check(headers.authorization, dialect.writes(method))
      return body?.refusal?.status ?? 0
    } catch (error) {
      return toHttpError(error).status
    }
  }

  /** @internal */
  takesBody({ method, target, bodyLength, headers }: RequestHead): boolean {
    const hasOne = bodyLength === 'chunked' || bodyLength > 0 || headers['content-length'] !== undefined
    return hasOne && this.dialectOf(target).takesBody(method, target)
  }

  /** @internal */
  requestBegan(): void {
    this.pending++
    this.changed()
  }

  /** @internal */
  requestEnded(): void {
    this.pending--
    this.changed()
    this.settle()
  }

  /** @internal */
  connectionClosed(connection: object): void {
    this.connections.delete(connection as BlobConnection)
    this.changed()
    for (const acceptor of this.acceptors) acceptor.descriptorFreed()
    this.settle()
  }

  // Of its acceptors.

  /** @internal */
  accepted(handle: RingHandle, fd: number): void {
    if (this.connections.size >= this.limits.connectionsMax) {
      this.counters.connectionsRefused++
      closeDescriptor(handle, fd)
      return
    }
    let connection: BlobConnection
    try {
      connection = new BlobConnection(this, handle, fd)
    } catch (error) {
      this.counters.connectionsRefused++
      this.options.log.error({ err: error }, 'no memory for another connection')
      closeDescriptor(handle, fd)
      return
    }
    this.connections.add(connection)
    this.changed()
    connection.begin()
  }

  private changed(): void {
    this.options.onChange?.(this)
  }

  /** @internal */
  acceptStarved(errno: number): void {
    this.options.log.warn({ errno }, 'no descriptor or no memory for another connection: it waits')
  }

  /** @internal */
  acceptFailed(error: Error): void {
    // EINVAL: the socket listens no more, because whoever it belongs to says so.
    if (codeOf(error) !== 'EINVAL') this.options.log.error({ err: error }, 'accepting failed: no more is accepted here')
    this.stopAccepting()
  }

  /** @internal */
  isAhead(): boolean {
    return this.options.isAhead?.() === true
  }

  /** @internal */
  acceptorLost(acceptor: Acceptor): void {
    this.acceptors.splice(this.acceptors.indexOf(acceptor), 1)
    this.settle()
  }

  /** @internal */
  ringCloses(): void {
    this.stopAccepting()
  }

  /** @internal */
  acceptorIdle(): void {
    this.idleAcceptors++
    this.settle()
  }
}

/** Ends an answer without a body. Whether its client has gone meanwhile is all the same. */
function sent(answer: HttpAnswer): Promise<void> {
  return new Promise((resolve) => {
    answer.once('finish', resolve)
    answer.once('close', resolve)
    answer.end()
  })
}
