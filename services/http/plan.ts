// Request and file → the whole answer, decided before a byte is read. Pure; called by file-service.ts, carried out by
// send-body.ts. Everything HTTP says about a file is decided on this page.
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { evaluateConditions, ifRangeHolds } from './conditions.ts'
import { contentTypeOf } from './content-type.ts'
import { selectRanges, type ByteRange } from './ranges.ts'
import { validatorsOf, type FileFacts, type Validators } from './validators.ts'

/** A piece of a body: bytes of the file, or the text between the parts of a multipart answer. */
export type BodyPiece =
  | { readonly kind: 'file'; readonly startBytes: number; readonly lengthBytes: number }
  | { readonly kind: 'text'; readonly text: Buffer }

export interface ResponsePlan {
  readonly status: 200 | 206 | 304 | 412 | 416
  readonly headers: Readonly<Record<string, string | number>>
  /** Empty for HEAD, 304, 412, 416 and empty files. */
  readonly pieces: readonly BodyPiece[]
}

export interface PlanInput {
  readonly method: 'GET' | 'HEAD'
  readonly headers: IncomingHttpHeaders
  readonly path: Buffer
  readonly file: FileFacts
  /** How `file` is encoded, of which `path` is the content; null: as it is, and there could have been another. */
  readonly encoding?: string | null
  readonly nowMs: number
  readonly settleMs: number
}

/** Sent with every answer: a browser must not make a script of a file that only looks like one. */
export const safetyHeaders: Readonly<Record<string, string>> = { 'X-Content-Type-Options': 'nosniff' }

export function planResponse(input: PlanInput): ResponsePlan {
  const validators = validatorsOf(input.file, input.nowMs, input.settleMs)
  const common = {
    ...safetyHeaders,
    'Accept-Ranges': 'bytes',
    ETag: validators.etag,
    'Last-Modified': validators.lastModified,
    ...(input.encoding !== undefined && { Vary: 'Accept-Encoding' }),
  }
  const encoded = typeof input.encoding === 'string' ? { 'Content-Encoding': input.encoding } : {}
  const outcome = evaluateConditions(input.headers, validators)
  if (outcome === 'not-modified') return { status: 304, headers: common, pieces: [] }
  if (outcome === 'precondition-failed') {
    return { status: 412, headers: { ...common, 'Content-Length': 0 }, pieces: [] }
  }

  const sizeBytes = input.file.size
  const type = contentTypeOf(input.path)
  const selection = rangesFor(input, validators)
  if (selection.kind === 'unsatisfiable') {
    const headers = { ...common, 'Content-Range': `bytes */${sizeBytes}`, 'Content-Length': 0 }
    return { status: 416, headers, pieces: [] }
  }
  const plan = selection.kind === 'whole' ? planWhole(type, sizeBytes) : planParts(selection.ranges, type, sizeBytes)
  return {
    status: plan.status,
    headers: { ...common, ...encoded, ...plan.headers },
    pieces: input.method === 'HEAD' ? [] : plan.pieces,
  }
}

/** Ranges are defined for GET alone (RFC 9110 section 14.2): HEAD tells what a plain GET would answer. */
function rangesFor(input: PlanInput, validators: Validators): ReturnType<typeof selectRanges> {
  const asked = input.method === 'GET' && ifRangeHolds(input.headers['if-range'], validators)
  return selectRanges(asked ? input.headers.range : undefined, input.file.size)
}

function planWhole(type: string, sizeBytes: number): ResponsePlan {
  return {
    status: 200,
    headers: { 'Content-Type': type, 'Content-Length': sizeBytes },
    pieces: sizeBytes === 0 ? [] : [{ kind: 'file', startBytes: 0, lengthBytes: sizeBytes }],
  }
}

function planParts(ranges: readonly ByteRange[], type: string, sizeBytes: number): ResponsePlan {
  const [only] = ranges
  if (only !== undefined && ranges.length === 1) {
    const headers = {
      'Content-Type': type,
      'Content-Range': contentRange(only, sizeBytes),
      'Content-Length': lengthOf(only),
    }
    return { status: 206, headers, pieces: [filePiece(only)] }
  }
  // 128 random bits cannot be in the file by accident, and no client can guess them to put them there.
  const boundary = randomBytes(16).toString('hex')
  const pieces = ranges.flatMap((range, index): BodyPiece[] => [
    textPiece(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}\r\n` +
        `Content-Range: ${contentRange(range, sizeBytes)}\r\n\r\n`,
    ),
    filePiece(range),
  ])
  pieces.push(textPiece(`\r\n--${boundary}--\r\n`))
  const lengthBytes = pieces.reduce((sum, piece) => sum + pieceBytes(piece), 0)
  const headers = { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': lengthBytes }
  return { status: 206, headers, pieces }
}

/** Length of a piece on the wire. */
export function pieceBytes(piece: BodyPiece): number {
  return piece.kind === 'file' ? piece.lengthBytes : piece.text.length
}

const lengthOf = (range: ByteRange): number => range.end - range.start + 1
const contentRange = (range: ByteRange, sizeBytes: number): string => `bytes ${range.start}-${range.end}/${sizeBytes}`
const filePiece = (range: ByteRange): BodyPiece => ({
  kind: 'file',
  startBytes: range.start,
  lengthBytes: lengthOf(range),
})
const textPiece = (text: string): BodyPiece => ({ kind: 'text', text: Buffer.from(text, 'latin1') })
