// The lines of one histogram in text, kept from scrape to scrape: only digits change, and mostly not their number, so they are written over where they
// stand. That is what lets a scrape of 16 rings and 60 operations, 80,000 lines, take milliseconds. Made by text.ts, one per series.
//
//   name_bucket{labels,le="9.5367431640625e-07"} 12      ┐
//   …                                                    │ kept; `12` is written over as long as it has two digits
//   name_count{labels} 345                               ┘
//   name_sum{labels} ← the caller writes the number: a fraction, whose length changes each time
import { classicBounds } from '../classic-buckets.ts'

const countLines = classicBounds.length + 2
const powersOfTen = Float64Array.from({ length: 17 }, (_, exponent) => 10 ** exponent)
const digitZero = 48
/** What a 32-bit number holds with any nine digits. */
const digitsAtOnce = 9

/** Of the series that is being written. */
const values = new Float64Array(countLines)

export class HistogramTextLines {
  private readonly prefixes: readonly string[]
  private readonly sumPrefix: string
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

  /** The lines with the present numbers, valid until the next call; the last one ends where the sum's number belongs. */
  write(counts: Float64Array): Uint8Array {
    cumulate(counts)
    const { written, widths } = this
    for (let line = 0; line < countLines; line++) {
      const value = values[line]!
      if (value === written[line]) continue
      if (!(value < powersOfTen[widths[line]!]! && value > written[line]!)) return this.rebuild()
      written[line] = value
      writeDigits(this.bytes, this.ends[line]!, widths[line]!, value)
    }
    return this.bytes
  }

  private rebuild(): Uint8Array {
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
    this.bytes = Buffer.from(text + this.sumPrefix)
    return this.bytes
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
