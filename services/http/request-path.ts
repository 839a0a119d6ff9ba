// Request target → file name, as bytes and strictly. Pure; called by file-service.ts for every request.
// Nothing here keeps a path inside ROOT: that is the kernel's work (openat2 with RESOLVE_BENEATH), which also knows
// about symbolic links and races. This only refuses what is no name at all, so `..` and `//` pass through as they are.
import { pathBytesMax, targetBytesMax } from './limits.ts'

export type RequestTarget =
  | { readonly kind: 'home' }
  | { readonly kind: 'file'; readonly path: Buffer }
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 414 }

const filePrefix = '/b/'
/** With a host, and without a user: RFC 9110 sections 4.2.1 and 4.2.4. */
const absoluteForm = /^https?:\/\/[^/?#@]+(?=[/?]|$)/i
const visibleAscii = /^[\x21\x22\x24-\x7e]*$/ // all but '#', which a client must not send
const percentSign = 0x25
const slash = 0x2f

const refuse = (status: 400 | 404 | 414): RequestTarget => ({ kind: 'refused', status })

/** What `target`, as it stands in the request line, asks for. */
export function parseRequestTarget(target: string): RequestTarget {
  if (target.length > targetBytesMax) return refuse(414)
  if (!visibleAscii.test(target)) return refuse(400)

  // Not `new URL()`: it resolves '..' and even '%2e%2e', and would hide what was asked for from the checks below.
  const originForm = target.replace(absoluteForm, '') || '/'
  const queryAt = originForm.indexOf('?')
  const path = queryAt === -1 ? originForm : originForm.slice(0, queryAt)
  if (!path.startsWith('/')) return path === '' ? { kind: 'home' } : refuse(400)
  if (path === '/') return { kind: 'home' }
  if (!path.startsWith(filePrefix)) return refuse(404)

  const name = decodeName(path.slice(filePrefix.length))
  if (name === undefined) return refuse(400)
  if (name.length === 0) return refuse(404)
  return name.length > pathBytesMax ? refuse(414) : { kind: 'file', path: name }
}

/**
 * Percent-decoding into bytes, or undefined when it is malformed. Bytes, not text: a name need not be UTF-8, and an
 * overlong encoding of '/' is then two odd bytes instead of a slash. An encoded '/' is refused, since no name contains
 * one and a proxy in front would have judged another path than the one we open; an encoded NUL would cut the name.
 */
function decodeName(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, 'latin1')
  if (!bytes.includes(percentSign)) return bytes
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes.readUInt8(at)
    if (byte === percentSign) {
      const digits = encoded.slice(at + 1, at + 3)
      if (!/^[0-9a-f]{2}$/i.test(digits)) return undefined
      byte = Number.parseInt(digits, 16)
      if (byte === 0 || byte === slash) return undefined
      at += 2
    }
    bytes.writeUInt8(byte, length++) // decoding never grows, so it may happen in place
  }
  return bytes.subarray(0, length)
}
