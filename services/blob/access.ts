// Who may read and who may write: bearer tokens (RFC 6750). Only their SHA-256 is kept, and every one is compared, in constant time, so that
// neither length nor time tells anything. Used by blob-server.ts for every request.
import { createHash, timingSafeEqual } from 'node:crypto'
import { httpError } from '../http/http-error.ts'

export const rights = ['read-only', 'read-write'] as const
export type Right = (typeof rights)[number]

/** A token as it is kept, and as it travels to instances. */
export interface KnownToken {
  readonly sha256: Uint8Array
  readonly right: Right
}

const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/
const tokenLengthMin = 16
const bearerForm = /^bearer +([^ ]+)$/i

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest()

/**
 * Tokens of a file: a line each, `read-only TOKEN` or `read-write TOKEN`; empty lines and those that begin with # say nothing.
 * @throws Error with the number of the line, and nothing of what it says
 */
export function parseTokens(text: string): KnownToken[] {
  return text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) return []
    const [right = '', token = '', ...more] = trimmed.split(/\s+/)
    const known = rights.find((one) => one === right)
    if (known === undefined || more.length > 0)
      throw new Error(`line ${index + 1} of the tokens is not "read-only TOKEN" or "read-write TOKEN"`)
    if (token.length < tokenLengthMin || !tokenForm.test(token))
      throw new Error(
        `the token in line ${index + 1} must have ${tokenLengthMin} characters or more, of A–Z a–z 0–9 - . _ ~ + / and = at the end`,
      )
    return [{ sha256: sha256(token), right: known }]
  })
}

/** What a client is told that is not let in: RFC 6750 section 3, which asks for a parameter. Nothing of what it sent, nor of what there is. */
export function challengeOf(status: number, authorization: string | undefined): Readonly<Record<string, string>> {
  if (status !== 401 && status !== 403) return {}
  const isKnown = status === 403
  const isToken = bearerForm.test(authorization ?? '')
  const error = isKnown ? ', error="insufficient_scope"' : isToken ? ', error="invalid_token"' : ''
  return { 'WWW-Authenticate': `Bearer realm="ringmaster"${error}` }
}

export class Access {
  private readonly tokens: readonly KnownToken[] | null
  private readonly anonymousReads: boolean

  /** null: everybody may do everything. An empty list: nobody anything, but read where `anonymousReads`. */
  constructor(tokens: readonly KnownToken[] | null, anonymousReads = false) {
    this.tokens = tokens
    this.anonymousReads = anonymousReads
  }

  /** @throws HttpError 401 without a token that is known, 403 with one that may not write */
  check(authorization: string | undefined, isWrite: boolean): void {
    const { tokens } = this
    if (tokens === null) return
    // Who says a token that is not known is told so: it may have been meant for more than this request.
    if (authorization === undefined && this.anonymousReads && !isWrite) return
    const given = bearerForm.exec(authorization ?? '')?.[1]
    if (given === undefined) throw httpError(401, 'no token')
    const digest = sha256(given)
    let found: Right | null = null
    for (const token of tokens)
      if (timingSafeEqual(token.sha256, digest)) found = found === 'read-write' ? found : token.right
    if (found === null) throw httpError(401, 'a token that is not known')
    if (isWrite && found === 'read-only') throw httpError(403, 'a token that may only read')
  }
}
