// What a scraper gets for what it asks: format, encoding, exemplars; and that nobody's collector keeps it from the rest.
import { execFile as execFileCallback } from 'node:child_process'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { PbfReader } from 'pbf'
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { DurationHistogram } from '../../metrics/duration-histogram.ts'
import { traceLabels } from '../../metrics/exemplar.ts'
import { type MetricsRegistry, registerPlane } from '../../metrics/exporter.ts'
import type { Plane } from '../../metrics/plane.ts'
import { renderMetrics } from '../../metrics/render.ts'
import { parseExposition, promtoolCheck, promtoolMissing, sampleValue, type Sample } from './exposition.ts'
import { makeBusyRing, registerRings } from './ring-source.ts'

const execFile = promisify(execFileCallback)

const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const types = {
  protobuf: /^application\/vnd\.google\.protobuf;/,
  openmetrics: /^application\/openmetrics-text;/,
  text: /^text\/plain;/,
}

function busyRegistry(): Registry {
  const registry = new Registry()
  registerRings(registry, () => [makeBusyRing(0), makeBusyRing(1)])
  return registry
}

const textOf = async (registry: MetricsRegistry, accept?: string): Promise<string> =>
  (await renderMetrics(registry, { accept })).body.toString()

describe('default labels of the registry', () => {
  it.each([...Object.keys(types), 'metrics()'])('are on our metrics and on those of others: %s', async (format) => {
    const registry = busyRegistry()
    new Gauge({ name: 'theirs', help: 'Theirs.', registers: [registry] }).set(1)
    const read = async (): Promise<string> => {
      if (format === 'metrics()') return await registry.metrics()
      if (format !== 'protobuf')
        return await textOf(registry, format === 'text' ? undefined : 'application/openmetrics-text')
      return (await renderMetrics(registry, { accept: protobuf })).body.toString('latin1')
    }
    const occurrences = async (label: string): Promise<number> => (await read()).split(label).length - 1
    const [dc, rack] = format === 'protobuf' ? ['\x02dc\x12\x01x', '\x04rack\x12\x011'] : ['dc="x"', 'rack="1"']
    registry.setDefaultLabels({ dc: 'x', ring: 'of its own' })
    await read()
    const all = await occurrences(dc)
    expect(all).toBeGreaterThan(100)
    registry.setDefaultLabels({ rack: 1 })
    expect([await occurrences(dc), await occurrences(rack)]).toEqual([0, all])
    registry.setDefaultLabels({})
    expect(await occurrences(rack)).toBe(0)
  })

  it('cannot take metrics away: a value that is no text is left out, and le is the buckets\u2019', async () => {
    const registry = busyRegistry()
    const broken = {
      toString: (): string => {
        throw new Error('no text')
      },
    }
    registry.setDefaultLabels({ dc: 'x' })
    await textOf(registry)
    registry.setDefaultLabels({ broken, le: '5', 'no name': 'x', rack: 7 })
    const text = await textOf(registry)
    expect(text).not.toContain('dc="x"')
    expect(text).not.toMatch(/\{[^}]*le="[^}]*le="/)
    expect(text).not.toContain('no name')
    expect(text).toMatch(/ringmaster_operation_kernel_seconds_bucket\{[^}]*rack="7"/)
    const families = parseExposition(text)
    expect(sampleValue(families, 'ringmaster_operations_total', { ring: '0', operation: 'read', rack: '7' })).toBe(10)
  })

  it('give way to labels of the metric', async () => {
    const registry = busyRegistry()
    registry.setDefaultLabels({ ring: '7', pool: 'main' })
    const families = parseExposition(await textOf(registry))
    const read = { operation: 'read', pool: 'main' }
    expect(sampleValue(families, 'ringmaster_operations_total', { ...read, ring: '0' })).toBe(10)
    expect(sampleValue(families, 'ringmaster_operations_total', { ...read, ring: '7' })).toBeUndefined()
  })
})

