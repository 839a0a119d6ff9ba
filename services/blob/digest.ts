// What a client says that the content of an upload is: `x-sha256` in hexadecimal, or `Repr-Digest` (RFC 9530). Checked before the upload gets
// its name. Used by put.ts.
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { httpError } from '../http/http-error.ts'

interface Wanted {
  readonly algorithm: 'sha256' | 'sha512'
  readonly digest: Buffer
}

const hexForm = /^[0-9a-f]{64}$/i
// A dictionary of byte sequences (RFC 8941); algorithms that are not known are ignored, as RFC 9530 asks.
const memberForm = /(?:^|,)[ \t]*([a-z*][a-z0-9_.*-]*)[ \t]*=[ \t]*:([A-Za-z0-9+/=]*):/g
const algorithms = { 'sha-256': ['sha256', 32], 'sha-512': ['sha512', 64] } as const

/** @throws HttpError 400 where the header says nothing that could be checked */
export class ContentCheck {
  private readonly checks: { readonly hash: ReturnType<typeof createHash>; readonly digest: Buffer }[]

  constructor(headers: IncomingHttpHeaders) {
    this.checks = wantedOf(headers).map(({ algorithm, digest }) => ({ hash: createHash(algorithm), digest }))
  }

  update(bytes: Uint8Array): void {
    for (const { hash } of this.checks) hash.update(bytes)
  }

  /** Once everything is there. @throws HttpError 422 */
  finish(): void {
    for (const { hash, digest } of this.checks)
      if (!hash.digest().equals(digest)) throw httpError(422, 'the content has another digest than was said')
  }
}

function wantedOf(headers: IncomingHttpHeaders): Wanted[] {
  const { 'x-sha256': hex, 'repr-digest': dictionary } = headers
  const wanted: Wanted[] = []
  if (hex !== undefined) {
    if (typeof hex !== 'string' || !hexForm.test(hex)) throw httpError(400, 'x-sha256 is no SHA-256 in hexadecimal')
    wanted.push({ algorithm: 'sha256', digest: Buffer.from(hex, 'hex') })
  }
  if (typeof dictionary === 'string') {
    for (const [, name = '', base64 = ''] of dictionary.matchAll(memberForm)) {
      if (!(name in algorithms)) continue
      const [algorithm, sizeBytes] = algorithms[name as keyof typeof algorithms]
      const digest = Buffer.from(base64, 'base64')
      if (digest.length !== sizeBytes) throw httpError(400, `Repr-Digest has no ${name}`)
      wanted.push({ algorithm, digest })
    }
  }
  return wanted
}
