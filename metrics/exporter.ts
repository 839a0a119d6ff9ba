// Puts rings on a prom-client registry. Called by the daemon, and by library users who have a registry already.
//
// Nothing is observed as it happens: prom-client's observe() costs more than the I/O it would measure. Its metric objects
// hold no values of their own here; when the registry is scraped they are filled from shared memory.

import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client'
import {
  catalog,
  collectorFailures,
  type HistogramRow,
  operationLabel,
  operationsInUse,
  type RingMetricsSource,
  type RingReading,
  type ScalarRow,
  scrapeDuration,
} from './catalog.ts'
import { bucketIndexOfPowerOfTwo, type HistogramSnapshot } from './exponential-histogram.ts'

export type { RingMetricsSource } from './catalog.ts'

/** A prom-client registry of either content type. */
export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>

// Classic buckets: 25 powers of two from 2^-20 s (954 ns) to 16 s. Each is a sum of exponential buckets, so it is exact.
const leExponentMin = -20
const leExponentMax = 4
const nsPerSecond = 1e9
const leBounds: readonly { leSeconds: number; lastIndex: number }[] = Array.from(
  { length: leExponentMax - leExponentMin + 1 },
  (_, step) => ({
    leSeconds: 2 ** (leExponentMin + step),
    lastIndex: bucketIndexOfPowerOfTwo(leExponentMin + step),
  }),
)

/**
 * Adds every metric of the catalogue to `registry`. `sources` is asked once per scrape for the rings there are.
 * Returns the function that takes the metrics off again.
 */
export function registerRingMetrics(
  registry: MetricsRegistry,
  sources: () => readonly RingMetricsSource[],
): () => void {
  const scrape = new Scrape(sources)
  const registered: string[] = []
  const unregister = (): void => {
    for (const name of registered.splice(0)) registry.removeSingleMetric(name)
  }
  const add = (name: string, metric: Counter | Gauge | Histogram): void => {
    registry.registerMetric(metric)
    registered.push(name)
  }
  try {
    for (const row of catalog)
      add(row.name, row.type === 'histogram' ? new StageHistogram(row, scrape) : scalar(row, scrape))
    // Last, because they report on the reading of all the others.
    add(scrapeDuration.name, durationGauge(scrape))
    add(collectorFailures.name, failureCounter(scrape))
  } catch (error) {
    // A name was taken, most likely because the same rings were registered twice. Leave the registry as it was.
    unregister()
    throw error
  }
  return unregister
}

/** What the metrics of one registration share: one reading of the rings per scrape, its duration, and all failures. */
class Scrape {
  readonly failures: Map<string, number> = new Map<string, number>()
  durationNs = 0
  readonly #sources: () => readonly RingMetricsSource[]
  #readings: readonly RingReading[] | null = null

  constructor(sources: () => readonly RingMetricsSource[]) {
    this.#sources = sources
    // Present from the first scrape on: a counter that appears as 1 has no increase for an alert to see.
    for (const name of ['sources', 'sq_thread', ...catalog.map((row) => row.name)]) this.failures.set(name, 0)
  }

  /** Runs `read` for every ring. What fails is counted and left out; a ring in trouble is when metrics matter most. */
  forEachRing(collector: string, read: (reading: RingReading, ring: string) => void): void {
    const readings = this.#current()
    const startNs = process.hrtime.bigint()
    for (const reading of readings) this.#guard(collector, () => read(reading, String(reading.source.ring)))
    this.durationNs += Number(process.hrtime.bigint() - startNs)
  }

  // A registry starts the collection of all its metrics in one synchronous turn, so a reading kept until the next
  // microtask is exactly one per scrape, and the metrics of a scrape agree on which rings there are.
  #current(): readonly RingReading[] {
    if (this.#readings !== null) return this.#readings
    const startNs = process.hrtime.bigint()
    const readings = (this.#guard('sources', this.#sources) ?? []).map((source) => ({
      source,
      metrics: source.metrics,
      sqThread: this.#guard('sq_thread', () => source.sqThread()) ?? null,
    }))
    this.#readings = readings
    queueMicrotask(() => {
      this.#readings = null
    })
    this.durationNs = Number(process.hrtime.bigint() - startNs)
    return readings
  }

  #guard<Result>(collector: string, run: () => Result): Result | undefined {
    try {
      return run()
    } catch {
      this.failures.set(collector, (this.failures.get(collector) ?? 0) + 1)
      return undefined
    }
  }
}

