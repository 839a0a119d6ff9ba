// Scenario: whether a scraper shows. Cached reads without one and with one that asks for /metrics every second. Copy this file to add one; list it in
// index.ts.
import type { Scenario } from '../model.ts'

export const scraped: Scenario = {
  name: 'scraped',
  title: '4 KiB cached reads, 64 at once, with none and with one scraper of /metrics at 1 Hz',
  workload: 'read',
  apis: ['promise'],
  legs: ['kernel', 'worker', 'caller'],
  depth: 64,
  sweep: { parameter: 'scrapers', values: [0, 1] },
  unit: 'reads/s',
  baseline: 'caller@0',
  comparisons: [
    { of: ['kernel@1'], to: ['kernel@0'], metric: 'throughput' },
    { of: ['worker@1'], to: ['worker@0'], metric: 'throughput' },
    { of: ['caller@1'], to: ['caller@0'], metric: 'throughput' },
  ],
  limits: [],
}
