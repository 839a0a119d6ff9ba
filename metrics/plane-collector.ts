// Reads the rows of one plane for one registry: each subject once per scrape, each row of each subject by itself, so that what fails is counted and
// left out, and nothing else. Made by exporter.ts.
import type { CollectorFailures } from './collector-failures.ts'
import type { Labels } from './default-labels.ts'
import {
  atMost,
  type LabelRule,
  type MetricRow,
  type MetricUnit,
  type Plane,
  type Subject,
  type SubjectSource,
} from './plane.ts'
import { type Series, SeriesTable } from './series.ts'

/** One metric of ours with all its series: what formats write. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly help: string
  readonly labels: readonly string[]
  /** Reads it. The series are the same objects each time, and hold their values until the next call. */
  readonly collect: () => readonly Series[]
}

/** Two values that share a series: things add up; of states, times and what is always 1 the least, which is the one to worry about. */
const together = (unit: MetricUnit, one: number, other: number): number =>
  unit === 'info' || unit === 'boolean' || unit === 'timestamp' ? Math.min(one, other) : one + other

export class PlaneCollector<Reading> {
  readonly families: readonly Family[]
  readonly failures: CollectorFailures
  private readonly plane: Plane<Reading>
  private readonly spent: (ns: number) => void
  private readonly defaultLabels: () => Labels
  private readonly sources = new Map<SubjectSource<Reading>, number>()
  private subjects: readonly Subject<Reading>[] | null = null

  /** `spent` is told how long reading took; `defaultLabels` is asked in each scrape what every series has besides its own labels. */
  constructor(
    plane: Plane<Reading>,
    failures: CollectorFailures,
    spent: (ns: number) => void,
    defaultLabels: () => Labels,
  ) {
    this.plane = plane
    this.failures = failures
    this.spent = spent
    this.defaultLabels = defaultLabels
    failures.watch(plane.name)
    this.families = plane.rows.map((row) => this.familyOf(row))
  }

  get isUsed(): boolean {
    return this.sources.size > 0
  }

  /** Reads from `source`, too. The same one twice is read once. Returns what ends it, once: whether it did. */
  add(source: SubjectSource<Reading>): () => boolean {
    this.sources.set(source, (this.sources.get(source) ?? 0) + 1)
    let over = false
    return () => {
      if (over) return false
      over = true
      const users = this.sources.get(source)! - 1
      if (users > 0) this.sources.set(source, users)
      else this.sources.delete(source)
      return true
    }
  }

  private familyOf(row: MetricRow<Reading>): Family {
    const { plane, failures } = this
    const { name, type, unit, help } = row
    const labels = [...plane.subjectLabels, ...row.labels]
    // A label without a rule is a mistake that the catalogue's test finds; here it must not become series without end.
    const rules = labels.map((label): LabelRule => plane.labelRules[label] ?? atMost(0))
    const table = new SeriesTable(labels, rules)
    failures.watch(name)
    const collect = (): readonly Series[] => {
      const startNs = process.hrtime.bigint()
      table.begin(this.defaultLabels())
      for (const subject of this.current()) failures.guard(name, () => this.readRow(row, subject, table))
      const series = table.end()
      this.spent(Number(process.hrtime.bigint() - startNs))
      return series
    }
    return { name, type, unit, help, labels, collect }
  }

  private readRow(row: MetricRow<Reading>, { labels: subject, reading }: Subject<Reading>, table: SeriesTable): void {
    if ('readHistograms' in row) {
      row.readHistograms(reading, (counts, sumNs, exemplars, ...labels) => {
        const { series, add } = table.take(subject, labels)
        if (add) series.addHistogram(counts, sumNs)
        else series.setHistogram(counts, sumNs, exemplars)
      })
      return
    }
    const put = (value: number, exemplar: Parameters<Series['setScalar']>[1], labels: readonly string[]): void => {
      const { series, add } = table.take(subject, labels)
      series.setScalar(add ? together(row.unit, series.value, value) : value, exemplar)
    }
    if ('readWithExemplars' in row) {
      row.readWithExemplars(reading, (value, exemplar, ...labels) => {
        put(value, exemplar, labels)
      })
    } else {
      row.read(reading, (value, ...labels) => {
        put(value, null, labels)
      })
    }
  }

  // A scrape collects all families in one synchronous turn, so subjects kept until the next microtask are asked for exactly once per scrape, and
  // the families of a scrape agree on which there are.
  private current(): readonly Subject<Reading>[] {
    if (this.subjects !== null) return this.subjects
    const subjects: Subject<Reading>[] = []
    for (const source of this.sources.keys()) {
      const found = this.failures.guard(this.plane.name, () => [...source()])
      if (found !== undefined) subjects.push(...found)
    }
    this.subjects = subjects
    queueMicrotask(() => {
      this.subjects = null
    })
    return subjects
  }
}
