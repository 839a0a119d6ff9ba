// The operator's port: a table of routes, to which the daemon (`serve`) adds its own. Here are /metrics, /livez, /readyz and the
// index; live-feed.ts, live-page.ts and others bring the rest. Called by services/cli/file-daemon.ts.
//
// On node:http and never on the rings it reports on: it has to answer when they do not. Whatever a client sends, the
// answer is a status code or a closed socket, never an exception: this port must not be a way to stop the I/O.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MetricsRegistry } from './exporter.ts'
import { AnswerQueue } from './answer-queue.ts'
import { renderMetrics, type ScrapeHeaders } from './render.ts'
import { type ConnectionLimits, limitConnections, usualConnections } from './connection-limit.ts'
import { hostCheck, type HostCheck } from './host-check.ts'

/** Whether a probe passes; `reason` is sent as the body when it does not. */
export interface ProbeResult {
  ok: boolean
  reason?: string
  /** Every check by its name, a line each: below the verdict. */
  details?: string
}

/** A request as a route sees it. */
export interface AdminRequest {
  /** Path and query; the host is of no importance. */
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  /** Aborted when whoever asked has gone: stop working for them. */
  readonly signal: AbortSignal
}

/** A whole answer. */
export interface Reply {
  readonly status: number
  readonly body: string | Uint8Array
  /** Default: text/plain. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Called when the answer was sent, or its client is gone. */
  readonly sent?: () => void
}

/** An answer that takes its time: status and headers, then whatever `start` writes to the response, without the idle limit. */
export interface StreamReply {
  readonly status: number
  readonly contentType: string
  /** Must bound what it buffers for a reader that does not read. The server closes the response when it closes itself. */
  start(response: ServerResponse): void
}

export type Route = (request: AdminRequest) => Reply | StreamReply | Promise<Reply | StreamReply>

export interface AdminServerOptions {
  /** An address to listen on, IPv4 or IPv6, or a name. There is no authentication: loopback unless there is a reason. */
  host: string
  /** 0 takes a free port; `url` says which. */
  port: number
  /** Descriptor of a socket that listens, from a service manager: instead of host and port. */
  fd?: number
  registry: MetricsRegistry
  /** May requests be sent here? Answers /readyz. */
  ready: () => ProbeResult
  /** Is the process beyond repair, so that it should be restarted? Answers /livez. */
  live: () => ProbeResult
  /** What the index page says about this process. */
  describe: () => string
  /** By path, in addition to those above or in place of them. */
  routes?: ReadonlyMap<string, Route>
  /** The page for browsers at `/`, which see the index as plain text otherwise. */
  page?: Route | undefined
  /** Answer whatever name the server was reached by; else its own address and loopback's names only: see host-check.ts. */
  anyHost?: boolean
  /** How many may be connected; default 128, and 1024 of a burst. */
  connections?: ConnectionLimits
}

export interface AdminServer {
  /** Base URL without a trailing slash, as reachable from this machine for wildcard addresses too; empty of a Unix socket. */
  readonly url: string
  /** Where it listens; null of a Unix socket, which has no port. */
  readonly address: AddressInfo | null
  /** Stops listening, drops idle connections and streams at once and busy ones after a second. May be called again. */
  close(): Promise<void>
}

const requestMsMax = 5_000
const keepAliveMs = 5_000
/** A reader this slow is not coming back for the rest. */
const socketIdleMsMax = 10_000
/** For half of a request: who holds connections open and says nothing shall not hold them long. */
const headersMsMax = 2_000
const sweepMs = 500
const headerSizeBytesMax = 8 * 1024
const closeGraceMs = 1_000

