// Conditional requests: RFC 9110 section 13, in the order of its 13.2.2. Pure; used by plan.ts and services/blob.
import type { IncomingHttpHeaders } from 'node:http'
import fresh from 'fresh'
import { formatHttpDate, parseHttpDateMs } from './http-date.ts'
import type { Validators } from './validators.ts'

export type ConditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed'

const entityTag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

/** What the conditions of a GET or HEAD for an existing file come to. */
export function evaluateConditions(headers: IncomingHttpHeaders, file: Validators): ConditionOutcome {
  const ifMatch = headers['if-match']
  if (ifMatch) {
    if (!matchesStrongly(ifMatch, file)) return 'precondition-failed'
  } else {
    const unmodifiedSinceMs = parseHttpDateMs(headers['if-unmodified-since'] ?? '')
    if (unmodifiedSinceMs !== undefined && file.lastModifiedMs > unmodifiedSinceMs) return 'precondition-failed'
  }
  return isFresh(headers, file) ? 'not-modified' : 'proceed'
}

/** Whether a PUT or DELETE may be carried out; `file`: what is there now, null where nothing is. */
export function writeConditionsHold(headers: IncomingHttpHeaders, file: Validators | null): boolean {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined) {
    if (file === null || !matchesStrongly(ifMatch, file)) return false
  } else {
    const unmodifiedSinceMs = parseHttpDateMs(headers['if-unmodified-since'] ?? '')
    if (unmodifiedSinceMs !== undefined && file !== null && file.lastModifiedMs > unmodifiedSinceMs) return false
  }
  return ifNoneMatch === undefined || file === null || !matchesWeakly(ifNoneMatch, file)
}

/** Whether ranges may be served: no If-Range, or one that names exactly this version (section 13.1.5). */
export function ifRangeHolds(ifRange: string | string[] | undefined, file: Validators): boolean {
  if (ifRange === undefined || ifRange === '') return true
  if (typeof ifRange !== 'string' || !file.settled) return false
  return ifRange.startsWith('"') ? ifRange === file.etag : parseHttpDateMs(ifRange) === file.lastModifiedMs
}

/** If-Match compares strongly: a weak tag, on either side, matches nothing but `*`. */
function matchesStrongly(ifMatch: string, file: Validators): boolean {
  if (ifMatch.trim() === '*') return true
  return file.settled && (ifMatch.match(entityTag)?.includes(file.etag) ?? false)
}

function matchesWeakly(ifNoneMatch: string, file: Validators): boolean {
  const opaque = (tag: string): string => tag.replace(/^W\//, '')
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.match(entityTag)?.some((tag) => opaque(tag) === opaque(file.etag)) ?? false
}

/**
 * If-None-Match, or If-Modified-Since when there is none: `fresh` has the precedence and the weak comparison right. What
 * it has not is kept from it: it lets `Cache-Control: no-cache` override both, which is advice to caches and we are
 * none; and it takes whatever Date.parse takes for a date.
 */
function isFresh(headers: IncomingHttpHeaders, file: Validators): boolean {
  const since = parseHttpDateMs(headers['if-modified-since'] ?? '')
  return fresh(
    {
      'if-none-match': headers['if-none-match']?.trim(),
      'if-modified-since': since === undefined ? undefined : formatHttpDate(since),
    },
    { etag: file.etag, 'last-modified': file.lastModified },
  )
}
