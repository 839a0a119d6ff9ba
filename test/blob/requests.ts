// Requests as a parser tells them, collected, and bytes in parts of random size. Used by the tests of services/blob.
import { RequestFault } from '../../services/blob/request-fault.ts'
import type { RequestHead } from '../../services/blob/request-head.ts'
import { RequestParser } from '../../services/blob/request-parser.ts'
import type { ParserLimits } from '../../services/blob/request-parser.ts'

export interface Told {
  readonly head: RequestHead
  readonly body: string
  readonly whole: boolean
}

export interface Outcome {
  readonly requests: Told[]
  /** Status and reason, where the rest was refused. */
  readonly fault: { status: number; reason: string } | null
  readonly isInHead: boolean
}

export const usualLimits: ParserLimits = { headerBytesMax: 16_384, headersMax: 128 }

/** What a parser makes of `parts`, which it gets one after the other. */
export function parseParts(parts: Iterable<Buffer>, limits: ParserLimits = usualLimits): Outcome {
  const requests: { head: RequestHead; body: string; whole: boolean }[] = []
  const parser = new RequestParser(limits, {
    headReceived: (head) => void requests.push({ head, body: '', whole: false }),
    bodyReceived: (bytes) => {
      requests.at(-1)!.body += bytes.toString('latin1')
    },
    requestReceived: () => {
      requests.at(-1)!.whole = true
    },
  })
  let fault: Outcome['fault'] = null
  try {
    for (const part of parts) for (let at = 0; at < part.length;) at = parser.feed(part, at)
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error
    fault = { status: error.status, reason: error.message }
  }
  const { isInHead } = parser
  parser.free()
  return { requests, fault, isInHead }
}

export const parse = (text: string, limits?: ParserLimits): Outcome => parseParts([Buffer.from(text, 'latin1')], limits)

/** `text` in parts of 1 to `partBytesMax` bytes, each in memory of its own that is overwritten once the next is asked for. */
export function* randomParts(text: string, random: () => number, partBytesMax: number): Generator<Buffer> {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * partBytesMax)
    const part = Buffer.from(bytes.subarray(at, at + size))
    yield part
    part.fill(0x21)
    at += size
  }
}
