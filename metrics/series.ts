// The series of one row, kept from scrape to scrape: their labels are put together once, only values are read anew. Used by exporter.ts, which
// fills them, and by formats/, which write them and keep what they made of the labels.
import { isDeepStrictEqual } from 'node:util'
import type { Labels } from './default-labels.ts'
import type { Exemplar } from './exemplar.ts'
import { bucketCount } from './exponential-histogram.ts'
import { type LabelRule, otherValue } from './plane.ts'

/** The lines of a histogram with room for its numbers: see formats/histogram-lines.ts. */
export interface HistogramLines {
  /** All of them with the present numbers: valid until the next call. */
  write(counts: Float64Array, sumNs: number): Uint8Array
}

/** Its classic buckets in protobuf: see formats/protobuf-buckets.ts. */
export interface BucketBytes {
  /** All of them with these cumulative counts: valid until the next call. */
  write(cumulative: Float64Array): Uint8Array
}

const noCounts = new Float64Array(bucketCount)

export class Series {
  /** Without empty ones, which Prometheus takes for absent. */
  readonly labels: readonly (readonly [name: string, value: string])[]
  value = 0
  exemplar: Exemplar | null = null
  counts: Float64Array = noCounts
  sumNs = 0
  exemplars: readonly (Exemplar | null)[] | null = null
  /** What formats/ keep with it: made once, and valid as long as its labels. */
  lines: HistogramLines | null = null
  labelBytes: Uint8Array | null = null
  buckets: BucketBytes | null = null
  /** The scrape that filled it last. */
  scrape = -1

  /** `defaults`: what it has besides, where it has no value of its own for them. */
  constructor(names: readonly string[], values: readonly string[], defaults: Labels) {
    const own = names.map((name, index) => [name, values[index] ?? ''] as const).filter(([, value]) => value !== '')
    // `le` is the buckets' own, whatever the registry says.
    const others = Object.entries(defaults).filter(([name]) => name !== 'le' && own.every(([known]) => known !== name))
    this.labels = [...own, ...others.map(([name, value]) => [name, String(value)] as const)]
  }

  setScalar(value: number, exemplar: Exemplar | null): void {
    this.value = value
    this.exemplar = exemplar
  }

  setHistogram(counts: Float64Array, sumNs: number, exemplars: readonly (Exemplar | null)[] | null): void {
    this.counts = counts
    this.sumNs = sumNs
    this.exemplars = exemplars
  }

  /** Several under one name: what has no label of its own. */
  addHistogram(counts: Float64Array, sumNs: number): void {
    const sum = new Float64Array(bucketCount)
    for (let index = 0; index < bucketCount; index++) sum[index] = this.counts[index]! + counts[index]!
    this.counts = sum
    this.sumNs += sumNs
  }
}

/** A combination of label values as a row gave it, and the series that it is counted in. */
interface Entry {
  readonly key: string
  /** Of the subject: the same array for the series of a subject that follow each other. */
  readonly subject: readonly string[]
  /** Of the row, and the first of them, which mostly is the only one. */
  readonly labels: readonly string[]
  readonly label: string | undefined
  /** Of each label, as it is in the series. */
  readonly values: readonly string[]
  series: Series
  scrape: number
}

const separator = '\u0000'

export class SeriesTable {
  private readonly names: readonly string[]
  private readonly rules: readonly LabelRule[]
  private readonly entries = new Map<string, Entry>()
  /** By label: how many entries have each value. */
  private readonly inUse: readonly Map<string, number>[]
  /** By the labels they have; several entries share one where a rule folds them. */
  private readonly series = new Map<string, Series>()
  /** As they came in the last scrape, and most likely come again: found without putting a key together. */
  private order: Entry[] = []
  private filled: Series[] = []
  private position = 0
  private scrape = 0
  private defaults: Labels = {}
  /** A subject of this scrape, and that of entries, which were found to be the same: samples of a subject follow each other. */
  private subject: readonly string[] | null = null
  private knownSubject: readonly string[] | null = null

