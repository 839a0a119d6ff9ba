// The HTTP server of the daemon: node:http with limits, one FileService behind it, and a way to stop without cutting
// anyone off. Started by services/cli/serve.ts.
import { once } from 'node:events'
import { STATUS_CODES, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { registerPlane, type MetricsRegistry } from '../../metrics/exporter.ts'
import { Connections } from './connections.ts'
import { FileService } from './file-service.ts'
import { HttpCounters } from './http-counters.ts'
import { codeOf } from './http-error.ts'
import { httpPlane } from './http-plane.ts'
import { defaultHttpLimits, type HttpLimits } from './limits.ts'
import type { Folder } from './storage.ts'
import { HttpTraffic } from './traffic.ts'

export interface HttpServerOptions {
  readonly folder: Folder
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Descriptor of a socket that listens, from a service manager: instead of host and port. */
  readonly fd?: number | undefined
  readonly log: Logger
  readonly limits?: Partial<HttpLimits>
  /** Answers what is not to be served, and resolves when it has; null: this may be. */
  readonly refuse?: (request: IncomingMessage, response: ServerResponse) => Promise<void> | null
}

export class HttpServer {
  readonly #server: Server
  readonly #connections = new Connections()
  readonly #counters = new HttpCounters()
  /** Who asks for which files, while somebody wants to know. */
  readonly traffic: HttpTraffic = new HttpTraffic()
  readonly #service: FileService
  readonly #refusal: NonNullable<HttpServerOptions['refuse']>
  #leaving = false

  /** Resolves when connections are accepted. */
  static async start(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options)
    const { host, port, fd } = options
    server.#server.listen(fd === undefined ? { host, port } : { fd })
    await once(server.#server, 'listening')
    server.#server.on('error', (error) => {
      options.log.error({ err: error }, 'http server error')
    })
    return server
  }

  private constructor({ folder, log, limits: changed, refuse = () => null }: HttpServerOptions) {
    this.#refusal = refuse
    const limits = { ...defaultHttpLimits, ...changed }
    this.#service = new FileService({ folder, limits, counters: this.#counters, traffic: this.traffic, log })
    this.#server = createServer({
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMsMax,
      requestTimeout: limits.requestMsMax,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.deadlineCheckMs,
    })
    this.#server.maxConnections = limits.connectionsMax
    this.#server.maxRequestsPerSocket = limits.requestsPerConnectionMax
    this.#server.timeout = limits.stalledMsMax

    this.#server.on('connection', (socket) => {
      this.#connections.add(socket)
    })
    this.#server.on('request', this.#receive)
    this.#server.on('checkContinue', (request, response) => {
      // No method here takes a body, so it is not asked for. Whether it comes nevertheless cannot be known: close.
      response.shouldKeepAlive = false
      this.#receive(request, response)
    })
    this.#server.on('checkExpectation', ({ method }, response) => {
      response.writeHead(417, { 'Content-Length': 0 }).end()
      this.#countAtOnce(method, 417)
    })
    this.#server.on('connect', ({ method }, socket) => {
      this.#countAtOnce(method, 405)
      closeWith(socket, 405, 'Allow: GET, HEAD\r\n')
    })
    this.#server.on('clientError', (error, socket) => {
      this.#refuse(error, socket)
    })
    this.#server.on('drop', () => {
      this.#counters.connectionsRefused++
    })
  }

  get address(): AddressInfo {
    const { bound } = this
    if (bound === null) throw new Error('the HTTP server is not listening on a port')
    return bound
  }

  /** Where it listens; null of a Unix socket, which has no port. */
  get bound(): AddressInfo | null {
    const address = this.#server.address()
    return typeof address === 'string' ? null : address
  }

  /** Adds this server to a registry; the returned function takes it out again. */
  register(registry: MetricsRegistry): () => void {
    return registerPlane(registry, httpPlane, () => [
      {
        labels: [],
        reading: {
          counters: this.#counters,
          requestsInFlight: this.#connections.pending,
          connectionsOpen: this.#connections.open,
          bodyBuffersInUse: this.#service.buffersInUse,
          bodyBufferWaiters: this.#service.bufferWaiters,
        },
      },
    ])
  }

  get requestsInFlight(): number {
    return this.#connections.pending
  }

  /** From now on each answer is the last of its connection: clients come back elsewhere before drain() stops accepting. */
  sendAway(): void {
    this.#leaving = true
  }

  /**
   * Stops accepting, finishes what is in flight, and resolves when no request uses a file any more. What is not done
   * after `msMax` is cut off; says how many requests that were.
   */
  async drain(msMax: number): Promise<number> {
    let cutOff = 0
    const deadline = setTimeout(() => {
      cutOff = this.#connections.pending
      this.#server.closeAllConnections()
    }, msMax)
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
    await Promise.all([closed, this.#connections.drain()])
    clearTimeout(deadline)
    return cutOff
  }

  /** A connection that broke, or sent something that is no request, or too slowly. */
  #refuse(error: Error, socket: Duplex): void {
    const status = statusOfParseError(error)
    if (status !== undefined) this.#counters.badRequests++
    // In the middle of another answer a status line would become part of its body.
    if (status === undefined || !socket.writable || this.#connections.isAnswering(socket)) socket.destroy()
    else closeWith(socket, status)
  }

  /** An answer that no file was asked for. */
  #countAtOnce(method: string | undefined, status: number): void {
    this.#counters.countResponse({ method, status, durationNs: 0, trace: null })
  }

  readonly #receive = (request: IncomingMessage, response: ServerResponse): void => {
    // Told before the answer starts, a client knows not to send its next request on this connection.
    if (this.#leaving || this.#connections.draining) response.shouldKeepAlive = false
    this.#connections.run(request.socket, response, async () => {
      const refused = this.#refusal(request, response)
      if (refused === null) return this.#service.serve(request, response)
      await refused
      this.#countAtOnce(request.method, response.statusCode)
    })
  }
}

/** Answers outside of any request; what else the connection sends is not read. */
function closeWith(socket: Duplex, status: number, extraHeaders = ''): void {
  const headers = `${extraHeaders}Content-Length: 0\r\nConnection: close\r\n`
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers}\r\n`, () => socket.destroy())
}

/** Undefined for errors of the connection itself, which nobody is left to hear of. */
function statusOfParseError(error: Error): number | undefined {
  const code = codeOf(error)
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code?.startsWith('HPE_') ? 400 : undefined
}
