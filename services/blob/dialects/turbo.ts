// `turbo`: the cache of Turborepo, as its remote cache API has it below /v8/artifacts. Artifacts are files of the folder `turbo/{team}` below the
// root, with what is known of them in front (artifact-block.ts). Teams keep artifacts apart and are no fence: a token is good for all of them.
import type { HttpAnswer } from '../../http/exchange.ts'
import { codeOf, httpError, toHttpError } from '../../http/http-error.ts'
import { openRegularFile } from '../../http/open-file.ts'
import { end } from '../../http/send-body.ts'
import { safetyHeaders } from '../../http/plan.ts'
import type { BlobRequest } from '../blob-request.ts'
import { say, sayStatus } from '../object-service.ts'
import { ArtifactFolder, artifactBlock } from './artifact-block.ts'
import type { Backend, Dialect, Refusal } from './dialect.ts'
import { beginsWith, cacheHeaders, hashBehind, isName, nameInQuery, splitTarget } from './target.ts'
import { TranslatedAnswer, codeOfStatus } from './translated-answer.ts'
import type { Headers, TranslatedHead } from './translated-answer.ts'

const root = '/v8/artifacts'
/** Of artifacts of no team. No team is called so. */
const nobody = '-'
const queryBytesMax = 256 * 1024
const hashesMax = 1000
/** How many artifacts are looked at at a time. */
const lookedAtAtOnce = 32

type Resource = 'query' | 'status' | 'events' | 'artifact'
const methodsOf: Readonly<Record<Resource, string>> = {
  query: 'POST, OPTIONS',
  status: 'GET, HEAD, OPTIONS',
  events: 'POST, OPTIONS',
  artifact: 'GET, HEAD, PUT, OPTIONS',
}
/** `turbo --preflight` sends its token only where this says so. Without an origin it allows browsers nothing. */
const preflight = {
  'Access-Control-Allow-Headers':
    'Authorization, Content-Type, User-Agent, x-artifact-duration, x-artifact-tag, x-artifact-sha, x-artifact-dirty-hash, x-artifact-client-ci',
}

export class TurboDialect implements Dialect {
  private readonly backend: Backend

  constructor(backend: Backend) {
    this.backend = backend
  }

  owns(target: string): boolean {
    return beginsWith(target, root) && ['', '/'].includes(splitTarget(target).path.charAt(root.length))
  }

  /** A query and events are POSTs that change nothing. */
  writes(method: string): boolean {
    return method === 'PUT'
  }

  /** Nobody wants the events of a usage that is counted elsewhere: they are discarded as they come. */
  takesBody(method: string, target: string): boolean {
    const resource = resourceOf(splitTarget(target).path)
    if (method === 'PUT') return resource === 'artifact' && this.backend.objects !== null
    return method === 'POST' && resource === 'query'
  }

  async serve(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { counters, log } = this.backend
    const { method } = request
    const startedMs = performance.now()
    const count = (status: number): void => {
      counters.countResponse({ method, status, durationNs: (performance.now() - startedMs) * 1e6, trace: null })
    }
    try {
      if (await this.answer(request, answer)) count(answer.statusCode)
    } catch (error) {
      if (answer.headersSent || answer.destroyed) {
        counters.clientsGone++
        answer.destroy()
        return
      }
      const { status, message } = toHttpError(error)
      log.debug({ method, target: request.url, code: codeOf(error), status, reason: message }, 'answered')
      if (request.body?.received === false) answer.shouldKeepAlive = false
      const allow = this.allowed(resourceOf(splitTarget(request.url).path))
      await this.refuse(answer, status, { isHead: method === 'HEAD' }, allow).catch(() => undefined)
      count(status)
    } finally {
      request.body?.discard()
    }
  }

  /** Whether it is to be counted; where one of the services answers, that has counted it. */
  private async answer(request: BlobRequest, answer: HttpAnswer): Promise<boolean> {
    const { method } = request
    const { path, query } = splitTarget(request.url)
    const resource = resourceOf(path)
    const team = nameInQuery(query, 'teamId') ?? nameInQuery(query, 'slug') ?? nobody
    const allowed = this.allowed(resource)
    if (method === 'OPTIONS') await say(answer, 204, { Allow: allowed, ...preflight })
    else if (resource === 'status' && isReading(method)) await sayJson(answer, { status: 'enabled' }, method === 'HEAD')
    else if (resource === 'events' && method === 'POST') await say(answer, 200, { 'Content-Length': 0 })
    else if (resource === 'query' && method === 'POST') await this.query(request, answer, team)
    else if (resource === 'artifact' && isReading(method)) return this.read(request, answer, team)
    else if (resource === 'artifact' && method === 'PUT') return this.write(request, answer, team)
    else throw httpError(405, 'method not allowed')
    return true
  }

  private allowed(resource: Resource): string {
    return this.backend.objects === null ? methodsOf[resource].replace('PUT, ', '') : methodsOf[resource]
  }

