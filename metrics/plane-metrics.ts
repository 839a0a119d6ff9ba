// A family of a plane as an object that prom-client knows: so that registry.metrics(), getMetricsAsJSON() and merging work as with any other. Made by
// exporter.ts. renderMetrics() reads the families themselves and leaves these alone.
import { Counter, Gauge, Histogram } from 'prom-client'
import { classicBounds } from './classic-buckets.ts'
import type { Family } from './plane-collector.ts'
import { nsPerSecond } from './plane.ts'
import type { Series } from './series.ts'

export type PlaneMetric = PlaneCounter | PlaneGauge | PlaneHistogram

export function metricOf(family: Family): PlaneMetric {
  if (family.type === 'counter') return new PlaneCounter(family)
  return family.type === 'gauge' ? new PlaneGauge(family) : new PlaneHistogram(family)
}

const configOf = ({
  name,
  help,
  labels,
}: Family): { name: string; help: string; labelNames: string[]; registers: [] } => ({
  name,
  help,
  labelNames: [...labels],
  registers: [],
})

interface ScalarValue {
  value: number
  labels: Record<string, string>
  exemplar?: { labelSet: Record<string, string>; value: number; timestamp: number }
}

// Read at once: a registry starts the collection of all its metrics in one turn.
const scalarValues = (family: Family): ScalarValue[] =>
  family.collect().map(({ value, labels, exemplar }) => ({
    value,
    labels: Object.fromEntries(labels),
    ...(exemplar === null ? {} : { exemplar: exemplarOf(exemplar) }),
  }))

const exemplarOf = ({
  labels,
  value,
  timestampMs,
}: NonNullable<Series['exemplar']>): ScalarValue['exemplar'] & object => ({
  labelSet: { ...labels },
  value,
  timestamp: timestampMs / 1000,
})

class PlaneCounter extends Counter {
  readonly family: Family

  constructor(family: Family) {
    super(configOf(family))
    this.family = family
  }

  override async get(): Promise<Awaited<ReturnType<Counter['get']>>> {
    const values = scalarValues(this.family)
    return { ...(await super.get()), values }
  }
}

class PlaneGauge extends Gauge {
  readonly family: Family

  constructor(family: Family) {
    super(configOf(family))
    this.family = family
  }

  override async get(): Promise<Awaited<ReturnType<Gauge['get']>>> {
    const values = scalarValues(this.family)
    return { ...(await super.get()), values }
  }
}

interface HistogramValue {
  metricName: string
  labels: Record<string, string>
  sharedLabels: Record<string, string>
  value: number
  exemplar?: ScalarValue['exemplar'] & object
}

/**
 * The registry prefers `getForPromString` to `get`, and `get` is made of it, so this one method (not in prom-client's types) is all there is to
 * replace.
 */
class PlaneHistogram extends Histogram {
  readonly family: Family

  constructor(family: Family) {
    super(configOf(family))
    this.family = family
  }

  getForPromString(): Promise<{
    name: string
    help: string
    type: string
    aggregator: string
    values: HistogramValue[]
  }> {
    const { name, help } = this.family
    const values: HistogramValue[] = []
    for (const series of this.family.collect()) pushSamples(values, name, series)
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
  }
}

function pushSamples(values: HistogramValue[], name: string, { labels, counts, sumNs, exemplars }: Series): void {
  const sharedLabels = Object.fromEntries(labels)
  const metricName = `${name}_bucket`
  const bucket = (le: string, value: number, step: number): HistogramValue => {
    const exemplar = exemplars?.[step] ?? null
    const sample = { metricName, labels: { le }, sharedLabels, value }
    return exemplar === null ? sample : { ...sample, exemplar: exemplarOf(exemplar) }
  }
  let cumulative = 0
  let index = 0
  for (const [step, { leText, lastIndex }] of classicBounds.entries()) {
    for (; index <= lastIndex; index++) cumulative += counts[index]!
    values.push(bucket(leText, cumulative, step))
  }
  // Added up in one pass while the client goes on counting: `+Inf`, `_count` and the buckets cannot disagree.
  for (; index < counts.length; index++) cumulative += counts[index]!
  values.push(
    bucket('+Inf', cumulative, classicBounds.length),
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sumNs / nsPerSecond },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: cumulative },
  )
}
