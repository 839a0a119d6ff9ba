// The metrics of the exporter itself. Registered by exporter.ts beside whatever else it has.
import type { CollectorFailures } from '../collector-failures.ts'
import { atMost, nsPerSecond, type Plane } from '../plane.ts'

export interface ExporterReading {
  /** Time the scrape before this one took. */
  readonly scrapeNs: number
  readonly failures: CollectorFailures
}

// prettier-ignore
export const exporterPlane: Plane<ExporterReading> = {
  name: 'exporter',
  subjectLabels: [],
  // Bounded by CollectorFailures; here only against mistakes.
  labelRules: { collector: atMost(1001) },
  rows: [
    { name: 'ringmaster_exporter_scrape_duration_seconds', type: 'gauge', unit: 'seconds', labels: [],
      help: 'Time that reading and writing the metrics of Ringmaster took in the scrape before this one; 0 in the first.',
      read: ({ scrapeNs }, sample) => sample(scrapeNs / nsPerSecond) },
    { name: 'ringmaster_exporter_collector_failures_total', type: 'counter', unit: 'count', labels: ['collector'],
      help: 'Failures to read a metric, by its name, or a plane; what could not be read is missing in that scrape.',
      read: ({ failures }, sample) => {
        for (const [collector, count] of failures.entries()) sample(count, collector)
      } },
  ],
}
