// Answers one request: path → file → plan → body. Called by http-server.ts for every request; knows nothing of sockets,
// ports or rings. It never throws: whatever happens is an answer, or a closed connection when the answer had begun.
import { STATUS_CODES } from 'node:http'
import { traceLabels } from '../../metrics/exemplar.ts'
import { BufferPool, leaseWhileConnected } from './buffer-pool.ts'
import type { HttpAnswer, HttpRequest, ServiceLog } from './exchange.ts'
import type { HttpCounters } from './http-counters.ts'
import { ClientGone, codeOf, httpError, toHttpError, type HttpError } from './http-error.ts'
import { retryAfterSeconds, type HttpLimits } from './limits.ts'
import { openRegularFile, type OpenedFile } from './open-file.ts'
import { pieceBytes, planResponse, safetyHeaders, type ResponsePlan } from './plan.ts'
import { openVariant, type Variant } from './precompressed.ts'
import { findFault } from './request-checks.ts'
import { parseRequestTarget } from './request-path.ts'
import { end, sendBody } from './send-body.ts'
import type { Folder } from './storage.ts'
import type { HttpTraffic, Visit } from './traffic.ts'

export interface FileServiceOptions {
  readonly folder: Folder
  readonly limits: HttpLimits
  readonly counters: HttpCounters
  readonly traffic: HttpTraffic
  readonly log: ServiceLog
  /** Serve `a.txt.br`, `a.txt.zst` or `a.txt.gz` for `a.txt` to who takes that. Default false. */
  readonly precompressed?: boolean
  /** Told that a request waits for a buffer. */
  readonly onBufferWait?: () => void
}

const homeText = `This is Ringmaster: files through io_uring.

GET  /b/{path}   a file below the served folder; ranges and conditional requests are understood
HEAD /b/{path}   the same without its content

Metrics and health are on the admin address, which is another one.
`

export class FileService {
  readonly #folder: Folder
  readonly #limits: HttpLimits
  readonly #counters: HttpCounters
  readonly #traffic: HttpTraffic
  readonly #log: ServiceLog
  readonly #precompressed: boolean
  readonly #smallBuffers: BufferPool
  readonly #chunkBuffers: BufferPool

