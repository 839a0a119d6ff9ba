// `nx`: the cache of Nx, `/v1/cache/{hash}`, as its specification for self-hosted caches has it: GET, and PUT of what is not there yet, with its
// length. Artifacts are files of the folder `nx` below the root, as they came.
import type { HttpAnswer } from '../../http/exchange.ts'
import { httpError, toHttpError } from '../../http/http-error.ts'
import type { BlobRequest } from '../blob-request.ts'
import { say, sayStatus } from '../object-service.ts'
import type { Backend, Dialect, Refusal } from './dialect.ts'
import { beginsWith, cacheHeaders, hashBehind, splitTarget } from './target.ts'
import { TranslatedAnswer } from './translated-answer.ts'
import type { Headers, TranslatedHead } from './translated-answer.ts'

const prefix = '/v1/cache/'

/** What the command says to its user: the specification has it in plain text. */
const words: Readonly<Record<number, string>> = {
  401: 'The cache knows no such token: NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN must be one of its own.',
  403: 'This cache may only be read, here or with this token.',
  404: 'The record was not found.',
  409: 'Cannot override an existing record.',
  411: 'Content-Length is required.',
  507: 'The cache is full: there is no room for this record.',
}

export class NxDialect implements Dialect {
  private readonly backend: Backend

  constructor(backend: Backend) {
    this.backend = backend
  }

  owns(target: string): boolean {
    return beginsWith(target, prefix)
  }

  writes(method: string): boolean {
    return method === 'PUT'
  }

  takesBody(method: string): boolean {
    return this.backend.objects !== null && method === 'PUT'
  }

  async serve(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    try {
      await this.answer(request, answer)
    } catch (error) {
      const { status } = toHttpError(error)
      if (request.body !== null) answer.shouldKeepAlive = false // it is not read
      this.backend.counters.countResponse({ method: request.method, status, durationNs: 0, trace: null })
      await this.refuse(answer, status, { isHead: request.method === 'HEAD' }).catch(() => undefined)
    } finally {
      request.body?.discard()
    }
  }

  private async answer(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { files, objects } = this.backend
    const { method } = request
    const headers = cacheHeaders(request.headers)
    const asked = { ...request, url: `/b/nx/${hashBehind(prefix, splitTarget(request.url).path)}`, headers }
    const translated = new TranslatedAnswer(answer, method === 'HEAD', translate)
    if (method === 'GET' || method === 'HEAD') await files.serve(asked, translated)
    else if (method === 'OPTIONS') await say(answer, 204, { Allow: this.allowed })
    else if (method !== 'PUT') throw httpError(405, 'method not allowed')
    else if (objects === null) throw httpError(403, 'nothing may be changed')
    else if (headers['content-length'] === undefined) throw httpError(411, 'no Content-Length')
    else await objects.serve({ ...asked, headers: { ...headers, 'if-none-match': '*' } }, translated)
  }

  private get allowed(): string {
    return this.backend.objects === null ? 'GET, HEAD, OPTIONS' : 'GET, HEAD, PUT, OPTIONS'
  }

  refuse(answer: HttpAnswer, status: number, { isHead, more }: Refusal): Promise<void> {
    return sayStatus(new TranslatedAnswer(answer, isHead, translate), status, isHead, this.allowed, { more })
  }
}

function translate(status: number, headers: Headers): TranslatedHead {
  if (status === 201) return { status: 200, headers, text: '' }
  // The one condition is that there is nothing.
  if (status === 412) return failure(409, headers)
  if (status >= 400) return failure(status, headers)
  return { status, headers: { ...headers, 'Content-Type': 'application/octet-stream' }, text: null }
}

function failure(status: number, headers: Headers): TranslatedHead {
  const text = words[status]
  if (text === undefined) return { status, headers, text: null }
  return { status, headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }, text: `${text}\n` }
}
