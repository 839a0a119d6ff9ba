// The messages of prometheus/client_model's metrics.proto, by field number, and how one is put into another. Used by protobuf.ts and
// protobuf-histogram.ts. A message's length comes before it, so messages are written from the inside out: each to a writer of its own, which is used
// again and again.
import { PbfWriter } from 'pbf'
import type { Exemplar } from '../exemplar.ts'

export const MetricType = { counter: 0, gauge: 1, summary: 2, untyped: 3, histogram: 4 } as const

export const FamilyField = { name: 1, help: 2, type: 3, metric: 4 } as const
export const MetricField = { label: 1, gauge: 2, counter: 3, summary: 4, untyped: 5, histogram: 7 } as const
/** Of Counter, Gauge and Untyped alike. */
export const ScalarField = { value: 1, exemplar: 2 } as const
export const SummaryField = { sampleCount: 1, sampleSum: 2, quantile: 3 } as const
export const QuantileField = { quantile: 1, value: 2 } as const
export const BucketField = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const
export const HistogramField = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
} as const
export const SpanField = { offset: 1, length: 2 } as const
const PairField = { name: 1, value: 2 } as const
const ExemplarField = { label: 1, value: 2, timestamp: 3 } as const
const TimestampField = { seconds: 1, nanos: 2 } as const

/** What a writer has; a view, valid until it is begun again. */
export const contents = (writer: PbfWriter): Uint8Array => writer.buf.subarray(0, writer.pos)

/** Empties a writer. Its memory stays. */
export function begin(writer: PbfWriter): PbfWriter {
  writer.pos = 0
  return writer
}

const pair = new PbfWriter()

/** Label pairs as fields of a message: Metric and Exemplar have them at the same number. */
export function writeLabels(writer: PbfWriter, labels: Iterable<readonly [name: string, value: string]>): void {
  for (const [name, value] of labels) {
    begin(pair)
    pair.writeStringField(PairField.name, name)
    pair.writeStringField(PairField.value, value)
    writer.writeBytesField(MetricField.label, contents(pair))
  }
}

const exemplarMessage = new PbfWriter()
const timestamp = new PbfWriter()

export function writeExemplar(writer: PbfWriter, field: number, { labels, value, timestampMs }: Exemplar): void {
  begin(exemplarMessage)
  writeLabels(exemplarMessage, Object.entries(labels))
  exemplarMessage.writeDoubleField(ExemplarField.value, value)
  begin(timestamp)
  const seconds = Math.floor(timestampMs / 1000)
  timestamp.writeVarintField(TimestampField.seconds, seconds)
  timestamp.writeVarintField(TimestampField.nanos, Math.floor((timestampMs - seconds * 1000) * 1e6))
  exemplarMessage.writeBytesField(ExemplarField.timestamp, contents(timestamp))
  writer.writeBytesField(field, contents(exemplarMessage))
}
