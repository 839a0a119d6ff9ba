// Answers what changes or lists something: PUT, DELETE, OPTIONS, and GET of a folder. Called by blob-server.ts, which leaves GET and HEAD of
// files to services/http's FileService. It never throws: whatever happens is an answer, or a closed connection.
import { STATUS_CODES } from 'node:http'
import type { HttpAnswer, ServiceLog } from '../http/exchange.ts'
import type { HttpCounters } from '../http/http-counters.ts'
import { ClientGone, codeOf, httpError, toHttpError, type HttpError } from '../http/http-error.ts'
import { retryAfterSeconds } from '../http/limits.ts'
import { safetyHeaders } from '../http/plan.ts'
import { parseRequestTarget } from '../http/request-path.ts'
import { end } from '../http/send-body.ts'
import { validatorsOf } from '../http/validators.ts'
import type { BlobRequest } from './blob-request.ts'
import { listFolder, listQuery } from './listing.ts'
import { checkConditions, pathText, put } from './put.ts'
import type { ObjectPath, WriteContext } from './put.ts'

export interface ObjectServiceOptions extends WriteContext {
  readonly counters: HttpCounters
  readonly log: ServiceLog
  /** Uploads at a time; the next one is answered 503. */
  readonly uploadsMax: number
}

type Headers = Readonly<Record<string, string | number>>

const slash = Buffer.from('/')
/** What may be done with a file, as in Allow. */
export const allowed = 'GET, HEAD, PUT, DELETE, OPTIONS'

/** What the store says of a write: a path that leads nowhere or through a file is a conflict, one that leads out is not found. */
const statusOfWrite: Readonly<Record<string, HttpError['status']>> = {
  ENOENT: 409,
  ENOTDIR: 409,
  EISDIR: 409,
  EEXIST: 409,
  ENOTEMPTY: 409,
  ENAMETOOLONG: 414,
  EROFS: 403,
  ENOSPC: 507,
  EDQUOT: 507,
  EFBIG: 413,
}
const toldOfWrite: Readonly<Record<string, string>> = {
  ENOSPC: 'no room: the disk is full',
  EDQUOT: 'no room: the disk has a quota for this service, and that is used up',
}

export class ObjectService {
  private readonly options: ObjectServiceOptions
  private uploads = 0

  constructor(options: ObjectServiceOptions) {
    this.options = options
  }

  /** Resolves when the answer is sent, or its client gone, and everything it used is given back. */
  async serve(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const startedMs = performance.now()
    try {
      await this.answer(request, answer)
      this.count(request, answer.statusCode, startedMs)
    } catch (error) {
      await this.fail(request, answer, error, startedMs)
    } finally {
      request.body?.discard()
    }
  }

  private async answer(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { method } = request
    if (method === 'OPTIONS') await say(answer, 204, { Allow: allowed })
    else if (method === 'PUT') await this.put(request, answer)
    else if (method === 'DELETE') await this.delete(request, answer)
    else if (method === 'GET' || method === 'HEAD') await this.list(request, answer)
    else throw httpError(405, 'method not allowed')
  }

  private async put(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { body } = request
    const { durability, settleMs, uploadsMax } = this.options
    const path = objectPath(request.url)
    // Part of a file is not something that a whole one may be replaced by: RFC 9110 section 14.5.
    if (request.headers['content-range'] !== undefined) throw httpError(400, 'Content-Range in a PUT')
    if (body === null) throw httpError(411, 'neither Content-Length nor chunks')
    if (this.uploads >= uploadsMax) throw httpError(503, 'too many uploads at a time')
    this.uploads++
    try {
      const { headers, preamble, ask } = request
      const { outcome, stats } = await put(this.options, { path, headers, body, preamble, ask })
      const { etag, lastModified } = validatorsOf(stats, Date.now(), settleMs)
      const told = { ETag: etag, 'Last-Modified': lastModified, 'X-Durability': durability }
      await say(
        answer,
        outcome === 'created' ? 201 : 204,
        outcome === 'created' ? { ...told, 'Content-Length': 0 } : told,
      )
    } finally {
      this.uploads--
    }
  }

  private async delete(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { store, fence, locks, durability, room } = this.options
    const path = objectPath(request.url)
    fence.check()
    const folder = await store.openFolder(path.folder).catch((error: unknown) => {
      throw codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR' ? httpError(404, 'no such folder') : error
    })
    try {
      await locks.hold(folder.inode, path.name, async () => {
        const stats = await checkConditions(this.options, folder, { path, headers: request.headers })
        if (stats === null) throw httpError(404, 'no such file')
        await folder.unlink(path.name)
        if (stats.isFile()) room?.removed(pathText(path), stats.size, false)
      })
      if (durability === 'full') await fence.guard(() => folder.sync())
    } finally {
      await folder.close()
    }
    await say(answer, 204, { 'X-Durability': durability === 'full' ? 'full' : 'none' })
  }

