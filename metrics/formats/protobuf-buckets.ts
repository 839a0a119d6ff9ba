// The classic buckets of one histogram in protobuf, kept from scrape to scrape: bounds stay, counts are written over where they stand, and what is
// behind them moves where they become longer. Made by protobuf-histogram.ts, one per series.
//
//   bucket = 3, length │ cumulative_count = 1, varint │ upper_bound = 2, eight bytes     25 times; `+Inf` is the histogram's own count
import { classicBounds } from '../classic-buckets.ts'
import { BucketField, HistogramField } from './protobuf-message.ts'
import { putVarint, varintBytes, varintBytesMax } from './varint.ts'

const bucketCount = classicBounds.length
const bucketTag = (HistogramField.bucket << 3) | 2
const countTag = BucketField.cumulativeCount << 3
const boundTag = (BucketField.upperBound << 3) | 1
/** In front of the count, and behind it. */
const headBytes = 3
const boundBytes = 9
/** From which number on the count has more bytes than so many. */
const limits = Float64Array.from({ length: varintBytesMax + 1 }, (_, bytes) => 128 ** bytes)

export class ClassicBucketBytes {
  private readonly room: Uint8Array = new Uint8Array(bucketCount * (headBytes + varintBytesMax + boundBytes))
  private readonly written: Float64Array = new Float64Array(bucketCount)
  private readonly widths: Uint8Array = new Uint8Array(bucketCount).fill(1)
  private bytes: Uint8Array

  constructor() {
    const view = new DataView(this.room.buffer)
    let at = 0
    for (const { leSeconds } of classicBounds) {
      for (const byte of [bucketTag, 2 + boundBytes, countTag, 0, boundTag]) this.room[at++] = byte
      view.setFloat64(at, leSeconds, true)
      at += 8
    }
    this.bytes = this.room.subarray(0, at)
  }

  /** All of them, with these cumulative counts: valid until the next call. */
  write(cumulative: Float64Array): Uint8Array {
    const { room, written, widths } = this
    let at = 0
    for (let step = 0; step < bucketCount; step++) {
      at += headBytes
      const count = cumulative[step]!
      const width = widths[step]!
      if (count === written[step]) {
        at += width + boundBytes
        continue
      }
      written[step] = count
      if (count >= limits[width]! || count < limits[width - 1]!) this.resize(step, at, count)
      at = putVarint(room, at, count) + boundBytes
    }
    return this.bytes
  }

  /** Makes the place at `at` as long as `count` needs. */
  private resize(step: number, at: number, count: number): void {
    const { room, widths, bytes } = this
    const before = widths[step]!
    const width = varintBytes(count)
    room.copyWithin(at + width, at + before, bytes.length)
    room[at - 2] = 1 + width + boundBytes
    widths[step] = width
    this.bytes = room.subarray(0, bytes.length + width - before)
  }
}
