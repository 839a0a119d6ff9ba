// A real Prometheus reads what we export, in each format, and answers what we know: percentiles of native and classic histograms, exemplars, counters of
// a daemon that had so many requests.
import { createServer } from 'node:http'
import { once } from 'node:events'
import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAdminServer } from '../../metrics/admin-server.ts'
import { DurationHistogram } from '../../metrics/duration-histogram.ts'
import { traceLabels } from '../../metrics/exemplar.ts'
import { bucketsPerOctave, quantileNs } from '../../metrics/exponential-histogram.ts'
import { registerPlane } from '../../metrics/exporter.ts'
import { oneOf, type Plane } from '../../metrics/plane.ts'
import { renderMetrics } from '../../metrics/render.ts'
import { Ringmaster } from '../../services/index.ts'
import { type Daemon, startDaemon } from '../cli/command.ts'
import { seededRandom, temporaryFolder, testSeed } from '../services/harness.ts'
import { patiently, type Prometheus, prometheusMissing, startPrometheus } from './prometheus.ts'

const quantiles = [0.1, 0.5, 0.9, 0.99]
const bucketRatio = 2 ** (1 / bucketsPerOctave)
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const trace = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' }
const requestCount = 25

interface Durations {
  readonly steady: DurationHistogram
  readonly wild: DurationHistogram
}

const durationsPlane: Plane<Durations> = {
  name: 'durations',
  subjectLabels: [],
  labelRules: { kind: oneOf('steady', 'wild') },
  rows: [
    {
      name: 'demo_duration_seconds',
      type: 'histogram',
      unit: 'seconds',
      labels: ['kind'],
      help: 'Durations of this test.',
      readHistograms: ({ steady, wild }, sample) => {
        sample(steady.counts, steady.sumNs, steady.exemplars, 'steady')
        sample(wild.counts, wild.sumNs, wild.exemplars, 'wild')
      },
    },
  ],
}