describe('the format', () => {
  it.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5', 'text'],
    ['application/json', 'text'],
    ['application/openmetrics-text; version=1.0.0; q=0.2, text/plain;q=0.5', 'text'],
    ['text/plain;q=0, */*;q=0.1', 'openmetrics'],
    // Prometheus 2.42 with --enable-feature=native-histograms, and without.
    [
      `${protobuf},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
      'protobuf',
    ],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    // Prometheus 3.
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    ['x'.repeat(100_000), 'text'],
    // Cut at 4,096 characters, the last item would lose its q=0.
    [`${'a/b,'.repeat(1014)}application/openmetrics-text;q=0,text/plain;q=0.1`, 'text'],
  ] as const)('for Accept: %s is %s', async (accept, format) => {
    const { contentType } = await renderMetrics(new Registry(), { accept })
    expect(contentType).toMatch(types[format])
  })

  it('is that of the registry where the client does not mind', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    new Counter({ name: 'theirs_total', help: 'Theirs.', registers: [registry] }).inc(2)
    expect((await renderMetrics(registry)).contentType).toBe(Registry.OPENMETRICS_CONTENT_TYPE)
    // prom-client itself has taken the suffix off by now: it is put back.
    await registry.metrics()
    for (const accept of ['application/openmetrics-text', 'text/plain']) {
      expect(await textOf(registry, accept)).toContain('\ntheirs_total 2\n')
    }
  })

  it('says the same in text as prom-client does for us', async () => {
    const registry = busyRegistry()
    new Gauge({ name: 'theirs', help: 'A \\ and\na line.', labelNames: ['a'], registers: [registry] }).set(
      { a: '"\\\n' },
      -Infinity,
    )
    new Histogram({ name: 'their_seconds', help: 'Theirs.', buckets: [0.25, 1.5], registers: [registry] }).observe(1)
    const samples = (text: string): Map<string, number> => {
      const all = [...parseExposition(text).values()].flatMap((family) => family.samples)
      const ours = all.filter(({ name }) => !name.startsWith('ringmaster_exporter_'))
      const bound = (le = ''): string => (le === '' || le === '+Inf' ? le : String(Number(le)))
      const key = ({ name, labels }: Sample): string =>
        JSON.stringify([name, Object.entries({ ...labels, le: bound(labels['le']) }).sort()])
      return new Map(ours.map((sample) => [key(sample), sample.value]))
    }
    expect(samples(await textOf(registry))).toEqual(samples(await registry.metrics()))
  })

  it('is without complaint of promtool, and of ours', async ({ skip }) => {
    const text = await textOf(busyRegistry())
    expect(sampleValue(parseExposition(text), 'ringmaster_operations_total', { ring: '1', operation: 'read' })).toBe(10)
    skip(promtoolMissing !== null, promtoolMissing ?? '')
    expect(promtoolCheck(text)).toEqual({ status: 0, complaints: '' })
  })

  it('of OpenMetrics has families without _total, units that the names end with, and an end', async () => {
    const lines = (await textOf(busyRegistry(), 'application/openmetrics-text')).split('\n')
    expect(lines.slice(-2)).toEqual(['# EOF', ''])
    expect(lines).toContain('# TYPE ringmaster_operations counter')
    expect(lines).toContain('# UNIT ringmaster_operation_bytes bytes')
    for (const line of lines.filter((text) => text.startsWith('# UNIT'))) {
      const [, , family = '', unit = ''] = line.split(' ')
      expect(family.endsWith(`_${unit}`), line).toBe(true)
    }
    expect(lines.some((line) => line.startsWith('# TYPE') && line.includes('_total '))).toBe(false)
  })

  it('changes with what was counted, scrape after scrape, as if it were written anew', async () => {
    const registry = new Registry()
    const source = makeBusyRing(0)
    registerRings(registry, () => [source])
    for (const step of [1, 8, 1, 90, 899, 1, 123_456, 1e9, 3e9, 1e12]) {
      source.metrics.recordStage(1, 22, 5_000, step)
      const fresh = new Registry()
      registerRings(fresh, () => [source])
      const family = async (from: Registry): Promise<string[]> =>
        (await textOf(from)).split('\n').filter((line) => line.startsWith('ringmaster_operation_kernel_seconds'))
      expect(await family(registry)).toEqual(await family(fresh))
    }
  })

  it('of protobuf is messages behind their lengths, names first, and nothing else', async () => {
    const { body } = await renderMetrics(busyRegistry(), { accept: protobuf })
    const reader = new PbfReader(body)
    const names: string[] = []
    while (reader.pos < body.length) {
      const end = reader.readVarint() + reader.pos
      reader.readFields(
        (field) => {
          if (field === 1) names.push(reader.readString())
        },
        null,
        end,
      )
      expect(reader.pos).toBe(end)
    }
    const text = parseExposition(await textOf(busyRegistry()))
    expect(names.sort()).toEqual([...text.keys()].sort())
  })
})

describe('headers', () => {
  it.each([
    ['of node:http, several', { accept: ['text/html', 'application/openmetrics-text'] }],
    ['of fetch', new Headers({ accept: 'application/openmetrics-text' })],
  ])('%s, are read', async (_, headers) => {
    expect((await renderMetrics(new Registry(), headers)).contentType).toMatch(types.openmetrics)
  })

  it.each([null, 5, 'text/plain'])('that are %o are refused', async (headers) => {
    const render = renderMetrics as (registry: Registry, given: unknown) => Promise<unknown>
    await expect(render(new Registry(), headers)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })
})

describe('gzip', () => {
  it('is used where it is asked for and worth it', async () => {
    const registry = busyRegistry()
    const headers = { 'accept-encoding': 'deflate, gzip;q=1.0' }
    const { contentEncoding, body } = await renderMetrics(registry, headers)
    expect(contentEncoding).toBe('gzip')
    expect(parseExposition(gunzipSync(body).toString()).size).toBe(parseExposition(await textOf(registry)).size)
  })

  it.each([undefined, 'identity', 'gzip;q=0', 'gzip;q=0.001,identity;q=1', 'br', ''])(
    'is not used for Accept-Encoding: %s',
    async (accepted) => {
      expect((await renderMetrics(busyRegistry(), { 'accept-encoding': accepted })).contentEncoding).toBe(null)
    },
  )

  it('is not used for a few bytes', async () => {
    expect((await renderMetrics(new Registry(), { 'accept-encoding': 'gzip' })).contentEncoding).toBe(null)
  })
})

describe('an exemplar', () => {
  const durations = new DurationHistogram()
  const plane: Plane<DurationHistogram> = {
    name: 'demo',
    subjectLabels: [],
    labelRules: {},
    rows: [
      {
        name: 'demo_seconds',
        type: 'histogram',
        unit: 'seconds',
        labels: [],
        help: 'Demo.',
        readHistograms: ({ counts, sumNs, exemplars }, sample) => sample(counts, sumNs, exemplars),
      },
    ],
  }
  const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']

  it('is in its own bucket, in OpenMetrics only', async () => {
    const registry = new Registry()
    registerPlane(registry, plane, () => [{ labels: [], reading: durations }])
    durations.record(3e6, null)
    durations.record(5e6, traceLabels(`00-${traceId}-${spanId}-01`))
    durations.record(100e9, traceLabels(`00-${traceId}-${spanId}-03`))
    expect(await textOf(registry)).not.toContain('trace_id')
    const marked = (await textOf(registry, 'application/openmetrics-text'))
      .split('\n')
      .filter((line) => line.includes('trace_id'))
    expect(marked).toHaveLength(2)
    const pattern = (le: string, count: number, value: string): RegExp =>
      new RegExp(
        `^demo_seconds_bucket{le="${le}"} ${count} # {trace_id="${traceId}",span_id="${spanId}"} ${value} \\d+\\.\\d{3}$`,
      )
    expect(marked[0]).toMatch(pattern('0.0078125', 2, '0.005'))
    expect(marked[1]).toMatch(pattern('\\+Inf', 3, '100'))
  })

  it.each([
    [`00-${traceId}-${spanId}-01`, true],
    [`cc-${traceId}-${spanId}-01-what-comes`, true],
    [`00-${traceId}-${spanId}-00`, false],
    [`00-${traceId}-${spanId}-01-more`, false],
    [`ff-${traceId}-${spanId}-01`, false],
    [`00-${'0'.repeat(32)}-${spanId}-01`, false],
    [`00-${traceId}-${'0'.repeat(16)}-01`, false],
    [`00-${traceId.toUpperCase()}-${spanId}-01`, false],
    [`00-${traceId}-${spanId}`, false],
    ['"},} injected', false],
    ['', false],
    ['0'.repeat(100_000), false],
  ])('is taken from traceparent %s: %s', (traceparent, taken) => {
    expect(traceLabels(traceparent)).toEqual(taken ? { trace_id: traceId, span_id: spanId } : null)
  })
})

