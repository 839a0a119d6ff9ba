// The lines of one histogram in text, kept from scrape to scrape: only digits change, and mostly not their number, so they are written over where they
// stand. That is what lets a scrape of 16 rings and 60 operations, 80,000 lines, take milliseconds. Made by text.ts, one per series.
//
//   name_bucket{labels,le="9.5367431640625e-07"} 12      ┐
//   …                                                    │ kept; `12` is written over as long as it has two digits
//   name_count{labels} 345                               ┘
//   name_sum{labels} 0.000012345                         seconds to the nanosecond, likewise: a point is set between two digits
import { classicBounds, cumulate } from '../classic-buckets.ts'
import { nsPerSecond } from '../plane.ts'
import { digitZero, powersOfTen, writeDigits } from './digits.ts'

const countLine = classicBounds.length + 1
const countLines = countLine + 1
/** Places behind the numbers of the lines. */
const sumAt = countLines
const sumWidthAt = countLines + 1
/** Digits of the sum behind the point. */
const fractionDigits = 9
/** Above this a sum in ns is not exact anyway, and is written as any number: 104 days. */
const sumNsMax = Number.MAX_SAFE_INTEGER
/** Room for digits, of a histogram: it is put together anew when they are used up. */
const spareBytes = 64

const boundTexts: readonly string[] = [...classicBounds.map(({ leText }) => leText), '+Inf']
const boundBytes = Uint8Array.from(boundTexts, (text) => text.length)

/** Of the series that is being written. */
const values = new Float64Array(countLines)

export class HistogramTextLines {
  private readonly name: string
  private readonly labels: string
  /** The lines, and behind them room for more digits. */
  private room: Uint8Array = new Uint8Array(0)
  private bytes: Uint8Array = this.room
  /** Numbers of the lines; behind them the sum in ns, and how many digits that has, 0 where it is not written over. */
  private readonly written: Float64Array = new Float64Array(countLines + 2).fill(NaN)
  /** Bytes in front of the digits: of a bucket, less those of its bound, and of the count. */
  private readonly bucketBytes: number
  private readonly countBytes: number

  /** `labels`: as text, escaped, without braces; may be empty. */
  constructor(name: string, labels: string) {
    this.name = name
    this.labels = labels
    this.bucketBytes = Buffer.byteLength(this.prefix(0)) - boundBytes[0]!
    this.countBytes = Buffer.byteLength(this.prefix(countLine))
    this.written[sumWidthAt] = 0
  }

  /** All lines with the present numbers, the sum to the nanosecond: valid until the next call. */
  write(counts: Float64Array, sumNs: number): Uint8Array {
    cumulate(counts, values)
    values[countLine] = values[countLine - 1]!
    const { written, bucketBytes, countBytes } = this
    const wholeNs = Math.round(sumNs)
    const fits = wholeNs < powersOfTen[written[sumWidthAt]!]! && wholeNs <= sumNsMax
    if (!(fits && wholeNs >= written[sumAt]!)) return this.rebuild(wholeNs)
    // Of the line before, which mostly had and has the same number: above the slowest there is only the total.
    let lastValue = NaN
    let lastBefore = NaN
    let lastDigits = 0
    let lastEnd = 0
    // Digits of what was written never become fewer from line to line.
    let width = 1
    let end = 0
    for (let line = 0; line < countLines; line++) {
      const value = values[line]!
      const before = written[line]!
      while (before >= powersOfTen[width]!) width++
      end += (line < countLine ? bucketBytes + boundBytes[line]! : countBytes) + width
      if (value !== before) {
        if (!(value > before)) return this.rebuild(wholeNs)
        for (let wider = width; value >= powersOfTen[wider]!; wider++) {
          if (!this.widen(end - wider)) return this.rebuild(wholeNs)
          end++
        }
        written[line] = value
        if (value === lastValue && before === lastBefore) {
          copyDigits(this.room, lastEnd, end, lastDigits)
        } else {
          lastDigits = writeDigits(this.room, end, value, before)
          lastValue = value
          lastBefore = before
        }
        lastEnd = end
      }
      end++ // of line
    }
    if (wholeNs !== written[sumAt]) this.writeSum(wholeNs)
    return this.bytes
  }

  private writeSum(wholeNs: number): void {
    const beforeNs = this.written[sumAt]!
    this.written[sumAt] = wholeNs
    const seconds = Math.floor(wholeNs / nsPerSecond)
    const secondsBefore = Math.floor(beforeNs / nsPerSecond)
    const end = this.bytes.length - 1
    writeDigits(this.room, end, wholeNs - seconds * nsPerSecond, beforeNs - secondsBefore * nsPerSecond)
    writeDigits(this.room, end - fractionDigits - 1, seconds, secondsBefore)
  }

  /** A digit more, 0 for now, at `first`: what is there and behind moves on by a byte. False where there is no room. */
  private widen(first: number): boolean {
    const { room, bytes } = this
    if (bytes.length === room.length) return false
    room.copyWithin(first + 1, first, bytes.length)
    room[first] = digitZero
    this.bytes = room.subarray(0, bytes.length + 1)
    return true
  }

  private prefix(line: number): string {
    const { name, labels } = this
    if (line === countLine) return `${name}_count${braced(labels)} `
    return `${name}_bucket{${labels === '' ? '' : `${labels},`}le="${boundTexts[line]!}"} `
  }

  private rebuild(wholeNs: number): Uint8Array {
    let text = ''
    for (let line = 0; line < countLines; line++) {
      const value = values[line]!
      text += `${this.prefix(line)}${value}\n`
      this.written[line] = value
    }
    text += `${this.name}_sum${braced(this.labels)} ${this.sumText(wholeNs)}\n`
    const contents = Buffer.from(text)
    this.room = new Uint8Array(contents.length + spareBytes)
    this.room.set(contents)
    this.bytes = this.room.subarray(0, contents.length)
    return this.bytes
  }

  private sumText(wholeNs: number): string {
    this.written[sumAt] = wholeNs
    this.written[sumWidthAt] = 0
    if (!(wholeNs <= sumNsMax)) return String(wholeNs / nsPerSecond)
    const digits = String(wholeNs).padStart(fractionDigits + 1, '0')
    this.written[sumWidthAt] = digits.length
    return `${digits.slice(0, -fractionDigits)}.${digits.slice(-fractionDigits)}`
  }
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)

function copyDigits(bytes: Uint8Array, from: number, to: number, digits: number): void {
  for (let digit = 1; digit <= digits; digit++) bytes[to - digit] = bytes[from - digit]!
}