/** Last, and only on rings of other threads. */
const clientLabel = 'client'

const clientLabels = ({ client }: RingMetricsSource): Record<string, string> =>
  client === undefined ? {} : { [clientLabel]: String(client) }

function scalar(row: ScalarRow, scrape: Scrape): Counter | Gauge {
  const config = { name: row.name, help: row.help, labelNames: [...row.labels, clientLabel], registers: [] }
  const collect = (reset: () => void, put: (labels: Record<string, string>, value: number) => void): void => {
    reset()
    scrape.forEachRing(row.name, (reading, ring) =>
      row.read(reading, (value, ...labelValues) => {
        const labels = clientLabels(reading.source)
        for (const [index, label] of row.labels.entries()) labels[label] = index === 0 ? ring : labelValues[index - 1]!
        put(labels, value)
      }),
    )
  }
  if (row.type === 'gauge') {
    const gauge: Gauge = new Gauge({
      ...config,
      collect: () =>
        collect(
          () => gauge.reset(),
          (labels, value) => gauge.set(labels, value),
        ),
    })
    return gauge
  }
  const counter: Counter = new Counter({
    ...config,
    collect: () =>
      collect(
        () => counter.reset(),
        (labels, value) => counter.inc(labels, value),
      ),
  })
  return counter
}

interface HistogramSample {
  metricName: string
  labels: Record<string, string | number>
  sharedLabels: Record<string, string>
  value: number
}

/**
 * A prom-client histogram whose samples come from shared memory. The registry prefers `getForPromString` to `get`, and
 * `get` is made of it, so this one method (not in prom-client's types) is all there is to replace.
 */
class StageHistogram extends Histogram {
  readonly #row: HistogramRow
  readonly #scrape: Scrape

  constructor(row: HistogramRow, scrape: Scrape) {
    super({ name: row.name, help: row.help, labelNames: [...row.labels, clientLabel], registers: [] })
    this.#row = row
    this.#scrape = scrape
  }

  getForPromString(): Promise<{
    name: string
    help: string
    type: string
    aggregator: string
    values: HistogramSample[]
  }> {
    const { name, help, stage } = this.#row
    const values: HistogramSample[] = []
    this.#scrape.forEachRing(name, ({ source, metrics }, ring) => {
      for (const op of operationsInUse(metrics)) {
        const sharedLabels = { ...clientLabels(source), ring, operation: operationLabel(source, op) }
        pushSamples(values, name, sharedLabels, metrics.histogram(stage, op))
      }
    })
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
  }
}

function pushSamples(
  values: HistogramSample[],
  name: string,
  sharedLabels: Record<string, string>,
  { counts, sumNs }: HistogramSnapshot,
): void {
  const metricName = `${name}_bucket`
  let cumulative = 0
  let index = 0
  for (const { leSeconds, lastIndex } of leBounds) {
    for (; index <= lastIndex; index++) cumulative += counts[index]!
    values.push({ metricName, labels: { le: leSeconds }, sharedLabels, value: cumulative })
  }
  // Added up in one pass while the client goes on counting: `+Inf`, `_count` and the buckets cannot disagree.
  for (; index < counts.length; index++) cumulative += counts[index]!
  values.push(
    { metricName, labels: { le: '+Inf' }, sharedLabels, value: cumulative },
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sumNs / nsPerSecond },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: cumulative },
  )
}

function durationGauge(scrape: Scrape): Gauge {
  const gauge: Gauge = new Gauge({
    ...scrapeDuration,
    registers: [],
    collect: () => gauge.set(scrape.durationNs / nsPerSecond),
  })
  return gauge
}

function failureCounter(scrape: Scrape): Counter {
  const { name, help, labels } = collectorFailures
  const counter: Counter = new Counter({
    name,
    help,
    labelNames: labels,
    registers: [],
    collect: () => {
      counter.reset()
      for (const [collector, failures] of scrape.failures) counter.inc({ collector }, failures)
    },
  })
  return counter
}
