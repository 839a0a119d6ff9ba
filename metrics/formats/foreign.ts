// Metrics of others in a registry (the user's own, prom-client's default ones), read so that every format can write them. One that throws or does
// not answer in time is counted and left out; the others are not held up. Called by render.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenMetricsContentType, Registry } from 'prom-client'
import { z } from 'zod'
import type { CollectorFailures } from '../collector-failures.ts'
import { defaultLabelsOf, type Labels, labelsShape, numberShape } from '../default-labels.ts'
import type { Exemplar } from '../exemplar.ts'

export type ForeignType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped'

export interface ForeignSample {
  /** `_bucket`, `_sum`, `_count`; else empty. */
  readonly suffix: string
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
  readonly exemplar: Exemplar | null
}

export interface ForeignFamily {
  readonly name: string
  readonly type: ForeignType
  readonly help: string
  readonly samples: readonly ForeignSample[]
}

/** How long a metric's collect() may take where the scraper does not say how long it waits. */
export const collectLimitMs = 2000

// What a metric's get() gives; prom-client's types name less of it.
const exemplarShape = z.object({ labelSet: labelsShape, value: numberShape, timestamp: numberShape })
const metricShape = z.object({
  name: z.string(),
  help: z.string(),
  type: z.enum(['counter', 'gauge', 'histogram', 'summary']).catch('gauge'),
  values: z.array(
    z.object({
      metricName: z.string().optional(),
      labels: labelsShape.default({}),
      value: numberShape,
      exemplar: exemplarShape.nullish().catch(null),
    }),
  ),
})
type Metric = z.infer<typeof metricShape>

interface Read {
  readonly result: Promise<unknown>
  readonly startedMs: number
}

/**
 * Reads that have not ended. Scrapes at one time share them; one that hangs is not started again until it has ended, nor waited for once it has taken
 * longer than a scrape waits.
 */
const pending = new WeakMap<object, Read>()

/** Reads `metrics`, all at once, for `limitMs` at most. An OpenMetrics registry has taken `_total` off the names of its counters. */
export async function readForeign(
  registry: Registry | Registry<OpenMetricsContentType>,
  metrics: readonly (object & { name: string })[],
  failures: CollectorFailures,
  limitMs: number = collectLimitMs,
): Promise<readonly ForeignFamily[]> {
  const defaults = defaultLabelsOf(registry)
  const openMetrics = registry.contentType.startsWith('application/openmetrics-text')
  const families = await Promise.all(
    metrics.map(async (metric) => {
      const { name } = metric
      failures.watch(name)
      try {
        return familyOf(metricShape.parse(await withinLimit(metric, limitMs)), defaults, openMetrics)
      } catch (error) {
        failures.fail(name, error instanceof z.ZodError ? z.prettifyError(error) : error)
        return null
      }
    }),
  )
  return families.filter((family) => family !== null)
}

async function withinLimit(metric: object, limitMs: number): Promise<unknown> {
  const read = pending.get(metric) ?? start(metric)
  const leftMs = read.startedMs + limitMs - performance.now()
  if (leftMs <= 0) throw new Error(`not read within ${limitMs} ms`)
  const timer = new AbortController()
  // It holds the process: where nothing else does, what hangs would end it without a word.
  const limit = sleep(leftMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`not read within ${limitMs} ms`)
  })
  limit.catch(() => undefined)
  try {
    return await Promise.race([read.result, limit])
  } finally {
    timer.abort()
  }
}

function start(metric: object): Read {
  if (!('get' in metric) || typeof metric.get !== 'function') throw new Error('not a metric of prom-client')
  const read: Read = { startedMs: performance.now(), result: Promise.resolve((metric.get as () => unknown)()) }
  pending.set(metric, read)
  const ended = (): void => {
    pending.delete(metric)
  }
  read.result.then(ended, ended)
  return read
}

function familyOf({ name, help, type, values }: Metric, defaults: Labels, openMetrics: boolean): ForeignFamily {
  const total = openMetrics && type === 'counter' && !name.endsWith('_total')
  const samples = values.map(({ metricName, labels, value, exemplar }) => ({
    suffix: metricName?.startsWith(`${name}_`) === true ? metricName.slice(name.length) : '',
    labels: Object.entries({ ...defaults, ...labels }).map(
      ([label, given]) => [label, labelText(label, given)] as const,
    ),
    value,
    exemplar: exemplar ? exemplarOf(exemplar) : null,
  }))
  return { name: total ? `${name}_total` : name, type, help, samples }
}

// A bound that is a whole number, as Prometheus writes it itself where it gets a number.
const labelText = (label: string, value: Labels[string]): string =>
  (label === 'le' || label === 'quantile') && Number.isInteger(value) ? `${String(value)}.0` : String(value)

function exemplarOf({ labelSet, value, timestamp }: z.infer<typeof exemplarShape>): Exemplar | null {
  const labels = Object.fromEntries(Object.entries(labelSet).map(([label, given]) => [label, String(given)]))
  return Object.keys(labels).length === 0 ? null : { labels, value, timestampMs: timestamp * 1000 }
}