  constructor({ folder, limits, counters, traffic, log, precompressed = false, onBufferWait }: FileServiceOptions) {
    this.#folder = folder
    this.#limits = limits
    this.#counters = counters
    this.#traffic = traffic
    this.#log = log
    this.#precompressed = precompressed
    const queue = {
      waitersMax: limits.bufferWaitersMax,
      waitMsMax: limits.bufferWaitMsMax,
      ...(onBufferWait && { onWait: onBufferWait }),
    }
    this.#smallBuffers = new BufferPool({
      ...queue,
      bufferBytes: limits.smallBytes,
      buffersMax: limits.smallBuffersMax,
    })
    this.#chunkBuffers = new BufferPool({
      ...queue,
      bufferBytes: limits.chunkBytes,
      buffersMax: limits.chunkBuffersMax,
    })
  }

  get buffersInUse(): number {
    return this.#smallBuffers.inUse + this.#chunkBuffers.inUse
  }

  get bufferWaiters(): number {
    return this.#smallBuffers.waiting + this.#chunkBuffers.waiting
  }

  /**
   * Resolves when the answer is sent, or its client gone, and everything it used is given back.
   * `folder`: where this request's file is opened, if not where all are.
   */
  async serve(request: HttpRequest, response: HttpAnswer, folder: Folder = this.#folder): Promise<void> {
    if (request.socket.destroyed) return // it went away while earlier pipelined requests were answered
    const startedMs = performance.now()
    const visit = this.#traffic.begin(request.socket.remoteAddress)
    try {
      await this.#answer(request, response, folder, visit)
      this.#count(request, response.statusCode, startedMs)
      this.#log.debug({ method: request.method, target: request.url, status: response.statusCode }, 'answered')
    } catch (error) {
      await this.#fail(request, response, error, startedMs)
    } finally {
      visit?.end()
    }
  }

  async #answer(request: HttpRequest, response: HttpAnswer, folder: Folder, visit: Visit | null): Promise<void> {
    const method = request.method
    const fault = findFault(request)
    if (fault !== undefined) {
      response.shouldKeepAlive = false // where the next request begins is not to be trusted, either
      throw httpError(fault.status, fault.reason)
    }
    if (method !== 'GET' && method !== 'HEAD') throw httpError(405, 'method not allowed')
    const target = parseRequestTarget(request.url ?? '')
    if (target.kind === 'refused') throw httpError(target.status, 'refused target')
    if (target.kind === 'home') {
      await answerText(response, 200, homeText, method === 'HEAD')
      return
    }
    const plain = await openRegularFile(folder, target.path)
    visit?.opened(target.path)
    let variant: Variant | null = null
    try {
      if (this.#precompressed) variant = await openVariant(folder, target.path, plain, request.headers)
      const opened = variant?.opened ?? plain
      const plan = planResponse({
        method,
        headers: request.headers,
        path: target.path,
        file: opened.stats,
        ...(variant !== null && { encoding: variant.encoding }),
        nowMs: Date.now(),
        settleMs: this.#limits.validatorSettleMs,
      })
      await this.#carryOut(plan, opened, response, visit)
    } finally {
      if (variant !== null && variant.opened !== null) await this.#close(variant.opened)
      await this.#close(plain)
    }
  }

  readonly #countSent = (sizeBytes: number): void => {
    this.#counters.bodyBytesSent += sizeBytes
  }

  #countSentTo(visit: Visit): (sizeBytes: number) => void {
    return (sizeBytes) => {
      this.#countSent(sizeBytes)
      visit.sent(sizeBytes)
    }
  }

  async #carryOut(plan: ResponsePlan, { file }: OpenedFile, response: HttpAnswer, visit: Visit | null): Promise<void> {
    const bodyBytes = plan.pieces.reduce((sum, piece) => sum + pieceBytes(piece), 0)
    if (bodyBytes === 0) {
      response.writeHead(plan.status, plan.headers)
      await end(response)
      return
    }
    const pool = bodyBytes <= this.#smallBuffers.bufferBytes ? this.#smallBuffers : this.#chunkBuffers
    const buffer = pool.tryLease() ?? (await leaseWhileConnected(pool, response, false))
    const sent = visit === null ? this.#countSent : this.#countSentTo(visit)
    await sendBody({ response, plan, file, pool, buffer, sent })
  }

  /** The bytes are out, or will not be: a failing close changes neither, but the descriptor may be lost. */
  async #close({ file }: OpenedFile): Promise<void> {
    try {
      await file.close()
    } catch (error) {
      this.#log.error({ err: error, code: codeOf(error) }, 'closing a file failed')
    }
  }

  async #fail(request: HttpRequest, response: HttpAnswer, error: unknown, startedMs: number): Promise<void> {
    const context = { method: request.method, target: request.url, code: codeOf(error) }
    if (error instanceof ClientGone || response.destroyed) {
      this.#counters.clientsGone++
      this.#log.debug(context, 'client went away')
      response.destroy()
      return
    }
    const failure = toHttpError(error)
    if (response.headersSent) {
      // The promised length cannot be kept. A closed connection is the only way left to say so.
      this.#counters.cutShort++
      this.#log.warn({ ...context, reason: failure.message }, 'answer cut short')
      response.destroy()
      return
    }
    this.#logFailure(context, failure)
    const text = `${failure.status} ${STATUS_CODES[failure.status] ?? ''}\n` // no more: an error must not be an oracle
    await answerText(response, failure.status, text, request.method === 'HEAD').catch(() => undefined)
    this.#count(request, failure.status, startedMs)
  }

  #count({ method, headers }: HttpRequest, status: number, startedMs: number): void {
    const { traceparent } = headers
    const trace = typeof traceparent === 'string' ? traceLabels(traceparent) : null
    this.#counters.countResponse({ method, status, durationNs: (performance.now() - startedMs) * 1e6, trace })
  }

  #logFailure(context: object, failure: HttpError): void {
    const fields = { ...context, status: failure.status, reason: failure.message }
    if (failure.status === 500) this.#log.error({ ...fields, err: failure.cause }, 'request failed')
    else if (failure.status === 503) this.#log.warn(fields, 'request refused')
    else this.#log.debug(fields, 'answered')
  }
}

async function answerText(response: HttpAnswer, status: number, text: string, head: boolean): Promise<void> {
  response.writeHead(status, {
    ...safetyHeaders,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
    ...(status === 503 && { 'Retry-After': retryAfterSeconds }),
  })
  await end(response, head ? undefined : text)
}
