// Prometheus' protobuf format: MetricFamily messages of prometheus/client_model, each behind its length, native histograms included. The only format
// that has those (prometheus.io/docs/specs/native_histograms). Called by render.ts.
import { PbfWriter } from 'pbf'
import type { Family } from '../plane-collector.ts'
import { areSame, type Series } from '../series.ts'
import { foreignMetrics } from './foreign-protobuf.ts'
import type { ForeignFamily } from './foreign.ts'
import type { Output } from './output.ts'
import { type HistogramMessage, histogramMessage } from './protobuf-histogram.ts'
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
import { varintBytes } from './varint.ts'

const lengthDelimited = 2
/** A tag below 16 is one byte. */
const tagBytes = 1
const doubleBytes = 8
/** Up to here a loop is faster than a call. */
const loopBytesMax = 64

const family = new PbfWriter()
const value = new PbfWriter()
const length = new PbfWriter()

export function writeProtobuf(output: Output, families: readonly Family[], foreign: readonly ForeignFamily[]): void {
  for (const one of families) {
    const series = one.collect()
    if (one.type !== 'histogram' && series.every(({ exemplar }) => exemplar === null)) {
      output.bytes(plainScalars(one, series))
      continue
    }
    beginFamily(one.name, one.help, MetricType[one.type])
    for (const each of series) {
      const labels = (each.labelBytes ??= bytesOf(each.labels))
      if (one.type === 'histogram') writeHistogramMetric(labels, histogramMessage(each))
      else writeMetric(labels, MetricField[one.type], scalarMessage(each))
    }
    endFamily(output)
  }
  for (const one of foreign) {
    beginFamily(one.name, one.help, MetricType[one.type])
    for (const { labels, write } of foreignMetrics(one)) {
      begin(value)
      write(value)
      writeMetric(bytesOf(labels), MetricField[one.type], contents(value))
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

/** A Metric message: labels and `message` in `field`. */
function writeMetric(labels: Uint8Array, field: number, message: Uint8Array): void {
  beginMetric(labels, field, message.length)
  append(message, message.length)
}

function writeHistogramMetric(labels: Uint8Array, { classic, native, nativeBytes }: HistogramMessage): void {
  beginMetric(labels, MetricField.histogram, classic.length + nativeBytes)
  append(classic, classic.length)
  append(native, nativeBytes)
}

function beginMetric(labels: Uint8Array, field: number, messageBytes: number): void {
  family.writeTag(FamilyField.metric, lengthDelimited)
  family.writeVarint(labels.length + tagBytes + varintBytes(messageBytes) + messageBytes)
  append(labels, labels.length)
  family.writeTag(field, lengthDelimited)
  family.writeVarint(messageBytes)
}

/** The first `sizeBytes` of `bytes`. */
function append(bytes: Uint8Array, sizeBytes: number): void {
  family.realloc(sizeBytes)
  const { buf, pos } = family
  if (sizeBytes > loopBytesMax) buf.set(sizeBytes === bytes.length ? bytes : bytes.subarray(0, sizeBytes), pos)
  else for (let index = 0; index < sizeBytes; index++) buf[pos + index] = bytes[index]!
  family.pos += sizeBytes
}

function endFamily(output: Output): void {
  begin(length)
  length.writeVarint(family.pos)
  output.bytes(contents(length))
  output.bytes(contents(family))
}

/** A family of counters or gauges as it was last written, its length in front: only values change, which are eight bytes each. */
interface KeptScalars {
  readonly series: readonly Series[]
  readonly bytes: Uint8Array
  readonly view: DataView
  /** By series: where its value is. */
  readonly places: readonly number[]
}

const keptScalars = new WeakMap<Family, KeptScalars>()

function plainScalars(one: Family, series: readonly Series[]): Uint8Array {
  let kept = keptScalars.get(one)
  if (kept === undefined || !areSame(kept.series, series)) keptScalars.set(one, (kept = keepScalars(one, series)))
  const { bytes, view, places } = kept
  for (let index = 0; index < series.length; index++) view.setFloat64(places[index]!, series[index]!.value, true)
  return bytes
}

function keepScalars({ name, help, type }: Family, series: readonly Series[]): KeptScalars {
  beginFamily(name, help, MetricType[type])
  const ends = series.map((one) => {
    writeMetric(bytesOf(one.labels), MetricField[type], scalarMessage(one))
    return family.pos
  })
  begin(length)
  length.writeVarint(family.pos)
  const bytes = Buffer.concat([contents(length), contents(family)])
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return { series, bytes, view, places: ends.map((end) => length.pos + end - doubleBytes) }
}

function scalarMessage({ value: number, exemplar }: Series): Uint8Array {
  begin(value)
  value.writeDoubleField(ScalarField.value, number)
  if (exemplar !== null) writeExemplar(value, ScalarField.exemplar, exemplar)
  return contents(value)
}

function bytesOf(labels: Series['labels']): Uint8Array {
  const writer = new PbfWriter()
  writeLabels(writer, labels)
  return contents(writer)
}