/** Starts listening. Rejects when the address is taken or not ours, with Node's own error. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const routes = routesOf(options)
  const streams = new Set<ServerResponse>()
  const mayAsk = hostCheck(options.host, options.anyHost === true)
  const queue = new AnswerQueue()
  const server = createServer(
    {
      requestTimeout: requestMsMax,
      headersTimeout: headersMsMax,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: sweepMs,
      maxHeaderSize: headerSizeBytesMax,
    },
    (request, response) => {
      // A body is none of our business: read past it so that the connection can be used again, within the request timeout.
      request.resume()
      queue.add(request.socket, {
        response,
        isProbe: probes.has(targetOf(request).path),
        answer: () => void answer({ routes, streams, mayAsk }, request, response),
      })
    },
  )
  server.timeout = socketIdleMsMax
  // Else node:http closes the connection as soon as the client has closed its half, before what takes time is answered.
  Object.assign(server, { httpAllowHalfOpen: true })
  limitConnections(server, options.connections ?? usualConnections)
  server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined)
    socket.end(connectAnswer)
  })
  await listen(server, options)
  // From here on an error is about one connection that could not be accepted; without a listener it would end the process.
  server.on('error', () => undefined)
  let closed: Promise<void> | undefined
  const bound = server.address()
  const address = typeof bound === 'string' ? null : bound
  return { url: urlOf(address), address, close: () => (closed ??= close(server, streams)) }
}

function routesOf(options: AdminServerOptions): ReadonlyMap<string, Route> {
  const { registry, ready, live, describe, routes, page } = options
  const index: Route = () => ({ status: 200, body: `${describe()}\n\n${told.join('\n')}\n` })
  const wantsPage = (request: AdminRequest): boolean => request.headers.accept?.includes('text/html') === true
  const all = new Map<string, Route>([
    ['/metrics', ({ headers }) => metricsReply(registry, headers)],
    ['/livez', () => probe(live())],
    ['/readyz', () => probe(ready())],
    ['/', (request) => (page !== undefined && wantsPage(request) ? page(request) : index(request))],
    ...(routes ?? []),
  ])
  const isThere = (path: string): boolean => all.has(path) && (path !== '/' || page !== undefined)
  const told = indexLines.flatMap(([path, about]) => (isThere(path) ? [`${path.padEnd(9)} ${about}`] : []))
  return all
}

async function metricsReply(registry: MetricsRegistry, headers: ScrapeHeaders): Promise<Reply> {
  const { contentType, contentEncoding, body, release } = await renderMetrics(registry, headers)
  const encoding = contentEncoding === null ? {} : { 'Content-Encoding': contentEncoding }
  return { status: 200, body, contentType, headers: { Vary: 'Accept, Accept-Encoding', ...encoding }, sent: release }
}

/** What orchestrators ask with a time limit, and what costs next to nothing to answer. */
const probes: ReadonlySet<string> = new Set(['/livez', '/readyz'])

const indexLines: readonly (readonly [path: string, about: string])[] = [
  ['/', 'in a browser: the rings as they turn'],
  ['/metrics', 'counters and latencies for Prometheus'],
  ['/livez', '200 while the process is worth keeping'],
  ['/readyz', '200 while requests may be sent here'],
  ['/trace', 'what the rings do for ?seconds=5, for ui.perfetto.dev'],
  ['/traffic', 'paths that are asked for, and addresses of who asks (serve --traffic off: not told)'],
]

function probe({ ok, reason, details }: ProbeResult): Reply {
  const lines = [ok ? 'ok' : (reason ?? 'not ok'), ...(details === undefined ? [] : [details])]
  return { status: ok ? 200 : 503, body: `${lines.join('\n')}\n` }
}

interface Answering {
  readonly routes: ReadonlyMap<string, Route>
  readonly streams: Set<ServerResponse>
  readonly mayAsk: HostCheck
}

