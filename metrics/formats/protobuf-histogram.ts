// A Histogram message: the classic buckets, and beside them the native histogram of schema 3, which has our buckets: an index there is ours and a
// constant (exponential-histogram.ts). What ends at or below 2^-23 s is its zero bucket; what is above 64 s is in the bucket that begins there. The
// form is that of client_model's metrics.proto and of prometheus.io/docs/specs/native_histograms. Called by protobuf.ts.
import { PbfWriter } from 'pbf'
import { classicBounds } from '../classic-buckets.ts'
import type { Exemplar } from '../exemplar.ts'
import { bucketCount, bucketsPerOctave, exponentMin, nativeIndexOffset } from '../exponential-histogram.ts'
import { nsPerSecond } from '../plane.ts'
import { begin, BucketField, contents, HistogramField, SpanField, writeExemplar } from './protobuf-message.ts'

const schema = Math.log2(bucketsPerOctave)
const zeroThreshold = 2 ** exponentMin
/** A gap of so many empty buckets is smaller as deltas than as another span. */
const gapMax = 2

/** Wire type of what has a length. */
const lengthDelimited = 2
/** Of a bucket without its count: three tags of one byte, less that of the bucket itself, and a double. */
const boundBytes = 10

const varintBytesMax = 10

/** Copied first: the client goes on counting, and count, buckets and native buckets must not disagree. */
const snapshot = new Float64Array(bucketCount)
const bucket = new PbfWriter()
const span = new PbfWriter()
const deltas = new PbfWriter()

export function writeHistogram(
  writer: PbfWriter,
  counts: Float64Array,
  sumNs: number,
  exemplars: readonly (Exemplar | null)[] | null,
): void {
  snapshot.set(counts)
  const total = writeClassic(writer, exemplars)
  writer.writeVarintField(HistogramField.sampleCount, total)
  writer.writeDoubleField(HistogramField.sampleSum, sumNs / nsPerSecond)
  writer.writeSVarintField(HistogramField.schema, schema)
  writer.writeDoubleField(HistogramField.zeroThreshold, zeroThreshold)
  writer.writeVarintField(HistogramField.zeroCount, snapshot[0]!)
  writeNative(writer)
}

/** Returns how many were counted. `+Inf` is written only where it has an exemplar: else the sample count says it. */
function writeClassic(writer: PbfWriter, exemplars: readonly (Exemplar | null)[] | null): number {
  let cumulative = 0
  let index = 0
  for (let step = 0; step < classicBounds.length; step++) {
    const { lastIndex, leSeconds } = classicBounds[step]!
    for (; index <= lastIndex; index++) cumulative += snapshot[index]!
    const exemplar = exemplars?.[step] ?? null
    if (exemplar !== null) {
      writeBucket(writer, cumulative, leSeconds, exemplar)
      continue
    }
    writer.writeTag(HistogramField.bucket, lengthDelimited)
    writer.writeVarint(boundBytes + varintBytes(cumulative))
    writer.writeVarintField(BucketField.cumulativeCount, cumulative)
    writer.writeDoubleField(BucketField.upperBound, leSeconds)
  }
  for (; index < bucketCount; index++) cumulative += snapshot[index]!
  const exemplar = exemplars?.[classicBounds.length] ?? null
  if (exemplar !== null) writeBucket(writer, cumulative, Infinity, exemplar)
  return cumulative
}

function writeBucket(writer: PbfWriter, cumulative: number, leSeconds: number, exemplar: Exemplar): void {
  begin(bucket)
  bucket.writeVarintField(BucketField.cumulativeCount, cumulative)
  bucket.writeDoubleField(BucketField.upperBound, leSeconds)
  writeExemplar(bucket, BucketField.exemplar, exemplar)
  writer.writeBytesField(HistogramField.bucket, contents(bucket))
}

// Spans of buckets that are in use, with small gaps; then each bucket's count as the difference to the one before.
function writeNative(writer: PbfWriter): void {
  begin(deltas)
  deltas.realloc(bucketCount * varintBytesMax)
  let start = -1 // of the span that is being made
  let end = 0
  let lastEnd = -nativeIndexOffset // the first span's offset is counted from index 0 there
  let lastCount = 0
  for (let index = 1; index < bucketCount; index++) {
    const count = snapshot[index]!
    if (count === 0) continue
    if (start >= 0 && index - end > gapMax) {
      writeSpan(writer, start - lastEnd, end - start)
      lastEnd = end
      start = -1
    }
    if (start < 0) start = end = index
    for (; end < index; end++) {
      writeDelta(-lastCount)
      lastCount = 0
    }
    writeDelta(count - lastCount)
    lastCount = count
    end = index + 1
  }
  if (start >= 0) writeSpan(writer, start - lastEnd, end - start)
  if (deltas.pos > 0) writer.writeBytesField(HistogramField.positiveDelta, contents(deltas))
}

/** Most are one byte, as zigzag varint: a scrape has hundreds of thousands, so these are written without a call. */
function writeDelta(delta: number): void {
  if (delta >= -64 && delta < 64) deltas.buf[deltas.pos++] = (delta << 1) ^ (delta >> 31)
  else deltas.writeSVarint(delta)
}

function writeSpan(writer: PbfWriter, offset: number, length: number): void {
  begin(span)
  span.writeSVarintField(SpanField.offset, offset)
  span.writeVarintField(SpanField.length, length)
  writer.writeBytesField(HistogramField.positiveSpan, contents(span))
}

/** Bytes of a count as varint: seven bits each. */
function varintBytes(value: number): number {
  let bytes = 1
  for (let left = value; left >= 128; left = Math.floor(left / 128)) bytes++
  return bytes
}