  private async list(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const query = listQuery(request.url)
    const folder = await this.options.store.openFolder(folderPath(request.url))
    try {
      const { headers, body } = await listFolder(folder, query, request.headers)
      answer.writeHead(200, { ...safetyHeaders, ...headers })
      await end(answer, request.method === 'HEAD' ? undefined : body)
    } finally {
      await folder.close()
    }
  }

  private async fail(request: BlobRequest, answer: HttpAnswer, error: unknown, startedMs: number): Promise<void> {
    const { counters, log } = this.options
    const context = { method: request.method, target: request.url, code: codeOf(error) }
    if (error instanceof ClientGone || answer.destroyed) {
      counters.clientsGone++
      log.debug(context, 'client went away')
      answer.destroy()
      return
    }
    const failure = this.failureOf(request, error)
    if (answer.headersSent) {
      counters.cutShort++
      answer.destroy()
      return
    }
    const fields = { ...context, status: failure.status, reason: failure.message }
    if (failure.status === 500) log.error({ ...fields, err: failure.cause }, 'request failed')
    else if (failure.status >= 500) log.warn(fields, 'request refused')
    else log.debug(fields, 'answered')
    // What comes of a body that was not taken is not read as a request.
    if (request.body?.received === false) answer.shouldKeepAlive = false
    await sayStatus(answer, failure.status, request.method === 'HEAD', allowed, { told: failure.told }).catch(
      () => undefined,
    )
    this.count(request, answer.statusCode, startedMs)
  }

  private failureOf({ method }: BlobRequest, error: unknown): HttpError {
    const code = codeOf(error)
    const status = method === 'PUT' || method === 'DELETE' ? statusOfWrite[code ?? ''] : undefined
    return status === undefined ? toHttpError(error) : httpError(status, code ?? '', error, toldOfWrite[code ?? ''])
  }

  private count({ method }: BlobRequest, status: number, startedMs: number): void {
    const durationNs = (performance.now() - startedMs) * 1e6
    this.options.counters.countResponse({ method, status, durationNs, trace: null })
  }
}

/** An answer without a body. */
export async function say(answer: HttpAnswer, status: number, headers: Headers): Promise<void> {
  answer.writeHead(status, { ...safetyHeaders, ...headers })
  await end(answer)
}

/** A status, and no word about files: an error must not be an oracle. `told`: what is said beside it; `more`: headers. */
export async function sayStatus(
  answer: HttpAnswer,
  status: number,
  isHead: boolean,
  allow: string,
  { told = null, more = {} }: { told?: string | null; more?: Headers | undefined } = {},
): Promise<void> {
  const text = `${status} ${STATUS_CODES[status] ?? ''}\n${told === null ? '' : `${told}\n`}`
  answer.writeHead(status, {
    ...safetyHeaders,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...more,
    ...(status === 405 && { Allow: allow }),
    ...(status === 503 && { 'Retry-After': retryAfterSeconds }),
  })
  await end(answer, isHead ? undefined : text)
}

/** @throws HttpError where the target names no file that could be written */
function objectPath(target: string): ObjectPath {
  const path = pathOf(target)
  const at = path.lastIndexOf(slash)
  const folder = path.subarray(0, Math.max(0, at))
  const name = path.subarray(at + 1)
  // `..` would be resolved by the kernel, and a folder that is to be made has none. It is not there to be guessed, either.
  const names = path.toString('latin1').split('/')
  if (names.some((one) => one === '' || one === '.' || one === '..'))
    throw httpError(400, 'a path with an empty name, . or ..')
  return { folder, name }
}

/** Of `/b/{folder}/`: '' is the root. */
function folderPath(target: string): Buffer {
  if (/^(?:https?:\/\/[^/?#@]+)?\/b\/(?:\?|$)/i.test(target)) return Buffer.alloc(0)
  const path = pathOf(target)
  return path.subarray(0, path.length - 1)
}

function pathOf(target: string): Buffer {
  const parsed = parseRequestTarget(target)
  if (parsed.kind === 'refused') throw httpError(parsed.status, 'refused target')
  if (parsed.kind === 'home') throw httpError(405, 'not a file')
  return parsed.path
}

/** Whether a GET is for what is in a folder. */
export const isFolderTarget = (target: string): boolean =>
  /^(?:https?:\/\/[^/?#@]+)?\/b\/(?:[^?]*\/)?(?:\?|$)/i.test(target)
