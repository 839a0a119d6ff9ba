// Puts planes on a prom-client registry. Called by Ringmaster.register() and the daemon; knows no plane.
//
// Nothing is observed as it happens: prom-client's observe() costs more than the I/O it would measure. Its metric objects hold no values of their own
// here; when the registry is scraped, by registry.metrics() or renderMetrics(), they are filled from what the planes count.
import type { OpenMetricsContentType, Registry } from 'prom-client'
import { exporterPlane, type ExporterReading } from './catalog/exporter.ts'
import { CollectorFailures } from './collector-failures.ts'
import { defaultLabelsOf } from './default-labels.ts'
import { invalidArgument } from './invalid-argument.ts'
import { PlaneCollector } from './plane-collector.ts'
import type { Family } from './plane-collector.ts'
import { metricOf, type PlaneMetric } from './plane-metrics.ts'
import type { Plane, Subject, SubjectSource } from './plane.ts'

/** A prom-client registry of either content type. */
export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>

/** The planes of one registry. */
class RegistryPlanes implements ExporterReading {
  readonly failures: CollectorFailures = new CollectorFailures()
  /** Families by the prom-client metric that stands for them. */
  readonly families: WeakMap<object, Family> = new WeakMap()
  scrapeNs = 0
  private scrapingNs = 0
  private readonly registry: MetricsRegistry
  private readonly exporterSource = (): [Subject<ExporterReading>] => [{ labels: [], reading: this }]
  private removeExporter = (): void => undefined
  private readonly planes = new Map<object, { readonly collector: object; readonly metrics: readonly PlaneMetric[] }>()

  constructor(registry: MetricsRegistry) {
    this.registry = registry
  }

  /** Counts time spent on reading for the scrape that is going on: all that happens in this turn. */
  readonly spent = (ns: number): void => {
    if (this.scrapingNs === 0) {
      queueMicrotask(() => {
        this.scrapeNs = this.scrapingNs
        this.scrapingNs = 0
      })
    }
    this.scrapingNs += ns
  }

  /** A scrape was read and written in this turn: that is all its time. */
  written(ns: number): void {
    this.spent(ns - this.scrapingNs)
  }

  add<Reading>(plane: Plane<Reading>, source: SubjectSource<Reading>): () => void {
    const known = this.planes.get(plane)
    const collector =
      known === undefined
        ? new PlaneCollector(plane, this.failures, this.spent, () => defaultLabelsOf(this.registry))
        : (known.collector as PlaneCollector<Reading>)
    const metrics = known?.metrics ?? collector.families.map((family) => metricOf(family))
    this.put(metrics)
    this.planes.set(plane, { collector, metrics })
    const remove = collector.add(source)
    return () => {
      if (!remove() || collector.isUsed) return
      this.planes.delete(plane)
      this.take(metrics)
    }
  }

  /** Registers what somebody took out, by registry.clear() for one. @throws where a name is somebody else's now */
  restore(): void {
    for (const { metrics } of this.planes.values()) this.put(metrics)
    this.keepExporterLast()
  }

  /** It reports on the reading of all the others, so it is read behind them; and it is there as long as any is. */
  keepExporterLast(): void {
    this.removeExporter()
    this.removeExporter = (): void => undefined
    if (this.planes.size > 0) this.removeExporter = this.add(exporterPlane, this.exporterSource)
  }

  /** Registers what is not there: all, or what somebody took out. @throws where a name is somebody else's; the registry is as before */
  private put(metrics: readonly PlaneMetric[]): void {
    const added: PlaneMetric[] = []
    try {
      for (const metric of metrics) {
        const { family } = metric
        if (this.registry.getSingleMetric(family.name) === metric) continue
        this.registry.registerMetric(metric)
        added.push(metric)
        this.families.set(metric, family)
      }
    } catch (error) {
      this.take(added)
      throw error
    }
  }

  private take(metrics: readonly PlaneMetric[]): void {
    for (const metric of metrics) {
      const { name } = metric.family
      if (this.registry.getSingleMetric(name) === metric) this.registry.removeSingleMetric(name)
    }
  }
}

const registryMethods = ['registerMetric', 'getSingleMetric', 'removeSingleMetric', 'getMetricsAsArray'] as const

/** @throws ERR_INVALID_ARG_TYPE */
export function checkRegistry(registry: unknown): void {
  const is =
    typeof registry === 'object' &&
    registry !== null &&
    registryMethods.every((method) => typeof Reflect.get(registry, method) === 'function')
  if (!is) throw invalidArgument('registry', 'a Registry of prom-client', registry)
}

const registries = new WeakMap<MetricsRegistry, RegistryPlanes>()

/** What a registry has of ours; made when it is first asked for. */
export function planesOf(registry: MetricsRegistry): RegistryPlanes {
  checkRegistry(registry)
  const known = registries.get(registry)
  if (known !== undefined) return known
  const planes = new RegistryPlanes(registry)
  registries.set(registry, planes)
  return planes
}

/**
 * Adds the metrics of a plane to `registry`, or `source` to those that are there. `source` is asked once per scrape for what there is; the same one
 * twice is read once. Returns what takes it off again, and the metrics with the last source.
 * @throws where a metric's name is somebody else's; nothing has changed then
 */
export function registerPlane<Reading>(
  registry: MetricsRegistry,
  plane: Plane<Reading>,
  source: SubjectSource<Reading>,
): () => void {
  const planes = planesOf(registry)
  const remove = planes.add(plane, source)
  try {
    planes.keepExporterLast()
  } catch (error) {
    remove()
    throw error
  }
  return () => {
    remove()
    planes.keepExporterLast()
  }
}