async function answer(
  { routes, streams, mayAsk }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { path, host } = targetOf(request)
    const route = routes.get(path)
    const refusal = mayAsk(host)
    if (refusal !== null) send(response, { status: 421, body: `${refusal}\n` })
    else if (route === undefined) send(response, { status: 404, body: 'not found; / lists what there is\n' })
    else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      send(response, { status: 405, body: 'only GET and HEAD\n' })
    } else {
      const reply = await route(adminRequest(request, response))
      if (!('start' in reply)) send(response, reply)
      else if (request.method === 'HEAD') sendHead(response, reply)
      else stream(response, reply, streams)
    }
  } catch (error) {
    // A route failed. Its message helps whoever is looking; a stack would help only an attacker.
    if (response.headersSent) response.destroy()
    else send(response, { status: 500, body: `${error instanceof Error ? error.message : 'failed'}\n` })
  }
}

/** Of a target in absolute form its own host counts, and the header does not (RFC 9112, section 3.2.2). */
function targetOf({ url = '', headers }: IncomingMessage): { path: string; host: string | undefined } {
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) {
    const { pathname, host } = new URL(url)
    return { path: pathname, host }
  }
  const [path = ''] = url.split('?', 1)
  return { path, host: headers.host }
}

const connectAnswer =
  'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Type: text/plain; charset=utf-8\r\n' +
  'Content-Length: 18\r\nConnection: close\r\n\r\nonly GET and HEAD\n'

function adminRequest(request: IncomingMessage, response: ServerResponse): AdminRequest {
  const gone = new AbortController()
  const abort = (): void => gone.abort()
  // Whoever has gone looks like who has closed one half, until something is sent. It may have gone before its turn came.
  if (request.socket.readableEnded) abort()
  request.socket.once('end', abort)
  response.once('close', () => {
    request.socket.off('end', abort)
    abort()
  })
  return {
    url: new URL(request.url ?? '/', 'http://admin'),
    headers: request.headers,
    signal: gone.signal,
  }
}

const securityHeaders = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

function send(response: ServerResponse, { status, body, contentType, headers, sent }: Reply): void {
  if (sent !== undefined) response.once('close', sent)
  response.writeHead(status, {
    'Content-Type': contentType ?? 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...securityHeaders,
    ...headers,
  })
  // For HEAD node:http sends the headers and leaves the body out.
  response.end(body)
}

/** Of what has no length that anybody knows before: a GET would not name one either (RFC 9110, section 8.6). */
function sendHead(response: ServerResponse, { status, contentType }: StreamReply): void {
  response.writeHead(status, { 'Content-Type': contentType, ...securityHeaders, Connection: 'close' })
  response.end()
}

function stream(response: ServerResponse, reply: StreamReply, streams: Set<ServerResponse>): void {
  // Whoever looks at a quiet ring is not idle: reply.start() watches over its readers itself.
  response.socket?.setTimeout(0)
  response.writeHead(reply.status, { 'Content-Type': reply.contentType, ...securityHeaders, Connection: 'close' })
  response.flushHeaders()
  streams.add(response)
  response.once('close', () => streams.delete(response))
  response.on('error', () => undefined)
  if (response.socket?.readableEnded === true) {
    response.destroy()
    return
  }
  response.socket?.once('end', () => response.destroy())
  reply.start(response)
}

function listen(server: Server, { host, port, fd }: AdminServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(fd === undefined ? { host, port } : { fd }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

function urlOf(address: AddressInfo | null): string {
  if (address === null) return ''
  // A wildcard is a place to listen, not one to connect to.
  const host = address.address === '0.0.0.0' ? '127.0.0.1' : address.address === '::' ? '::1' : address.address
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}

function close(server: Server, streams: ReadonlySet<ServerResponse>): Promise<void> {
  return new Promise((resolve) => {
    const forced = setTimeout(() => server.closeAllConnections(), closeGraceMs)
    server.close(() => {
      clearTimeout(forced)
      resolve()
    })
    // An end that the reader must still read would wait for it: a stream has nothing to lose.
    for (const response of streams) response.destroy()
    server.closeIdleConnections()
  })
}
