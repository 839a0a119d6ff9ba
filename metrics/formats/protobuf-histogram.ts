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

/** Tags of a bucket and of its count: wire type 2 has a length, 0 is a varint. */
const bucketTag = (HistogramField.bucket << 3) | 2
const countTag = BucketField.cumulativeCount << 3
/** 1: eight bytes. */
const boundTag = (BucketField.upperBound << 3) | 1
const boundBytes = 9

const varintBytesMax = 10

/**
 * Read once: the client goes on counting, and count, buckets and native buckets must not disagree. By element, because set() from shared memory
 * takes three times as long.
 */
const snapshot = new Float64Array(bucketCount)
/** Buckets that are not empty: mostly a tenth of them. */
const used = new Uint8Array(bucketCount)
let usedCount = 0
const bucket = new PbfWriter()
const span = new PbfWriter()
const deltas = new PbfWriter()

export function writeHistogram(
  writer: PbfWriter,
  counts: Float64Array,
  sumNs: number,
  exemplars: readonly (Exemplar | null)[] | null,
): void {
  const total = writeClassic(writer, counts, exemplars)
  writer.writeVarintField(HistogramField.sampleCount, total)
  writer.writeDoubleField(HistogramField.sampleSum, sumNs / nsPerSecond)
  writer.writeSVarintField(HistogramField.schema, schema)
  writer.writeDoubleField(HistogramField.zeroThreshold, zeroThreshold)
  writer.writeVarintField(HistogramField.zeroCount, snapshot[0]!)
  writeNative(writer)
}

/** Returns how many were counted. `+Inf` is written only where it has an exemplar: else the sample count says it. */
function writeClassic(writer: PbfWriter, counts: Float64Array, exemplars: readonly (Exemplar | null)[] | null): number {
  usedCount = 0
  let cumulative = 0
  let index = 0
  for (let step = 0; step < classicBounds.length; step++) {
    const { lastIndex, leSeconds } = classicBounds[step]!
    for (; index <= lastIndex; index++) cumulative += read(counts, index)
    const exemplar = exemplars?.[step] ?? null
    if (exemplar !== null) {
      writeBucket(writer, cumulative, leSeconds, exemplar)
      continue
    }
    writePlainBucket(writer, cumulative, leSeconds)
  }
  for (; index < bucketCount; index++) cumulative += read(counts, index)
  const exemplar = exemplars?.[classicBounds.length] ?? null
  if (exemplar !== null) writeBucket(writer, cumulative, Infinity, exemplar)
  return cumulative
}

function read(counts: Float64Array, index: number): number {
  const count = counts[index]!
  snapshot[index] = count
  if (count !== 0) used[usedCount++] = index
  return count
}

/** Over the memory of the writer that was last written to: it gets another one when it needs more. */
let view: DataView = new DataView(new ArrayBuffer(0))

/** Without a call for each field: a scrape has 72,000 of these. */
function writePlainBucket(writer: PbfWriter, cumulative: number, leSeconds: number): void {
  writer.realloc(3 + varintBytesMax + boundBytes)
  const { buf } = writer
  if (view.buffer !== buf.buffer) view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength)
  buf[writer.pos++] = bucketTag
  buf[writer.pos++] = 1 + varintBytes(cumulative) + boundBytes
  buf[writer.pos++] = countTag
  if (cumulative < 128) buf[writer.pos++] = cumulative
  else writer.writeVarint(cumulative)
  buf[writer.pos++] = boundTag
  view.setFloat64(writer.pos, leSeconds, true)
  writer.pos += 8
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
  for (let next = 0; next < usedCount; next++) {
    const index = used[next]!
    if (index === 0) continue // the zero bucket
    const count = snapshot[index]!
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
