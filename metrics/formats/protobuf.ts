// Prometheus' protobuf format: MetricFamily messages of prometheus/client_model, each behind its length, native histograms included. The only format
// that has those (prometheus.io/docs/specs/native_histograms). Called by render.ts.
import { PbfWriter } from 'pbf'
import type { Family } from '../plane-collector.ts'
import type { Series } from '../series.ts'
import { foreignMetrics } from './foreign-protobuf.ts'
import type { ForeignFamily } from './foreign.ts'
import type { Output } from './output.ts'
import { writeHistogram } from './protobuf-histogram.ts'
import {
  begin,
  contents,
  FamilyField,
  MetricField,
  MetricType,
  ScalarField,
  writeExemplar,
  writeLabels,
} from './protobuf-message.ts'

const lengthDelimited = 2
/** A tag below 16 is one byte. */
const tagBytes = 1

const family = new PbfWriter()
const value = new PbfWriter()
const length = new PbfWriter()

export function writeProtobuf(output: Output, families: readonly Family[], foreign: readonly ForeignFamily[]): void {
  for (const { name, type, help, collect } of families) {
    const series = collect()
    beginFamily(name, help, MetricType[type])
    for (const one of series) {
      begin(value)
      if (type === 'histogram') writeHistogram(value, one.counts, one.sumNs, one.exemplars)
      else writeScalar(value, one)
      one.labelBytes ??= labelBytes(one)
      writeMetric(one.labelBytes, MetricField[type])
    }
    endFamily(output)
  }
  for (const one of foreign) {
    beginFamily(one.name, one.help, MetricType[one.type])
    for (const { labels, write } of foreignMetrics(one)) {
      begin(value)
      write(value)
      writeMetric(bytesOf(labels), MetricField[one.type])
    }
    endFamily(output)
  }
}

function beginFamily(name: string, help: string, type: number): void {
  begin(family)
  family.writeStringField(FamilyField.name, name)
  family.writeStringField(FamilyField.help, help)
  family.writeVarintField(FamilyField.type, type)
}

/** A Metric message of labels and what is in `value`. */
function writeMetric(labels: Uint8Array, field: number): void {
  const message = contents(value)
  begin(length)
  length.writeVarint(message.length)
  family.writeTag(FamilyField.metric, lengthDelimited)
  family.writeVarint(labels.length + tagBytes + length.pos + message.length)
  append(labels)
  family.writeTag(field, lengthDelimited)
  family.writeBytes(message)
}

function append(bytes: Uint8Array): void {
  family.realloc(bytes.length)
  family.buf.set(bytes, family.pos)
  family.pos += bytes.length
}

function endFamily(output: Output): void {
  begin(length)
  length.writeVarint(family.pos)
  output.bytes(contents(length))
  output.bytes(contents(family))
}

function writeScalar(writer: PbfWriter, { value: number, exemplar }: Series): void {
  writer.writeDoubleField(ScalarField.value, number)
  if (exemplar !== null) writeExemplar(writer, ScalarField.exemplar, exemplar)
}

const labelBytes = ({ labels }: Series): Uint8Array => bytesOf(labels)

function bytesOf(labels: Series['labels']): Uint8Array {
  const writer = new PbfWriter()
  writeLabels(writer, labels)
  return contents(writer)
}
