// The head of a request: what its lines say, put together, or why it is refused. Pure; called by request-parser.ts when the headers are over.
// What RFC 9110 and 9112 tell servers to refuse and llhttp lets through is refused here.
import type { IncomingHttpHeaders } from 'node:http'
import { hostForm } from '../http/request-checks.ts'
import { RequestFault } from './request-fault.ts'

export type BodyLength = number | 'chunked'

export interface RequestHead {
  readonly method: string
  /** As it stands in the request line. */
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  /** Names in lower case; what came twice is joined as RFC 9110 section 5.3 has it. */
  readonly headers: IncomingHttpHeaders
  /** Whether the client expects to go on with the connection. */
  readonly keepAlive: boolean
  readonly bodyLength: BodyLength
}

/** What llhttp has told of one head. */
export interface HeadParts {
  readonly requestLine: string
  readonly method: string
  readonly target: string
  readonly isUpgrade: boolean
  readonly keepAlive: boolean
  /** In turns. */
  readonly namesAndValues: readonly string[]
}

// One blank between the parts: RFC 9112 section 3 lets a server refuse more, and others read more as another target.
const requestLineForm = /^[A-Z-]+ [^ ]+ HTTP\/(\d)\.(\d)$/
/** Of names of headers, and of trailers. */
export const tokenForm: RegExp = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const digitsForm = /^\d{1,16}$/
const blanksAtEnd = /[ \t]+$/

/** Of these, two that differ would let two readers see two requests. */
const single: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'expect'])
/** Of these the first counts, as in node:http: joined they would be no dates, and a condition that is none would not be checked. */
const firstCounts: ReadonlySet<string> = new Set(['if-modified-since', 'if-unmodified-since', 'if-range', 'user-agent'])

/** @throws RequestFault */
export function requestHead(parts: HeadParts): RequestHead {
  const { method, target, isUpgrade } = parts
  const httpVersion = versionOf(parts.requestLine)
  const headers = joined(parts.namesAndValues)
  const { host } = headers
  if (method === 'CONNECT') throw new RequestFault(405, 'CONNECT')
  if (host === undefined && httpVersion === '1.1') throw new RequestFault(400, 'no Host header')
  if (!hostForm.test(host ?? '')) throw new RequestFault(400, 'malformed Host header')
  const bodyLength = bodyLengthOf(headers, httpVersion)
  // Another protocol is not spoken. Whether the client begins with it all the same is not known: this request is the last.
  return { method, target, httpVersion, headers, keepAlive: parts.keepAlive && !isUpgrade, bodyLength }
}

function versionOf(requestLine: string): '1.0' | '1.1' {
  const [, major, minor] = requestLineForm.exec(requestLine) ?? []
  if (major === undefined) throw new RequestFault(400, 'malformed request line')
  if (major !== '1') throw new RequestFault(505, 'not HTTP/1')
  return minor === '0' ? '1.0' : '1.1'
}

function joined(namesAndValues: readonly string[]): IncomingHttpHeaders {
  const headers = Object.create(null) as Record<string, string>
  for (let at = 0; at < namesAndValues.length; at += 2) {
    const name = namesAndValues[at]!
    if (!tokenForm.test(name)) throw new RequestFault(400, 'malformed header name')
    const key = name.toLowerCase()
    const value = namesAndValues[at + 1]!.replace(blanksAtEnd, '')
    const before = headers[key]
    if (before === undefined) headers[key] = value
    else if (single.has(key)) throw new RequestFault(400, `several ${key} headers`)
    else if (!firstCounts.has(key)) headers[key] = `${before}${key === 'cookie' ? '; ' : ', '}${value}`
  }
  return headers
}

function bodyLengthOf(headers: IncomingHttpHeaders, httpVersion: string): BodyLength {
  const { 'transfer-encoding': coding, 'content-length': length } = headers
  if (coding !== undefined) {
    if (httpVersion === '1.0') throw new RequestFault(400, 'Transfer-Encoding in HTTP/1.0')
    if (length !== undefined) throw new RequestFault(400, 'both Transfer-Encoding and Content-Length')
    if (coding.toLowerCase() === 'chunked') return 'chunked'
    const isFinal = /(?:^|,)[ \t]*chunked$/i.test(coding)
    throw new RequestFault(isFinal ? 501 : 400, 'a transfer coding other than chunked')
  }
  if (length === undefined) return 0
  if (!digitsForm.test(length) || !Number.isSafeInteger(Number(length)))
    throw new RequestFault(400, 'malformed Content-Length')
  return Number(length)
}