  constructor(names: readonly string[], rules: readonly LabelRule[]) {
    this.names = names
    this.rules = rules
    this.inUse = names.map(() => new Map<string, number>())
  }

  /** `defaults`: labels of all series. */
  begin(defaults: Labels): void {
    if (defaults !== this.defaults && !isDeepStrictEqual(defaults, this.defaults)) {
      this.defaults = defaults
      this.series.clear()
      for (const entry of this.entries.values()) entry.series = this.seriesOf(entry.values)
    }
    this.scrape++
    this.position = 0
    this.filled = []
    this.subject = null
  }

  /** The series for these label values, and whether it already has a value of this scrape to add to. @throws where it was given twice */
  take(subject: readonly string[], labels: readonly string[]): { readonly series: Series; readonly add: boolean } {
    const expected = this.order[this.position]
    const entry =
      expected !== undefined &&
      this.isSubject(expected.subject, subject) &&
      expected.label === labels[0] &&
      (labels.length <= 1 || same(expected.labels, labels))
        ? expected
        : this.find(subject, labels)
    if (entry.scrape === this.scrape)
      throw new Error(`series twice: ${this.names.join()} = ${[...entry.subject, ...entry.labels].join()}`)
    entry.scrape = this.scrape
    this.order[this.position++] = entry
    const { series } = entry
    const add = series.scrape === this.scrape
    if (!add) {
      series.scrape = this.scrape
      this.filled.push(series)
    }
    return { series, add }
  }

  /** What was filled since begin(). What was not is forgotten. */
  end(): readonly Series[] {
    this.order.length = this.position
    if (this.entries.size > this.position) {
      for (const entry of [...this.entries.values()]) if (entry.scrape !== this.scrape) this.forget(entry)
    }
    return this.filled
  }

  private isSubject(known: readonly string[], subject: readonly string[]): boolean {
    if (subject === this.subject && known === this.knownSubject) return true
    if (!same(known, subject)) return false
    this.subject = subject
    this.knownSubject = known
    return true
  }

  private find(subject: readonly string[], labels: readonly string[]): Entry {
    const given = [...subject, ...labels]
    if (given.length !== this.names.length)
      throw new Error(`${given.length} values for the labels ${this.names.join(', ') || '(none)'}`)
    const key = given.join(separator)
    const known = this.entries.get(key)
    if (known !== undefined) return known
    const values = given.map((value, index) => this.bounded(value, index))
    const before = this.order[this.position - 1]?.subject
    const kept = before !== undefined && same(before, subject) ? before : subject
    const entry = { key, subject: kept, labels, label: labels[0], values, series: this.seriesOf(values), scrape: -1 }
    this.entries.set(key, entry)
    for (const [index, value] of values.entries()) this.count(index, value, 1)
    return entry
  }

  private seriesOf(values: readonly string[]): Series {
    const key = values.join(separator)
    const series = this.series.get(key) ?? new Series(this.names, values, this.defaults)
    this.series.set(key, series)
    return series
  }

  private bounded(value: string, index: number): string {
    const rule = this.rules[index]!
    if (value === '' || value === otherValue) return value
    if (rule.values?.includes(value) === false) return otherValue
    const inUse = this.inUse[index]!
    return inUse.has(value) || inUse.size < rule.max ? value : otherValue
  }

  private count(index: number, value: string, step: number): void {
    if (value === '' || value === otherValue) return
    const inUse = this.inUse[index]!
    const left = (inUse.get(value) ?? 0) + step
    if (left > 0) inUse.set(value, left)
    else inUse.delete(value)
  }

  private forget(entry: Entry): void {
    this.entries.delete(entry.key)
    for (const [index, value] of entry.values.entries()) this.count(index, value, -1)
    if (entry.series.scrape !== this.scrape) this.series.delete(entry.values.join(separator))
  }
}

/** The same series in the same order: what was made of their labels is still right. */
export function areSame(one: readonly Series[], other: readonly Series[]): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}

function same(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}
