// The lines of one histogram in text, kept from scrape to scrape: only digits change, and mostly not their number, so they are written over where they
// stand. That is what lets a scrape of 16 rings and 60 operations, 80,000 lines, take milliseconds. Made by text.ts, one per series.
//
//   name_bucket{labels,le="9.5367431640625e-07"} 12      ┐
//   …                                                    │ kept; `12` is written over as long as it has two digits
//   name_count{labels} 345                               ┘
//   name_sum{labels} 0.000012345                         seconds to the nanosecond, likewise: a point is set between two digits
import { classicBounds } from '../classic-buckets.ts'
import { nsPerSecond } from '../plane.ts'

const countLines = classicBounds.length + 2
/** Digits of the sum behind the point. */
const fractionDigits = 9
/** Above this a sum in ns is not exact anyway, and is written as any number: 104 days. */
const sumNsMax = Number.MAX_SAFE_INTEGER
const powersOfTen = Float64Array.from({ length: 17 }, (_, exponent) => 10 ** exponent)
const digitZero = 48
/** What a 32-bit number holds with any nine digits. */
const digitsAtOnce = 9

/** Of the series that is being written. */
const values = new Float64Array(countLines)

export class HistogramTextLines {
  private readonly prefixes: readonly string[]
  private readonly sumPrefix: string
  private sumNs = NaN
  /** Digits of the sum in ns, of which nine stand behind the point; 0 where it is not written over. */
  private sumWidth = 0
  private bytes: Uint8Array = new Uint8Array(0)
  private readonly written: Float64Array = new Float64Array(countLines).fill(NaN)
  /** By line: where the digits end, and how many there are. */
  private readonly ends: Int32Array = new Int32Array(countLines)
  private readonly widths: Int32Array = new Int32Array(countLines)

  /** `labels`: as text, escaped, without braces; may be empty. */
  constructor(name: string, labels: string) {
    const rest = labels === '' ? '' : `${labels},`
    const braces = labels === '' ? '' : `{${labels}}`
    this.prefixes = [
      ...classicBounds.map(({ leText }) => `${name}_bucket{${rest}le="${leText}"} `),
      `${name}_bucket{${rest}le="+Inf"} `,
      `${name}_count${braces} `,
    ]
    this.sumPrefix = `${name}_sum${braces} `
  }

  /** All lines with the present numbers, the sum to the nanosecond: valid until the next call. */
  write(counts: Float64Array, sumNs: number): Uint8Array {
    cumulate(counts)
    const { written, widths } = this
    const wholeNs = Math.round(sumNs)
    if (!(wholeNs < powersOfTen[this.sumWidth]! && wholeNs >= this.sumNs)) return this.rebuild(wholeNs)
    for (let line = 0; line < countLines; line++) {
      const value = values[line]!
      if (value === written[line]) continue
      if (!(value < powersOfTen[widths[line]!]! && value > written[line]!)) return this.rebuild(wholeNs)
      written[line] = value
      writeDigits(this.bytes, this.ends[line]!, widths[line]!, value)
    }
    if (wholeNs !== this.sumNs) this.writeSum(wholeNs)
    return this.bytes
  }

  private writeSum(wholeNs: number): void {
    this.sumNs = wholeNs
    const seconds = Math.floor(wholeNs / nsPerSecond)
    const end = this.bytes.length - 1
    writeDigits(this.bytes, end, fractionDigits, wholeNs - seconds * nsPerSecond)
    writeDigits(this.bytes, end - fractionDigits - 1, this.sumWidth - fractionDigits, seconds)
  }

  private rebuild(wholeNs: number): Uint8Array {
    let text = ''
    let sizeBytes = 0
    for (const [line, prefix] of this.prefixes.entries()) {
      const value = values[line]!
      const digits = String(value)
      const piece = `${prefix}${digits}\n`
      text += piece
      sizeBytes += Buffer.byteLength(piece)
      this.written[line] = value
      this.ends[line] = sizeBytes - 1
      this.widths[line] = digits.length
    }
    const sum = this.sumText(wholeNs)
    this.bytes = Buffer.from(`${text}${this.sumPrefix}${sum}\n`)
    return this.bytes
  }

  private sumText(wholeNs: number): string {
    this.sumNs = wholeNs
    if (!(wholeNs <= sumNsMax)) {
      this.sumWidth = 0
      return String(wholeNs / nsPerSecond)
    }
    const digits = String(wholeNs).padStart(fractionDigits + 1, '0')
    this.sumWidth = digits.length
    return `${digits.slice(0, -fractionDigits)}.${digits.slice(-fractionDigits)}`
  }
}

// Added up in one pass while the client goes on counting: `+Inf`, `_count` and the buckets cannot disagree.
function cumulate(counts: Float64Array): void {
  let cumulative = 0
  let index = 0
  for (let step = 0; step < classicBounds.length; step++) {
    const { lastIndex } = classicBounds[step]!
    for (; index <= lastIndex; index++) cumulative += counts[index]!
    values[step] = cumulative
  }
  for (; index < counts.length; index++) cumulative += counts[index]!
  values[classicBounds.length] = values[classicBounds.length + 1] = cumulative
}

/** Writes `value` so that its last digit is before `end`. */
function writeDigits(bytes: Uint8Array, end: number, width: number, value: number): void {
  let at = end
  let left = width
  let rest = value
  for (; left > digitsAtOnce; left--) {
    const tenth = Math.floor(rest / 10)
    bytes[--at] = digitZero + (rest - tenth * 10)
    rest = tenth
  }
  let small = rest | 0
  for (; left > 0; left--) {
    const tenth = (small / 10) | 0
    bytes[--at] = digitZero + (small - tenth * 10)
    small = tenth
  }
}
