// What a plane is: a part of the program with metrics of its own (rings, files, HTTP, …). A plane lists its rows, says what its labels may
// hold, and reads nothing until somebody scrapes. exporter.ts puts planes on a registry and knows none of them.
//
// To add a metric, copy a row. To add a plane, copy a small file of catalog/, and call registerPlane() where its numbers are.
import type { Exemplar } from './exemplar.ts'

/** What a value is counted in. `count`: of things; `info`: always 1, the labels say it; `boolean`: 1 or 0; `timestamp`: seconds since 1970. */
export type MetricUnit = 'seconds' | 'bytes' | 'timestamp' | 'count' | 'boolean' | 'info'

/** Takes one sample: its value, then the values of the row's labels, in the row's order. */
export type SampleSink = (value: number, ...labelValues: string[]) => void

/** As SampleSink, of a counter that knows a trace. */
export type ExemplarSink = (value: number, exemplar: Exemplar | null, ...labelValues: string[]) => void

/**
 * Takes one histogram: counts by bucket of exponential-histogram.ts, a live view that is read at once, and the sum of the values in ns. `exemplars`
 * are by classic bucket (classic-buckets.ts), `+Inf` last; null where nobody knows a trace.
 */
export type HistogramSink = (
  counts: Float64Array,
  sumNs: number,
  exemplars: readonly (Exemplar | null)[] | null,
  ...labelValues: string[]
) => void

interface RowBase {
  /** By Prometheus' rules: `ringmaster_`, base units, the unit last, `_total` on counters. test/metrics/catalog.test.ts checks. */
  readonly name: string
  readonly unit: MetricUnit
  /** One sentence, with a full stop. */
  readonly help: string
  /** After the plane's own. */
  readonly labels: readonly string[]
}

export interface ScalarRow<Reading> extends RowBase {
  readonly type: 'counter' | 'gauge'
  readonly read: (reading: Reading, sample: SampleSink) => void
}

export interface ExemplarRow<Reading> extends RowBase {
  readonly type: 'counter'
  readonly readWithExemplars: (reading: Reading, sample: ExemplarSink) => void
}

export interface HistogramRow<Reading> extends RowBase {
  readonly type: 'histogram'
  readonly unit: 'seconds'
  readonly readHistograms: (reading: Reading, sample: HistogramSink) => void
}

export type MetricRow<Reading> = ScalarRow<Reading> | ExemplarRow<Reading> | HistogramRow<Reading>

/**
 * What a label may hold: one of `values`, or up to `max` different ones at a time. What is more is `other`: added up under that value, so that no
 * client and no bug can make series without end.
 */
export interface LabelRule {
  readonly values?: readonly string[]
  readonly max: number
}

export const otherValue = 'other'

/** A rule for a label whose values are known. */
export const oneOf = (...values: string[]): LabelRule => ({ values, max: values.length })
/** A rule for a label whose values come from elsewhere. */
export const atMost = (max: number): LabelRule => ({ max })

/** Something a plane has metrics of, and the labels that tell it from the others: a ring, an arena, a root. An empty label is left out. */
export interface Subject<Reading> {
  readonly labels: readonly string[]
  readonly reading: Reading
}

export interface Plane<Reading> {
  /** Names it where reading it fails. */
  readonly name: string
  /** Labels of every row, filled in from the subject. */
  readonly subjectLabels: readonly string[]
  /** A rule for each label of the plane and of its rows. */
  readonly labelRules: Readonly<Record<string, LabelRule>>
  readonly rows: readonly MetricRow<Reading>[]
}

/** Asked once per scrape for what there is. */
export type SubjectSource<Reading> = () => Iterable<Subject<Reading>>

/** Pools in one registry: as many as anybody starts in one process. */
export const poolRule: LabelRule = atMost(64)

export const nsPerSecond = 1e9
export const msPerSecond = 1e3
