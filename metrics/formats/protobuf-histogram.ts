// A Histogram message: the classic buckets, and beside them the native histogram of schema 3, which has our buckets: an index there is ours and a
// constant (exponential-histogram.ts). What ends at or below 2^-23 s is its zero bucket; what is above 64 s is in the bucket that begins there. The
// form is that of client_model's metrics.proto and of prometheus.io/docs/specs/native_histograms. Called by protobuf.ts.
import { PbfWriter } from 'pbf'
import { classicBounds } from '../classic-buckets.ts'
import type { Exemplar } from '../exemplar.ts'
import {
  bucketCount,
  bucketsPerOctave,
  exponentMin,
  nativeIndexOffset,
  overflowBucketIndex,
} from '../exponential-histogram.ts'
import { nsPerSecond } from '../plane.ts'
import type { Series } from '../series.ts'
import { ClassicBucketBytes } from './protobuf-buckets.ts'
import { begin, BucketField, contents, HistogramField, SpanField, writeExemplar } from './protobuf-message.ts'
import { putSVarint, putVarint, varintBytesMax } from './varint.ts'

const schema = Math.log2(bucketsPerOctave)
const zeroThreshold = 2 ** exponentMin
/** A gap of so many empty buckets is smaller as deltas than as another span. */
const gapMax = 2

/** A field's number and how it is written: 0 as varint, 1 as eight bytes, 2 behind its length. */
const tag = (field: number, wireType: 0 | 1 | 2): number => (field << 3) | wireType
const sampleCountTag = tag(HistogramField.sampleCount, 0)
const sampleSumTag = tag(HistogramField.sampleSum, 1)
const zeroCountTag = tag(HistogramField.zeroCount, 0)
const spanTag = tag(HistogramField.positiveSpan, 2)
const deltaTag = tag(HistogramField.positiveDelta, 2)
const spanOffsetTag = tag(SpanField.offset, 0)
const spanLengthTag = tag(SpanField.length, 0)

/** Spans have offsets and lengths of at most two bytes each. */
const spanBytesMax = 8
const spansMax = Math.ceil(bucketCount / (gapMax + 1))

/** Of the histogram that is being written: everything but the classic buckets. */
const native = new Uint8Array(64 + spansMax * spanBytesMax + bucketCount * varintBytesMax)
const nativeView = new DataView(native.buffer)
const deltas = new Uint8Array(bucketCount * varintBytesMax)

/** What never changes. */
const constants = constantFields()

/**
 * Of the histogram that is being written. Read once: the client goes on counting, and count, buckets and native buckets must not disagree. Only what is
 * not 0 is set.
 */
const snapshot = new Float64Array(bucketCount)
/** Buckets that are not empty: mostly a tenth of them. */
const used = new Uint8Array(bucketCount)
let usedCount = 0
/** By classic bucket; its count and that of those below. */
const cumulative = new Float64Array(classicBounds.length)

/** A Histogram message in two parts, which follow each other. Valid until the next call. */
export interface HistogramMessage {
  classic: Uint8Array
  native: Uint8Array
  nativeBytes: number
}

const message: HistogramMessage = { classic: native, native, nativeBytes: 0 }

export function histogramMessage(series: Series): HistogramMessage {
  const { counts, sumNs, exemplars } = series
  const total = read(counts)
  if (exemplars === null) {
    series.buckets ??= new ClassicBucketBytes()
    message.classic = series.buckets.write(cumulative)
  } else {
    message.classic = bucketsWithExemplars(exemplars, total)
  }
  message.nativeBytes = writeNative(total, sumNs)
  return message
}

/** Fills `snapshot`, `used` and `cumulative`. Returns how many were counted. By octave, because most of them are empty. */
function read(counts: Float64Array): number {
  usedCount = 0
  let total = note(0, counts[0]!)
  let index = 1
  for (let step = 0; step < classicBounds.length; step++) {
    const { lastIndex } = classicBounds[step]!
    for (; index < lastIndex; index += bucketsPerOctave) total += readOctave(counts, index)
    cumulative[step] = total
  }
  for (; index < overflowBucketIndex; index += bucketsPerOctave) total += readOctave(counts, index)
  return total + note(overflowBucketIndex, counts[overflowBucketIndex]!)
}

