// Rings as the metrics see them, with numbers of the test's own. Used by the tests of the exporter and of the formats.
import type { RingMetricsSource } from '../../metrics/catalog/ring-reading.ts'
import { ringSubjects } from '../../metrics/catalog/ring-reading.ts'
import { ringsPlane } from '../../metrics/catalog/rings.ts'
import { type MetricsRegistry, registerPlane } from '../../metrics/exporter.ts'
import { RingMetrics, ringMetricsSizeBytes, Stage } from '../../metrics/ring-metrics.ts'

const names: Record<number, string> = { 22: 'read', 23: 'write', 18: 'openat' }

export function makeRing(ring: number, overrides: Partial<RingMetricsSource> = {}): RingMetricsSource {
  return {
    pool: '',
    ring,
    poller: 'kernel',
    reason: 'placement',
    memory: 'user',
    sqEntries: 256,
    cqEntries: 512,
    inFlightLimit: 448,
    backlogLimit: 16_384,
    state: 'open',
    degraded: false,
    metrics: new RingMetrics(new SharedArrayBuffer(ringMetricsSizeBytes), 0),
    operationName: (op) => names[op] ?? `op_${op}`,
    advice: { poller: 'caller', cause: 'burning' },
    sqThread: () => ({ busyNs: 1.5e9, totalNs: 4e9 }),
    runQueueWait: () => ({ clientNs: 0.25e9, pollerNs: 0.75e9 }),
    ...overrides,
  }
}

/** A ring with something in every metric. */
export function makeBusyRing(ring: number, overrides: Partial<RingMetricsSource> = {}): RingMetricsSource {
  const source = makeRing(ring, overrides)
  const { metrics } = source
  for (let slot = 0; slot < metrics.client.length; slot++) metrics.client[slot] = 100 + slot
  for (let slot = 0; slot < metrics.worker.length; slot++) metrics.worker[slot] = 1_000 + slot
  for (let i = 0; i < 10; i++) {
    metrics.countRequest(22)
    for (const stage of Object.values(Stage)) metrics.recordStage(stage, 22, 1_000 * 2 ** i, 1)
  }
  for (let i = 0; i < 7; i++) metrics.countCompletion(22, 4_096)
  metrics.countBytes(22, 7 * 4_096)
  metrics.countRequest(18)
  metrics.countCompletion(18, -2)
  return source
}

export const registerRings = (registry: MetricsRegistry, sources: () => readonly RingMetricsSource[]): (() => void) =>
  registerPlane(registry, ringsPlane, () => ringSubjects(sources()))