describe.skipIf(prometheusMissing !== null)(`Prometheus ${prometheusMissing ?? ''}`, () => {
  /** What was started, to be ended in reverse. */
  const closers: (() => void | Promise<void>)[] = []
  const durations: Durations = { steady: new DurationHistogram(), wild: new DurationHistogram() }
  const values: Record<keyof Durations, number[]> = { steady: [], wild: [] }
  let native: Prometheus
  let classic: Prometheus
  let daemon: Daemon
  let requests: number
  let root: string

  beforeAll(async () => {
    const random = seededRandom(testSeed('prometheus'))
    const record = (kind: keyof Durations, valueNs: number): void => {
      values[kind].push(valueNs)
      durations[kind].record(valueNs, values[kind].length === 500 ? traceLabels(traceparent)! : null)
    }
    for (let i = 0; i < 2000; i++) {
      record('steady', 80_000 + random() * 40_000)
      // From 50 ns, which is the zero bucket, to 100 s, which is above the last.
      record('wild', 50 * 2 ** (random() * 31))
    }

    const rings = await Ringmaster.start({ rings: 1 })
    closers.push(() => rings.close())
    await rings.nopBatch(1000)
    requests = rings.stats().rings[0]!.requests
    const registry = new Registry()
    rings.register(registry)
    registerPlane(registry, durationsPlane, () => [{ labels: [], reading: durations }])
    addForeign(registry)
    const probes = { ready: () => ({ ok: true }), live: () => ({ ok: true }), describe: () => '' }
    const admin = await startAdminServer({ host: '127.0.0.1', port: 0, registry, ...probes })
    closers.push(() => admin.close())
    // As a user of the library may serve it; without the scraper's header, so that it is text.
    const plain = createServer((_, response) => {
      void renderMetrics(registry).then(({ contentType, body }) => {
        response.writeHead(200, { 'Content-Type': contentType }).end(body)
      })
    }).listen(0, '127.0.0.1')
    closers.push(() => {
      plain.closeAllConnections()
      plain.close()
    })
    await once(plain, 'listening')
    const address = plain.address()
    const plainUrl = `http://127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}`

    const { path, remove } = temporaryFolder()
    closers.push(remove)
    writeFileSync(join(path, 'file'), 'content')
    root = path
    daemon = await startDaemon(path)
    closers.push(async () => {
      await daemon[Symbol.asyncDispose]()
    })
    for (let i = 0; i < requestCount; i++) {
      await (await fetch(`${daemon.filesUrl}file`, { headers: i === 7 ? { traceparent } : {} })).text()
    }

    const targets = { library: admin.url, daemon: daemon.adminUrl }
    native = await startPrometheus(targets, ['native-histograms', 'exemplar-storage'])
    closers.push(() => native.stop())
    classic = await startPrometheus({ ...targets, text: plainUrl }, ['exemplar-storage'])
    closers.push(() => classic.stop())
  }, 120_000)

  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  const eventuallyIs = (prometheus: () => Prometheus, query: string, expected: number): Promise<void> =>
    patiently(async () => {
      expect(await prometheus().value(query), query).toBe(expected)
    })

  it('scrapes every format', async () => {
    await patiently(async () => {
      expect(await native.health()).toEqual({ library: 'up', daemon: 'up' })
      expect(await classic.health()).toEqual({ library: 'up', daemon: 'up', text: 'up' })
    })
  })

  it.each(['steady', 'wild'] as const)(
    'has the percentiles of native histograms within one bucket: %s',
    async (kind) => {
      const series = `demo_duration_seconds{job="library",kind="${kind}"}`
      await eventuallyIs(() => native, `histogram_count(${series})`, 2000)
      expect(await native.value(`histogram_sum(${series})`)).toBeCloseTo(durations[kind].sumNs / 1e9, 9)
      const sorted = [...values[kind]].sort((a, b) => a - b)
      for (const quantile of quantiles) {
        const theirsNs = (await native.value(`histogram_quantile(${quantile}, ${series})`))! * 1e9
        const context = `q=${quantile} theirs=${theirsNs}`
        expect(apart(theirsNs, quantileNs(durations[kind].counts, quantile)), context).toBeLessThanOrEqual(bucketRatio)
        // Of what is above the last boundary nothing more is known.
        const exactNs = Math.min(64e9, sorted[Math.ceil(quantile * 2000) - 1]!)
        expect(apart(theirsNs, exactNs), context).toBeLessThanOrEqual(bucketRatio)
      }
    },
  )

  it.each(['library', 'text'])('has the percentiles of classic histograms within one of theirs: %s', async (job) => {
    const series = `demo_duration_seconds_bucket{job="${job}",kind="steady"}`
    await eventuallyIs(() => classic, `sum(demo_duration_seconds_count{job="${job}"})`, 4000)
    for (const quantile of quantiles) {
      const theirsNs = (await classic.value(`histogram_quantile(${quantile}, ${series})`))! * 1e9
      expect(apart(theirsNs, quantileNs(durations.steady.counts, quantile)), `q=${quantile}`).toBeLessThanOrEqual(2)
    }
  })

  it('finds the same series in text and in OpenMetrics', async () => {
    const bucket = (job: string): string => `demo_duration_seconds_bucket{job="${job}"}`
    await eventuallyIs(() => classic, `count(${bucket('library')})`, 2 * 26)
    await eventuallyIs(() => classic, `count(${bucket('library')} == on (le, kind) ${bucket('text')})`, 2 * 26)
  })

  it('finds the rings, and metrics of others', async () => {
    for (const prometheus of [native, classic]) {
      await eventuallyIs(() => prometheus, 'sum(ringmaster_operations_total{job="library"})', requests)
      await eventuallyIs(() => prometheus, 'their_counter_total{job="library"}', 4)
      await eventuallyIs(() => prometheus, 'their_gauge{job="library",name="a\\"b"}', -2.5)
      await eventuallyIs(() => prometheus, 'their_summary_count{job="library"}', 3)
      await eventuallyIs(() => prometheus, 'histogram_quantile(1, their_histogram_bucket{job="library"})', 2)
    }
  })

  it('counts the requests of a daemon, as its histogram does', async () => {
    const labels = '{job="daemon",method="GET"}'
    await eventuallyIs(() => native, `sum(ringmaster_http_requests_total${labels})`, requestCount)
    await eventuallyIs(() => native, `histogram_count(ringmaster_http_request_duration_seconds${labels})`, requestCount)
    await eventuallyIs(() => classic, `sum(ringmaster_http_request_duration_seconds_count${labels})`, requestCount)
    await eventuallyIs(() => classic, 'count(process_open_fds{job="daemon"} > 0)', 1)
    await eventuallyIs(() => classic, 'sum(ringmaster_exporter_collector_failures_total{job="daemon"})', 0)
  })

  it('knows whether a daemon is ready, and how full its root is', async () => {
    const { blocks, bsize, files } = statfsSync(root)
    await eventuallyIs(() => classic, 'ringmaster_daemon_ready{job="daemon"}', 1)
    await eventuallyIs(() => classic, 'ringmaster_daemon_live{job="daemon"}', 1)
    await eventuallyIs(() => classic, `ringmaster_storage_size_bytes{job="daemon",root="${root}"}`, blocks * bsize)
    await eventuallyIs(() => classic, `ringmaster_storage_inodes{job="daemon",root="${root}"}`, files)
    await eventuallyIs(() => classic, 'count(ringmaster_storage_available_bytes > 0)', 1)
    await eventuallyIs(() => classic, 'count(ringmaster_storage_inodes_available >= 0)', 1)
    await eventuallyIs(() => classic, 'ringmaster_storage_read_only{job="daemon"}', 0)
  })

  it('shows exemplars: of buckets and of counters', async () => {
    for (const prometheus of [native, classic]) {
      await patiently(async () => {
        const names = (await prometheus.exemplars('{__name__=~".+"}'))
          .filter(({ exemplars }) => exemplars.some(({ labels }) => labels['trace_id'] === trace.trace_id))
          .map(
            ({ seriesLabels }) => `${seriesLabels['job'] ?? ''} ${seriesLabels['__name__']!.replace(/_bucket$/, '')}`,
          )
        expect(names).toEqual(
          expect.arrayContaining([
            'library demo_duration_seconds',
            'daemon ringmaster_http_request_duration_seconds',
            'daemon ringmaster_http_requests_total',
          ]),
        )
      })
    }
  })
})

const apart = (a: number, b: number): number => Math.max(a / b, b / a)

/** As a user's own registry has them. */
function addForeign(registry: Registry): void {
  const registers = [registry]
  new Counter({ name: 'their_counter_total', help: 'Theirs.', registers }).inc(4)
  new Gauge({ name: 'their_gauge', help: 'Theirs.', labelNames: ['name'], registers }).set({ name: 'a"b' }, -2.5)
  const histogram = new Histogram({ name: 'their_histogram', help: 'Theirs.', buckets: [1, 2, 4], registers })
  const summary = new Summary({ name: 'their_summary', help: 'Theirs.', percentiles: [0.5], registers })
  for (const value of [0.5, 1.5, 1.75]) {
    histogram.observe(value)
    summary.observe(value)
  }
}