function readOctave(counts: Float64Array, index: number): number {
  const a = counts[index]!
  const b = counts[index + 1]!
  const c = counts[index + 2]!
  const d = counts[index + 3]!
  const e = counts[index + 4]!
  const f = counts[index + 5]!
  const g = counts[index + 6]!
  const h = counts[index + 7]!
  const sum = a + b + (c + d) + (e + f + (g + h))
  if (sum === 0) return 0
  note(index, a)
  note(index + 1, b)
  note(index + 2, c)
  note(index + 3, d)
  note(index + 4, e)
  note(index + 5, f)
  note(index + 6, g)
  note(index + 7, h)
  return sum
}

function note(index: number, count: number): number {
  if (count !== 0) {
    snapshot[index] = count
    used[usedCount++] = index
  }
  return count
}

const bucket = new PbfWriter()
const buckets = new PbfWriter()

/** Rare enough to be put together anew. `+Inf` is written only where it has an exemplar: else the sample count says it. */
function bucketsWithExemplars(exemplars: readonly (Exemplar | null)[], total: number): Uint8Array {
  begin(buckets)
  for (let step = 0; step <= classicBounds.length; step++) {
    const exemplar = exemplars[step] ?? null
    if (step === classicBounds.length && exemplar === null) break
    begin(bucket)
    bucket.writeVarintField(BucketField.cumulativeCount, cumulative[step] ?? total)
    bucket.writeDoubleField(BucketField.upperBound, classicBounds[step]?.leSeconds ?? Infinity)
    if (exemplar !== null) writeExemplar(bucket, BucketField.exemplar, exemplar)
    buckets.writeBytesField(HistogramField.bucket, contents(bucket))
  }
  return contents(buckets)
}

function constantFields(): Uint8Array {
  const writer = new PbfWriter()
  writer.writeSVarintField(HistogramField.schema, schema)
  writer.writeDoubleField(HistogramField.zeroThreshold, zeroThreshold)
  return contents(writer)
}

// Count and sum; then spans of buckets that are in use, with small gaps; then each bucket's count as the difference to the one before.
function writeNative(total: number, sumNs: number): number {
  let at = putVarint(native, put(0, sampleCountTag), total)
  at = put(at, sampleSumTag)
  nativeView.setFloat64(at, sumNs / nsPerSecond, true)
  at += 8
  native.set(constants, at)
  at += constants.length
  const isZeroUsed = usedCount > 0 && used[0] === 0
  at = putVarint(native, put(at, zeroCountTag), isZeroUsed ? snapshot[0]! : 0)
  let deltaBytes = 0
  let start = -1 // of the span that is being made
  let end = 0
  let lastEnd = -nativeIndexOffset // the first span's offset is counted from index 0 there
  let lastCount = 0
  for (let next = isZeroUsed ? 1 : 0; next < usedCount; next++) {
    const index = used[next]!
    const count = snapshot[index]!
    if (start >= 0 && index - end > gapMax) {
      at = putSpan(at, start - lastEnd, end - start)
      lastEnd = end
      start = -1
    }
    if (start < 0) start = end = index
    for (; end < index; end++) {
      deltaBytes = putSVarint(deltas, deltaBytes, -lastCount)
      lastCount = 0
    }
    deltaBytes = putSVarint(deltas, deltaBytes, count - lastCount)
    lastCount = count
    end = index + 1
  }
  if (start < 0) return at
  at = putSpan(at, start - lastEnd, end - start)
  at = putVarint(native, put(at, deltaTag), deltaBytes)
  for (let byte = 0; byte < deltaBytes; byte++) native[at + byte] = deltas[byte]!
  return at + deltaBytes
}

function put(at: number, byte: number): number {
  native[at] = byte
  return at + 1
}

function putSpan(start: number, offset: number, length: number): number {
  const lengthAt = put(start, spanTag)
  let at = putSVarint(native, put(lengthAt + 1, spanOffsetTag), offset)
  at = putVarint(native, put(at, spanLengthTag), length)
  native[lengthAt] = at - lengthAt - 1
  return at
}
