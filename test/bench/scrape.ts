// What a scrape costs: 16 rings with 60 operations each, all in use and all (or --active) counted on since the last scrape, by format. Run by
// `npm run bench:scrape`; prints medians. Everything a scrape does is measured but sending it.
import { parseArgs } from 'node:util'
import { Registry } from 'prom-client'
import { ringSubjects, type RingMetricsSource } from '../../metrics/catalog/ring-reading.ts'
import { ringsPlane } from '../../metrics/catalog/rings.ts'
import { registerPlane } from '../../metrics/exporter.ts'
import { renderMetrics } from '../../metrics/render.ts'
import { RingMetrics, ringMetricsSizeBytes, Stage } from '../../metrics/ring-metrics.ts'
import { operationName } from '../../native/operations/index.ts'

const { values: options } = parseArgs({
  options: {
    rings: { type: 'string', default: '16' },
    operations: { type: 'string', default: '60' },
    /** Operations that are counted on between scrapes, of those; the others were in use before. */
    active: { type: 'string' },
    rounds: { type: 'string', default: '50' },
    /** Of `accepts` and prom-client, with commas. */
    formats: { type: 'string', default: 'text,openmetrics,protobuf,prom-client' },
  },
})
const [rings, operations, rounds] = [Number(options.rings), Number(options.operations), Number(options.rounds)]

/** Not measured: what is compiled and put together once. */
const warmupRounds = 10
const stages = Object.values(Stage)

const sources = Array.from({ length: rings }, (_, ring): RingMetricsSource => ({
  pool: '',
  ring,
  poller: 'kernel',
  reason: 'placement',
  memory: 'user',
  sqEntries: 1024,
  cqEntries: 4096,
  inFlightLimit: 4032,
  backlogLimit: 16_384,
  state: 'open',
  degraded: false,
  metrics: new RingMetrics(new SharedArrayBuffer(ringMetricsSizeBytes), 0),
  operationName,
  advice: { poller: 'kernel', cause: 'none' },
  sqThread: () => ({ busyNs: 1e9, totalNs: 2e9 }),
  runQueueWait: () => ({ clientNs: 1e9, pollerNs: 1e9 }),
}))

const active = Number(options.active ?? operations)

/** Latencies over an order of magnitude, 10 to 90 µs: every series changes, and some twenty of its buckets. */
function countSome(count: number): void {
  for (const { metrics } of sources) {
    for (let op = 0; op < count; op++) {
      metrics.countRequest(op)
      metrics.countCompletion(op, 4096)
      metrics.countBytes(op, 4096)
      for (const stage of stages)
        for (let step = 0; step < 24; step++) metrics.recordStage(stage, op, 10_000 * 1.1 ** step, 1)
    }
  }
}

const registry = new Registry()
registerPlane(registry, ringsPlane, () => ringSubjects(sources))

const accepts = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const

async function render(accept: string): Promise<number> {
  const { body, release } = await renderMetrics(registry, { accept })
  release()
  return body.length
}

interface Cost {
  readonly minMs: number
  readonly medianMs: number
  readonly p90Ms: number
  readonly sizeBytes: number
}

async function measure(scrape: () => Promise<number>): Promise<Cost> {
  const timesMs: number[] = []
  let sizeBytes = 0
  for (let round = -warmupRounds; round < rounds; round++) {
    countSome(active)
    const startedMs = performance.now()
    sizeBytes = await scrape()
    if (round >= 0) timesMs.push(performance.now() - startedMs)
  }
  timesMs.sort((a, b) => a - b)
  const at = (share: number): number => timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))]!
  return { minMs: at(0), medianMs: at(0.5), p90Ms: at(0.9), sizeBytes }
}

const legs: readonly (readonly [string, () => Promise<number>])[] = [
  ...Object.entries(accepts).map(([name, accept]) => [name, () => render(accept)] as const),
  ['prom-client', async () => Buffer.byteLength(await registry.metrics())],
]
countSome(operations)
console.log(`${rings} rings × ${operations} operations, ${active} of them active, ${rounds} scrapes each`)
const chosen = options.formats.split(',')
for (const [name, scrape] of legs.filter(([name]) => chosen.includes(name))) {
  const { minMs, medianMs, p90Ms, sizeBytes } = await measure(scrape)
  console.log(
    `${name.padEnd(12)} least ${minMs.toFixed(2).padStart(7)} ms  median ${medianMs.toFixed(2).padStart(7)} ms  p90 ${p90Ms.toFixed(2).padStart(7)} ms  ${(sizeBytes / 1e6).toFixed(2).padStart(6)} MB`,
  )
}
