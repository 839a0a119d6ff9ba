// Requests of caches: a path with a hash, a query with a team. Strict, so that whatever passes is one name in one folder. Pure; used by turbo.ts
// and nx.ts.
import type { IncomingHttpHeaders } from 'node:http'
import { httpError } from '../../http/http-error.ts'
import { targetBytesMax } from '../../http/limits.ts'

export interface CacheTarget {
  /** As it stands in the request line. */
  readonly path: string
  readonly query: string
}

const absoluteForm = /^https?:\/\/[^/?#]*/i

/** No slash, no percent sign, no dot in front: it is the name of a file, and no other way of writing another's. */
const nameForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** Whether the path of a target begins so. */
export const beginsWith = (target: string, prefix: string): boolean =>
  (target.startsWith('/') ? target : splitTarget(target).path).startsWith(prefix)

export function splitTarget(target: string): CacheTarget {
  const originForm = target.replace(absoluteForm, '')
  const at = originForm.indexOf('?')
  return at === -1
    ? { path: originForm, query: '' }
    : { path: originForm.slice(0, at), query: originForm.slice(at + 1) }
}

/** What follows `prefix` in the path, if it may be the hash of an artifact. @throws HttpError 400, 414 */
export function hashBehind(prefix: string, path: string): string {
  if (path.length > targetBytesMax) throw httpError(414, 'too long a target')
  const hash = path.slice(prefix.length)
  if (!isName(hash)) throw httpError(400, 'no hash of an artifact')
  return hash
}

export const isName = (text: string): boolean => nameForm.test(text)

/** The value of a parameter that is a name; null where there is none. @throws HttpError 400 where there are several, or it is no name */
export function nameInQuery(query: string, parameter: string): string | null {
  const values = query.split('&').filter((pair) => pair === parameter || pair.startsWith(`${parameter}=`))
  if (values.length === 0) return null
  const name = decoded(values[0]!.slice(parameter.length + 1))
  if (values.length > 1 || name === null || !isName(name)) throw httpError(400, `${parameter} is not one name`)
  return name
}

function decoded(value: string): string | null {
  try {
    return decodeURIComponent(value)
  } catch {
    return null
  }
}

/** Without what would make another file of this one: `a.gz` is an artifact of its own, and not `a` compressed. Nor have caches versions. */
export function cacheHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = { ...headers }
  delete kept['accept-encoding']
  delete kept['if-match']
  delete kept['if-unmodified-since']
  return kept
}