describe('a collector of somebody else', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['never ends', () => new Promise<void>(() => undefined)],
  ])('that %s is counted, and the rest is written, scrape after scrape', async (_, collect) => {
    const registry = busyRegistry()
    new Gauge({ name: 'broken', help: 'Theirs.', registers: [registry], collect })
    new Gauge({ name: 'well', help: 'Theirs.', registers: [registry] }).set(4)
    for (const failures of [1, 2]) {
      const families = parseExposition(await textOf(registry))
      expect(sampleValue(families, 'well', {})).toBe(4)
      expect(families.has('broken')).toBe(false)
      expect(sampleValue(families, 'ringmaster_operations_total', { ring: '0', operation: 'read' })).toBe(10)
      const collector = { collector: 'broken' }
      expect(sampleValue(families, 'ringmaster_exporter_collector_failures_total', collector)).toBe(failures)
    }
  })

  it.each(['text/plain', 'application/openmetrics-text', protobuf])(
    'is read anew by every scrape, as %s',
    async (accept) => {
      const registry = new Registry()
      let reads = 0
      const collect = function (this: Gauge): void {
        this.set(++reads)
      }
      new Gauge({ name: 'their_reads', help: 'Theirs.', registers: [registry], collect })
      const seconds = new Histogram({ name: 'their_seconds', help: 'Theirs.', buckets: [1], registers: [registry] })
      const seen: Buffer[] = []
      for (const valueSeconds of [0.5, 0.5, 2]) {
        seconds.observe(valueSeconds)
        const { body } = await renderMetrics(registry, { accept })
        expect(seen).not.toContainEqual(Buffer.from(body))
        seen.push(Buffer.from(body))
      }
      expect(reads).toBe(3)
      if (accept === protobuf) return
      expect(seen.at(-1)!.toString()).toContain('\ntheir_reads 3\n')
      expect(seen.at(-1)!.toString()).toContain('\ntheir_seconds_count 3\n')
    },
  )

  it('that failed once is there the next time', async () => {
    const registry = new Registry()
    let reads = 0
    const collect = function (this: Gauge): void {
      if (++reads === 1) throw new Error('broken once')
      this.set(reads)
    }
    new Gauge({ name: 'flaky', help: 'Theirs.', registers: [registry], collect })
    expect(await textOf(registry)).not.toContain('flaky ')
    expect(await textOf(registry)).toContain('\nflaky 2\n')
  })

  it('that was late once is left alone until it comes back, and there from then on', async () => {
    const registry = new Registry()
    let reads = 0
    let comeBack = (): void => undefined
    const promise = new Promise<void>((resolve) => (comeBack = resolve))
    const collect = async function (this: Gauge): Promise<void> {
      if (++reads === 1) await promise
      this.set(reads)
    }
    new Gauge({ name: 'late', help: 'Theirs.', registers: [registry], collect })
    const hurried = { 'x-prometheus-scrape-timeout-seconds': '0.1' }
    for (const _ of [1, 2, 3]) expect(String((await renderMetrics(registry, hurried)).body)).not.toContain('late ')
    expect(reads).toBe(1)
    comeBack()
    await setImmediate()
    expect(await textOf(registry)).toContain('\nlate 2\n')
  })

  it('may have label values of any kind, as prom-client writes them', async () => {
    const registry = new Registry()
    const routes = new Counter({ name: 'routes_total', help: 'Theirs.', labelNames: ['route'], registers: [registry] })
    const values: unknown[] = [undefined, null, 7n, true, ['a', 'b'], new URL('http://a/"b')]
    // Past prom-client's types, as JavaScript does it.
    for (const route of values) Reflect.apply(routes.inc.bind(routes), null, [{ route }])
    const lines = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('routes_total'))
    expect(lines(await textOf(registry))).toEqual(lines(await registry.metrics()))
    expect(lines(await textOf(registry))).toHaveLength(values.length)
  })

  it('that cannot be read is told of, once, with the reason', async () => {
    const told: string[] = []
    const onWarning = ({ name, message }: Error): void => {
      if (name === 'RingmasterWarning') told.push(message)
    }
    process.on('warning', onWarning)
    const registry = new Registry()
    const collect = (): void => {
      throw new Error('the disk is not there')
    }
    new Gauge({ name: 'broken', help: 'Theirs.', registers: [registry], collect })
    for (const _ of [1, 2]) await textOf(registry)
    await setImmediate()
    process.off('warning', onWarning)
    expect(told).toEqual([expect.stringMatching(/^broken could not be read .*the disk is not there$/)])
  })

  it('that is slow is there for who waits, though somebody else did not', async () => {
    const registry = new Registry()
    const collect = async function (this: Gauge): Promise<void> {
      await sleep(100)
      this.set(7)
    }
    new Gauge({ name: 'slow', help: 'Theirs.', registers: [registry], collect })
    const impatient = renderMetrics(registry, { 'x-prometheus-scrape-timeout-seconds': '0.01' })
    expect(String((await impatient).body)).not.toContain('slow ')
    expect(await textOf(registry)).toContain('\nslow 7\n')
  })

  it('that hangs does not end a process that has nothing else to do', async () => {
    const program = `
      import { Gauge, Registry } from 'prom-client'
      import { renderMetrics } from '${String(new URL('../../dist/metrics/render.js', import.meta.url))}'
      const registry = new Registry()
      new Gauge({ name: 'hangs', help: 'Theirs.', registers: [registry], collect: () => new Promise(() => undefined) })
      console.log((await renderMetrics(registry, { 'x-prometheus-scrape-timeout-seconds': '0.2' })).contentType)`
    const { stdout } = await execFile(process.execPath, ['--input-type=module', '-e', program])
    expect(stdout).toMatch(types.text)
  })

  it('that hangs is waited for less long than Prometheus waits for the scrape', async () => {
    const registry = new Registry()
    let hanging = true
    const collect = (): Promise<void> => new Promise(() => undefined)
    new Gauge({ name: 'hangs', help: 'Theirs.', registers: [registry], collect })
    const scrape = renderMetrics(registry, { 'x-prometheus-scrape-timeout-seconds': '1' }).then(() => (hanging = false))
    await Promise.race([scrape, sleep(1000)])
    expect(hanging).toBe(false)
  })
})
