// The Range header: RFC 9110 section 14. Pure; used by plan.ts.
// `range-parser` does the arithmetic and joins overlapping ranges, so that no request can ask for more than the file.
// Its limits are mended here: a suffix longer than the file is the whole file, not an error; empty list members are
// allowed; units are case-insensitive; and it has no bound on the number of ranges.
import parseRange from 'range-parser'
import { rangesMax } from './limits.ts'

/** First and last byte, both included, as in Content-Range. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export type RangeOutcome =
  | { readonly kind: 'whole' }
  | { readonly kind: 'parts'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' }

const whole: RangeOutcome = { kind: 'whole' }
const byteUnit = /^bytes=/i
/** `range-parser` would take blanks and what is behind a number, too. */
const memberForm = /^(?:\d+-\d*|-\d+)$/
const suffixForm = /^-(\d+)$/

/** What to send of `sizeBytes`. A header that is malformed or in another unit is ignored, as the RFC asks. */
export function selectRanges(header: string | undefined, sizeBytes: number): RangeOutcome {
  if (header === undefined || !byteUnit.test(header)) return whole
  const members = header
    .replace(byteUnit, '')
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
  if (members.length === 0 || members.length > rangesMax) return whole

  if (!members.every((member) => memberForm.test(member))) return whole

  const clamped = members.map((member) => clampSuffix(member, sizeBytes))
  // The last bytes of an empty file are all of it, and no Content-Range can say so.
  if (sizeBytes === 0 && members.some((member) => isNonEmptySuffix(member))) return whole

  const parsed = parseRange(sizeBytes, `bytes=${clamped.join(',')}`, { combine: true })
  if (parsed === -2) return whole
  if (parsed === -1) return { kind: 'unsatisfiable' }
  return { kind: 'parts', ranges: parsed.map(({ start, end }) => ({ start, end })) }
}

function clampSuffix(member: string, sizeBytes: number): string {
  const digits = suffixForm.exec(member)?.[1]
  return digits !== undefined && Number(digits) > sizeBytes ? `-${sizeBytes}` : member
}

function isNonEmptySuffix(member: string): boolean {
  return Number(suffixForm.exec(member)?.[1] ?? 0) > 0
}
