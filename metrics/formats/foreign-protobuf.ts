// Metrics of others as protobuf messages: samples with a suffix are put together again to histograms and summaries, by their labels. Called by
// protobuf.ts.
import { PbfWriter } from 'pbf'
import type { ForeignFamily, ForeignSample } from './foreign.ts'
import {
  begin,
  BucketField,
  contents,
  HistogramField,
  QuantileField,
  ScalarField,
  SummaryField,
  writeExemplar,
} from './protobuf-message.ts'

export interface ForeignMetric {
  readonly labels: ForeignSample['labels']
  /** Writes the message of its type. */
  readonly write: (writer: PbfWriter) => void
}

export function foreignMetrics({ type, samples }: ForeignFamily): ForeignMetric[] {
  if (type === 'histogram') return grouped(samples, 'le').map(({ labels, parts }) => histogramOf(labels, parts))
  if (type === 'summary') return grouped(samples, 'quantile').map(({ labels, parts }) => summaryOf(labels, parts))
  return samples.map(({ labels, value, exemplar }) => ({
    labels,
    write: (writer) => {
      writer.writeDoubleField(ScalarField.value, value)
      // A gauge has none: the field is a counter's.
      if (exemplar !== null && type === 'counter') writeExemplar(writer, ScalarField.exemplar, exemplar)
    },
  }))
}

interface Part extends ForeignSample {
  /** Of `le` or `quantile`; NaN where it has none. */
  readonly bound: number
}

interface Group {
  readonly labels: ForeignSample['labels']
  readonly parts: Part[]
}

function grouped(samples: readonly ForeignSample[], boundLabel: string): Group[] {
  const groups = new Map<string, Group>()
  for (const sample of samples) {
    const labels = sample.labels.filter(([name]) => name !== boundLabel)
    const bound = sample.labels.find(([name]) => name === boundLabel)?.[1]
    const key = JSON.stringify([...labels].sort())
    const group = groups.get(key) ?? { labels, parts: [] }
    groups.set(key, group)
    group.parts.push({ ...sample, bound: bound === '+Inf' ? Infinity : Number(bound ?? NaN) })
  }
  return [...groups.values()]
}

const valueOf = (parts: readonly Part[], suffix: string): number =>
  parts.find((part) => part.suffix === suffix)?.value ?? 0

const part = new PbfWriter()

function histogramOf(labels: ForeignSample['labels'], parts: readonly Part[]): ForeignMetric {
  const write = (writer: PbfWriter): void => {
    writer.writeVarintField(HistogramField.sampleCount, valueOf(parts, '_count'))
    writer.writeDoubleField(HistogramField.sampleSum, valueOf(parts, '_sum'))
    for (const { suffix, bound, value, exemplar } of parts) {
      if (suffix !== '_bucket' || Number.isNaN(bound)) continue
      begin(part)
      part.writeVarintField(BucketField.cumulativeCount, value)
      part.writeDoubleField(BucketField.upperBound, bound)
      if (exemplar !== null) writeExemplar(part, BucketField.exemplar, exemplar)
      writer.writeBytesField(HistogramField.bucket, contents(part))
    }
  }
  return { labels, write }
}

function summaryOf(labels: ForeignSample['labels'], parts: readonly Part[]): ForeignMetric {
  const write = (writer: PbfWriter): void => {
    writer.writeVarintField(SummaryField.sampleCount, valueOf(parts, '_count'))
    writer.writeDoubleField(SummaryField.sampleSum, valueOf(parts, '_sum'))
    for (const { bound, value } of parts) {
      if (Number.isNaN(bound)) continue
      begin(part)
      part.writeDoubleField(QuantileField.quantile, bound)
      part.writeDoubleField(QuantileField.value, value)
      writer.writeBytesField(SummaryField.quantile, contents(part))
    }
  }
  return { labels, write }
}