  private async read(request: BlobRequest, answer: HttpAnswer, team: string): Promise<false> {
    const { files, folder } = this.backend
    const { path } = splitTarget(request.url)
    const url = `/b/${pathOf(team, hashBehind(`${root}/`, path))}`
    const artifacts = new ArtifactFolder(folder)
    const translated = new TranslatedAnswer(answer, request.method === 'HEAD', (status, headers) =>
      status >= 400
        ? failure(status, headers)
        : {
            status,
            headers: { ...headers, 'Content-Type': 'application/octet-stream', ...artifacts.facts },
            text: null,
          },
    )
    await files.serve({ ...request, url, headers: cacheHeaders(request.headers) }, translated, artifacts)
    return false
  }

  private async write(request: BlobRequest, answer: HttpAnswer, team: string): Promise<false> {
    const { objects } = this.backend
    const { path } = splitTarget(request.url)
    const hash = hashBehind(`${root}/`, path)
    const preamble = artifactBlock(request.headers)
    if (objects === null) throw httpError(403, 'nothing may be changed')
    const stored = JSON.stringify({ urls: [`${root}/${hash}${team === nobody ? '' : `?teamId=${team}`}`] })
    const translated = new TranslatedAnswer(answer, false, (status, headers) =>
      status >= 400 ? failure(status, headers) : { status: 202, headers: uploaded(headers), text: stored },
    )
    const headers = cacheHeaders(request.headers)
    await objects.serve({ ...request, url: `/b/${pathOf(team, hash)}`, headers, preamble }, translated)
    return false
  }

  private async query(request: BlobRequest, answer: HttpAnswer, team: string): Promise<void> {
    const hashes = await hashesIn(request)
    const found: (readonly [string, object | null])[] = []
    for (let at = 0; at < hashes.length; at += lookedAtAtOnce) {
      const some = hashes.slice(at, at + lookedAtAtOnce)
      found.push(...(await Promise.all(some.map(async (hash) => [hash, await this.look(team, hash)] as const))))
    }
    await sayJson(answer, Object.fromEntries(found), false)
  }

  /** null where there is none. */
  private async look(team: string, hash: string): Promise<object | null> {
    const artifacts = new ArtifactFolder(this.backend.folder)
    try {
      const { file, stats } = await openRegularFile(artifacts, Buffer.from(pathOf(team, hash)))
      await file.close()
      const { 'x-artifact-duration': duration, 'x-artifact-tag': tag } = artifacts.facts
      return { size: stats.size, taskDurationMs: Number(duration ?? 0), ...(tag !== undefined && { tag }) }
    } catch (error) {
      const { status } = toHttpError(error)
      return status === 404 ? null : { error: { message: codeOfStatus(status) } }
    }
  }

  refuse(answer: HttpAnswer, status: number, { isHead, more }: Refusal, allow = ''): Promise<void> {
    return sayStatus(new TranslatedAnswer(answer, isHead, failure), status, isHead, allow, { more })
  }
}

const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD'
const pathOf = (team: string, hash: string): string => `turbo/${team}/${hash}`

function resourceOf(path: string): Resource {
  if (path === root) return 'query'
  const rest = path.slice(root.length + 1)
  return rest === 'status' || rest === 'events' ? rest : 'artifact'
}

/** @throws HttpError 400, 411, 413 */
async function hashesIn({ body, ask }: BlobRequest): Promise<string[]> {
  if (body === null) throw httpError(411, 'no body')
  ask()
  const parts: Buffer[] = []
  let bytes = 0
  for (let taken = await body.take(); taken !== null; taken = await body.take()) {
    for (const part of taken) bytes += part.length
    if (bytes > queryBytesMax) throw httpError(413, 'too long a query')
    parts.push(...taken)
  }
  const hashes = listIn(Buffer.concat(parts).toString())
  if (hashes === null) throw httpError(400, 'not { "hashes": [ … ] }')
  if (hashes.length > hashesMax) throw httpError(413, `more than ${hashesMax} hashes`)
  return hashes
}

function listIn(json: string): string[] | null {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('hashes' in value) || !Array.isArray(value.hashes)) return null
  const hashes: unknown[] = value.hashes
  return hashes.every((hash): hash is string => typeof hash === 'string' && isName(hash)) ? hashes : null
}

async function sayJson(answer: HttpAnswer, value: object, isHead: boolean): Promise<void> {
  const text = JSON.stringify(value)
  const type = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }
  answer.writeHead(200, { ...safetyHeaders, ...type })
  await end(answer, isHead ? undefined : text)
}

/** A status as Vercel's API tells it. */
function failure(status: number, headers: Headers): TranslatedHead {
  const code = codeOfStatus(status)
  const text = JSON.stringify({ error: { code, message: messages[status] ?? code.replaceAll('_', ' ') } })
  return { status, headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' }, text }
}

const messages: Readonly<Record<number, string>> = {
  401: 'The cache knows no such token: TURBO_TOKEN must be one of its own.',
  403: 'This cache may only be read, here or with this token.',
  404: 'The artifact was not found.',
  507: 'The cache is full: there is no room for this artifact, in all or for this team.',
}

/** The validators are the stored file's, of which the artifact is a part. */
function uploaded({ ETag: _, 'Last-Modified': __, ...headers }: Headers): Headers {
  return { ...headers, 'Content-Type': 'application/json; charset=utf-8' }
}
