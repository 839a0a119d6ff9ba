// Scenario: 1, 2 and 4 client threads, each with rings of its own. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const clients: Scenario = {
  name: 'clients',
  title: '4 KiB cached reads, 64 in flight in each of 1, 2 and 4 threads',
  workload: 'read',
  apis: ['promise', 'batch'],
  legs: ['kernel*', 'caller*', 'threadpool', 'auto*', 'fs-promises-cpus', 'fs-promises-4', 'fs-sync'],
  depth: 64,
  batch: { sizeEntries: 64, inFlightBatches: 2 },
  sweep: { parameter: 'clients', values: [1, 2, 4] },
  unit: 'reads/s of all',
  baseline: 'fs-promises-4@1',
  comparisons: ['kernel', 'caller', 'caller-batch', 'auto', 'fs-promises-4', 'fs-sync'].flatMap((leg) =>
    [2, 4].map((count) => ({ of: [`${leg}@${count}`], to: [`${leg}@1`], metric: 'throughput' as const })),
  ),
  limits: [],
}
