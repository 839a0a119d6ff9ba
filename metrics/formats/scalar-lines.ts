// The lines of a counter or gauge in text, one per series, kept from scrape to scrape as one piece of memory: names and labels stay, digits are written
// over where they stand, and what is behind them moves where they become more or fewer. Made by text.ts, one per family.
import { areSame, type Series } from '../series.ts'
import { powersOfTen, writeDigits } from './digits.ts'

/** Room for more digits, of a family: it is put together anew when that is used up. */
const spareBytes = 1024

export class ScalarTextLines {
  private readonly prefixOf: (series: Series) => string
  private readonly numberText: (value: number) => string
  private series: readonly Series[] = []
  /** The lines, and behind them room for more digits. */
  private room: Uint8Array = new Uint8Array(0)
  private sizeBytes = 0
  // By series: its number, and whether that is a whole one whose digits can be written over; where it ends, how many bytes it has.
  private written: Float64Array = new Float64Array(0)
  private whole: Uint8Array = new Uint8Array(0)
  private ends: Int32Array = new Int32Array(0)
  private widths: Uint8Array = new Uint8Array(0)

  /** `prefixOf`: what is in front of the number, with the space. */
  constructor(prefixOf: (series: Series) => string, numberText: (value: number) => string) {
    this.prefixOf = prefixOf
    this.numberText = numberText
  }

  /** All lines with the present numbers: valid until the next call. */
  write(series: readonly Series[]): Uint8Array {
    if (!areSame(series, this.series)) return this.rebuild(series)
    const { room, written, whole, ends, widths } = this
    let moved = 0
    for (let index = 0; index < series.length; index++) {
      const { value } = series[index]!
      const before = written[index]!
      const end = (ends[index]! += moved)
      if (value === before) continue
      if (whole[index] === 1 && hasDigits(value, widths[index]!)) {
        writeDigits(room, end, value, before)
        written[index] = value
        continue
      }
      const more = this.replace(index, end, value)
      if (Number.isNaN(more)) return this.rebuild(series)
      moved += more
    }
    return room.subarray(0, this.sizeBytes)
  }

  /** Puts another number in the place of the one that ends at `end`. Returns how many bytes longer it is, NaN where there is no room for them. */
  private replace(index: number, end: number, value: number): number {
    const { room, widths, sizeBytes } = this
    const text = this.numberText(value)
    const more = text.length - widths[index]!
    if (sizeBytes + more > room.length) return NaN
    if (more !== 0) room.copyWithin(end + more, end, sizeBytes)
    const start = end - widths[index]!
    for (let at = 0; at < text.length; at++) room[start + at] = text.charCodeAt(at)
    this.sizeBytes += more
    this.ends[index]! += more
    this.set(index, value, text)
    return more
  }

  private rebuild(series: readonly Series[]): Uint8Array {
    const count = series.length
    if (count !== this.series.length) {
      this.written = new Float64Array(count)
      this.whole = new Uint8Array(count)
      this.ends = new Int32Array(count)
      this.widths = new Uint8Array(count)
    }
    this.series = series
    let lines = ''
    let end = 0
    for (const [index, one] of series.entries()) {
      const prefix = this.prefixOf(one)
      const text = this.numberText(one.value)
      lines += `${prefix}${text}\n`
      end += Buffer.byteLength(prefix) + text.length
      this.ends[index] = end++
      this.set(index, one.value, text)
    }
    const contents = Buffer.from(lines)
    this.sizeBytes = contents.length
    this.room = new Uint8Array(contents.length + spareBytes)
    this.room.set(contents)
    return this.room.subarray(0, contents.length)
  }

  private set(index: number, value: number, text: string): void {
    this.written[index] = value
    this.widths[index] = text.length
    this.whole[index] = hasDigits(value, text.length) ? 1 : 0
  }
}

/** Whether `value` is a whole number of so many digits, and nothing else. */
const hasDigits = (value: number, digits: number): boolean =>
  value < powersOfTen[digits]! && value >= (digits === 1 ? 0 : powersOfTen[digits - 1]!) && value === Math.floor(value)
