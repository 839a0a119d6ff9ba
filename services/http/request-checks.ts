// What RFC 9110 and 9112 tell servers to refuse and node:http lets through: requests that something between the client and
// us may have understood in another way. Pure; called by file-service.ts before anything else.
import type { HttpRequest } from './exchange.ts'

const versions: ReadonlySet<string> = new Set(['1.0', '1.1'])
/** Of services/blob, too. */
export const hostForm: RegExp = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]*)(?::\d*)?$/i

type CheckedRequest = Pick<HttpRequest, 'httpVersion' | 'headers' | 'rawHeaders'>

/** The status to refuse with, and why; undefined when the request is sound. */
export function findFault(request: CheckedRequest): { status: 400 | 505; reason: string } | undefined {
  if (request.httpVersion === '0.9') return { status: 400, reason: 'a request line without a version' }
  if (!versions.has(request.httpVersion)) return { status: 505, reason: 'not HTTP/1.0 or HTTP/1.1' }
  // That there is one at all in HTTP/1.1, node:http has checked. Of several it keeps the first: others may not.
  if (countHeader(request.rawHeaders, 'host') > 1) return { status: 400, reason: 'several Host headers' }
  if (!hostForm.test(request.headers.host ?? '')) return { status: 400, reason: 'malformed Host header' }
  if (request.httpVersion === '1.0' && request.headers['transfer-encoding'] !== undefined) {
    return { status: 400, reason: 'Transfer-Encoding in HTTP/1.0' }
  }
  return undefined
}

/** `rawHeaders` has names and values in turns. */
function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === name) count++
  return count
}
