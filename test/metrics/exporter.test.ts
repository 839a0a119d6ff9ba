// What a Prometheus server reads is what the rings counted: exactly, only of what was used, and even when parts fail.

import fc from 'fast-check'
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { storageOperations } from '../../metrics/device-errors.ts'
import type { RingMetricsSource } from '../../metrics/catalog/ring-reading.ts'
import { ringsPlane } from '../../metrics/catalog/rings.ts'
import type { MetricsRegistry } from '../../metrics/exporter.ts'
import { ClientCounter, Stage, WorkerCounter } from '../../metrics/ring-metrics.ts'
import { type Family, parseExposition, promtoolCheck, promtoolMissing, sampleValue } from './exposition.ts'
import { makeBusyRing, makeRing, registerRings } from './ring-source.ts'

const catalog = ringsPlane.rows

async function scrape(registry: MetricsRegistry): Promise<Map<string, Family>> {
  return parseExposition(await registry.metrics())
}

const scrapeOf = (...sources: RingMetricsSource[]): Promise<Map<string, Family>> => {
  const registry = new Registry()
  registerRings(registry, () => sources)
  return scrape(registry)
}

describe('a scrape', () => {
  it('has a family for every row of the catalogue, of its type and with its help', async () => {
    const families = await scrapeOf(makeBusyRing(0))
    for (const { name, type, help, labels } of catalog) {
      const family = families.get(name)
      expect(family, name).toMatchObject({ type, help })
      expect(family!.samples, name).not.toHaveLength(0)
      for (const sample of family!.samples) {
        expect(
          Object.keys(sample.labels)
            .filter((label) => label !== 'le')
            .sort(),
        ).toEqual(['ring', ...labels].sort())
      }
    }
  })

  it('says what each ring is and can hold', async () => {
    const families = await scrapeOf(makeRing(0), makeRing(1, { poller: 'caller', memory: 'mapped', state: 'closing' }))
    const info = { ring: '1', poller: 'caller', reason: 'placement', memory: 'mapped' }
    expect(sampleValue(families, 'ringmaster_ring_info', info)).toBe(1)
    expect(sampleValue(families, 'ringmaster_ring_state', { ring: '1', state: 'closing' })).toBe(1)
    expect(sampleValue(families, 'ringmaster_ring_sq_entries', { ring: '0' })).toBe(256)
    expect(sampleValue(families, 'ringmaster_ring_cq_entries', { ring: '0' })).toBe(512)
  })

  it('says which poller would suit each ring, and why', async () => {
    const families = await scrapeOf(makeRing(0), makeRing(1, { advice: { poller: 'kernel', cause: 'none' } }))
    const advice = (labels: Record<string, string>): number | undefined =>
      sampleValue(families, 'ringmaster_ring_advice', labels)
    expect(advice({ ring: '0', poller: 'caller', cause: 'burning' })).toBe(1)
    expect(advice({ ring: '1', poller: 'kernel', cause: 'none' })).toBe(1)
  })

  it('counts operations, errors by name, bytes and what is in flight', async () => {
    const families = await scrapeOf(makeBusyRing(3))
    const read = { ring: '3', operation: 'read' }
    expect(sampleValue(families, 'ringmaster_operations_total', read)).toBe(10)
    expect(sampleValue(families, 'ringmaster_operation_bytes_total', read)).toBe(28_672)
    expect(sampleValue(families, 'ringmaster_operations_in_flight', read)).toBe(3)
    const missing = { ring: '3', operation: 'openat', code: 'ENOENT' }
    expect(sampleValue(families, 'ringmaster_operation_errors_total', missing)).toBe(1)
    expect(families.get('ringmaster_operation_errors_total')!.samples).toHaveLength(1)
  })

  it('has a counter of errors of the device for each operation of storage, from 0 on, whether it was asked for or not', async () => {
    const source = makeRing(3)
    const registry = new Registry()
    registerRings(registry, () => [source])
    const counts = async (): Promise<Record<string, number>> => {
      const { samples } = (await scrape(registry)).get('ringmaster_operation_device_errors_total')!
      return Object.fromEntries(samples.map(({ labels, value }) => [labels['operation']!, value]))
    }
    const none = Object.fromEntries(Object.keys(storageOperations).map((name) => [name, 0]))
    expect(await counts()).toEqual(none)
    for (const [op, errno] of [
      [22, 5],
      [22, 110],
      [22, 2],
      [3, 28],
      [27, 110],
    ] as const) {
      source.metrics.countRequest(op)
      source.metrics.countCompletion(op, -errno)
    }
    expect(await counts()).toEqual({ ...none, read: 2, fsync: 1 })
  })

  it('tells the client and the worker apart where both do the same', async () => {
    const families = await scrapeOf(makeBusyRing(0))
    const value = (name: string, caller: string): number | undefined => sampleValue(families, name, { caller })
    expect(value('ringmaster_ring_enter_calls_total', 'client')).toBe(100 + ClientCounter.enterCalls)
    expect(value('ringmaster_ring_enter_calls_total', 'worker')).toBe(1_000 + WorkerCounter.enterCalls)
    expect(value('ringmaster_ring_sleeps_total', 'client')).toBe(100 + ClientCounter.sleeps)
    expect(value('ringmaster_ring_sleeps_total', 'worker')).toBe(1_000 + WorkerCounter.sleeps)
  })

  it('gives times in seconds', async () => {
    const source = makeRing(0)
    source.metrics.worker[WorkerCounter.heartbeatTimestampMs] = 1_700_000_000_250
    const families = await scrapeOf(source)
    const value = (name: string): number | undefined => sampleValue(families, name, { ring: '0' })
    expect(value('ringmaster_ring_sq_thread_busy_seconds_total')).toBe(1.5)
    expect(value('ringmaster_ring_sq_thread_seconds_total')).toBe(4)
    const waited = (thread: string): number | undefined =>
      sampleValue(families, 'ringmaster_ring_run_queue_wait_seconds_total', { ring: '0', thread })
    expect([waited('client'), waited('poller')]).toEqual([0.25, 0.75])
    expect(value('ringmaster_ring_worker_heartbeat_timestamp_seconds')).toBe(1_700_000_000.25)
  })

  it('leaves out operations that were never asked for, SQ threads that are not there, hearts that never beat', async () => {
    const nobody = { sqThread: () => null, runQueueWait: () => ({ clientNs: null, pollerNs: null }) }
    const families = await scrapeOf(makeRing(0, nobody))
    for (const { name, labels } of catalog) {
      const ofOperations = labels.includes('operation') && name !== 'ringmaster_operation_device_errors_total'
      const empty = ofOperations || /sq_thread|run_queue_wait|heartbeat_timestamp/.test(name)
      expect(families.get(name)!.samples.length === 0, name).toBe(empty)
    }
  })

  it('adds nothing up twice: a second scrape says the same', async () => {
    const registry = new Registry()
    registerRings(registry, () => [makeBusyRing(0)])
    const [first, second] = [await scrape(registry), await scrape(registry)]
    for (const { name } of catalog) expect(second.get(name)).toEqual(first.get(name))
  })

  it('follows rings that come and go, asking for them once per scrape', async () => {
    const registry = new Registry()
    let sources = [makeBusyRing(0), makeBusyRing(1)]
    let asked = 0
    let sqThreadReads = 0
    sources[0]!.sqThread = () => ({ busyNs: ++sqThreadReads, totalNs: 0 })
    registerRings(registry, () => (asked++, sources))
    await registry.metrics()
    expect([asked, sqThreadReads]).toEqual([1, 1])
    sources = sources.slice(1)
    const families = await scrape(registry)
    expect([asked, sqThreadReads]).toEqual([2, 1])
    for (const { name } of catalog) {
      expect(new Set(families.get(name)!.samples.map(({ labels }) => labels['ring'])), name).toEqual(new Set(['1']))
    }
  })

  it('escapes whatever a label contains', async () => {
    const pool = 'SQPOLL "refused"\nby C:\\kernel'
    const families = await scrapeOf(makeRing(0, { pool }))
    expect(sampleValue(families, 'ringmaster_ring_info', { pool })).toBe(1)
  })
})

describe('the classic buckets', () => {
  it('are exact: each counts the observations at or below its bound, and `+Inf` equals `_count`', async () => {
    const value = fc
      .tuple(
        fc.integer({ min: -30, max: 8 }),
        fc.integer({ min: -1, max: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      )
      .map(([exponent, step, part]) => Math.max(0, Math.floor(1e9 * 2 ** exponent * (1 + part)) + step))
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 100 }), async (values) => {
        const source = makeRing(0)
        source.metrics.countRequest(22)
        for (const valueNs of values) source.metrics.recordStage(Stage.kernel, 22, valueNs, 1)
        const family = (await scrapeOf(source)).get('ringmaster_operation_kernel_seconds')!
        const buckets = family.samples.filter(({ name }) => name.endsWith('_bucket'))
        const bounds = Array.from({ length: 25 }, (_, step) => 2 ** (step - 20))
        expect(buckets.map(({ labels }) => Number(labels['le']!.replace('+Inf', 'Infinity')))).toEqual([
          ...bounds,
          Infinity,
        ])
        for (const { labels, value } of buckets) {
          // Exact: 10^9 has 21 bits, a power of two has one.
          const leNs = labels['le'] === '+Inf' ? Infinity : Number(labels['le']) * 1e9
          expect(value, `le=${labels['le']}`).toBe(values.filter((valueNs) => valueNs <= leNs).length)
        }
        const sumNs = values.reduce((sum, valueNs) => sum + valueNs, 0)
        const end = family.samples.slice(-2)
        expect(end.map(({ name }) => name.split('_').at(-1))).toEqual(['sum', 'count'])
        expect(end.map(({ value }) => value)).toEqual([sumNs / 1e9, values.length])
      }),
      { numRuns: 50 },
    )
  })

  it('are there for each stage of each operation in use', async () => {
    const families = await scrapeOf(makeBusyRing(0), makeBusyRing(1))
    for (const stage of ['queued', 'kernel', 'delivered']) {
      const { samples } = families.get(`ringmaster_operation_${stage}_seconds`)!
      expect(samples).toHaveLength(2 * 2 * 28)
      expect(
        sampleValue(families, `ringmaster_operation_${stage}_seconds_count`, { ring: '1', operation: 'read' }),
      ).toBe(10)
    }
  })
})

describe('a failure', () => {
  it('of one metric of one ring is counted, and the rest is exported', async () => {
    const broken = makeBusyRing(0, {
      operationName: () => {
        throw new Error('no such table')
      },
    })
    const families = await scrapeOf(broken, makeBusyRing(1))
    expect(sampleValue(families, 'ringmaster_operations_total', { ring: '1', operation: 'read' })).toBe(10)
    expect(sampleValue(families, 'ringmaster_ring_published_batches_total', { ring: '0' })).toBe(100)
    const failures = (collector: string): number | undefined =>
      sampleValue(families, 'ringmaster_exporter_collector_failures_total', { collector })
    expect(failures('ringmaster_operations_total')).toBe(1)
    expect(failures('ringmaster_operation_kernel_seconds')).toBe(1)
    expect(failures('ringmaster_ring_info')).toBe(0)
  })

  it('to read fdinfo costs only the times of that SQ thread, and is counted once per metric and scrape', async () => {
    const registry = new Registry()
    const broken = makeBusyRing(0, {
      sqThread: () => {
        throw Object.assign(new Error('EBADF'), { code: 'EBADF' })
      },
    })
    registerRings(registry, () => [broken])
    await registry.metrics()
    const families = await scrape(registry)
    const collector = 'ringmaster_ring_sq_thread_seconds_total'
    expect(sampleValue(families, 'ringmaster_exporter_collector_failures_total', { collector })).toBe(2)
    expect(families.get('ringmaster_ring_sq_thread_seconds_total')!.samples).toEqual([])
    expect(sampleValue(families, 'ringmaster_operations_total', { operation: 'read' })).toBe(10)
  })

  it('to list the rings leaves a scrape without rings', async () => {
    const registry = new Registry()
    registerRings(registry, () => {
      throw new Error('closing')
    })
    const families = await scrape(registry)
    expect(sampleValue(families, 'ringmaster_exporter_collector_failures_total', { collector: 'rings' })).toBe(1)
    for (const { name } of catalog) expect(families.get(name)!.samples).toEqual([])
  })
})

describe('the registry', () => {
  it('is told how long reading took', async () => {
    const registry = new Registry()
    registerRings(registry, () => [makeBusyRing(0)])
    const before = await scrape(registry)
    expect(sampleValue(before, 'ringmaster_exporter_scrape_duration_seconds', {})).toBe(0)
    const families = await scrape(registry)
    const seconds = sampleValue(families, 'ringmaster_exporter_scrape_duration_seconds', {})!
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(5)
  })

  it('keeps what others registered, and is as before after unregistering', async () => {
    const registry = new Registry()
    new Counter({ name: 'theirs_total', help: 'Somebody else’s.', registers: [registry] }).inc(4)
    const before = await registry.metrics()
    const unregister = registerRings(registry, () => [makeBusyRing(0)])
    expect(sampleValue(await scrape(registry), 'theirs_total', {})).toBe(4)
    unregister()
    unregister()
    expect(await registry.metrics()).toBe(before)
    registerRings(registry, () => [])
  })

  it('has the rings of several, and loses those of one with it', async () => {
    const registry = new Registry()
    const removeFirst = registerRings(registry, () => [makeBusyRing(0)])
    const removeSecond = registerRings(registry, () => [makeBusyRing(0, { pool: 'archive' })])
    const values = async (): Promise<(number | undefined)[]> => {
      const { samples } = (await scrape(registry)).get('ringmaster_operations_total')!
      return ['', 'archive'].map(
        (pool) =>
          samples.find(({ labels }) => (labels['pool'] ?? '') === pool && labels['operation'] === 'read')?.value,
      )
    }
    expect(await values()).toEqual([10, 10])
    removeFirst()
    expect(await values()).toEqual([undefined, 10])
    registerRings(registry, () => [makeBusyRing(0)])
    expect(await values()).toEqual([10, 10])
    removeSecond()
    expect(await values()).toEqual([10, undefined])
  })

  it('has no series twice, whoever says it: the second one is counted as a failure', async () => {
    const registry = new Registry()
    registerRings(registry, () => [makeBusyRing(0)])
    registerRings(registry, () => [makeBusyRing(0)])
    const families = await scrape(registry)
    expect(sampleValue(families, 'ringmaster_operations_total', { operation: 'read' })).toBe(10)
    const collector = 'ringmaster_operations_total'
    expect(sampleValue(families, 'ringmaster_exporter_collector_failures_total', { collector })).toBe(1)
  })

  it('is as it was where a name is taken', async () => {
    const registry = new Registry()
    new Counter({ name: 'ringmaster_ring_moves_total', help: 'Theirs.', registers: [registry] }).inc(4)
    const before = await registry.metrics()
    expect(() => registerRings(registry, () => [makeBusyRing(0)])).toThrow('already been registered')
    expect(await registry.metrics()).toBe(before)
  })

  it('that was cleared can be registered with again', async () => {
    const registry = new Registry()
    registerRings(registry, () => [makeBusyRing(0)])
    registry.clear()
    registerRings(registry, () => [makeBusyRing(1)])
    expect(sampleValue(await scrape(registry), 'ringmaster_operations_total', { ring: '1', operation: 'read' })).toBe(
      10,
    )
  })

  it('may have default labels, and may be read as JSON', async () => {
    const registry = new Registry()
    registry.setDefaultLabels({ app: 'demo' })
    registerRings(registry, () => [makeBusyRing(0)])
    const labels = { app: 'demo', ring: '0', operation: 'read', le: '+Inf' }
    expect(sampleValue(await scrape(registry), 'ringmaster_operation_queued_seconds_bucket', labels)).toBe(10)
    const json = await registry.getMetricsAsJSON()
    const kernel = json.find(({ name }) => name === 'ringmaster_operation_kernel_seconds')!
    expect(kernel.values.at(-1)).toMatchObject({ value: 10, labels: { ring: '0', operation: 'read' } })
  })

  it('may speak OpenMetrics', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const unregister = registerRings(registry, () => [makeBusyRing(0)])
    await registry.metrics()
    const text = await registry.metrics()
    expect(text.endsWith('\n# EOF\n')).toBe(true)
    expect(text).not.toContain('\n\n')
    const families = parseExposition(text)
    expect(families.get('ringmaster_operations')!.type).toBe('counter')
    expect(sampleValue(families, 'ringmaster_operations_total', { operation: 'read' })).toBe(10)
    expect(sampleValue(families, 'ringmaster_operation_kernel_seconds_count', { operation: 'read' })).toBe(10)
    unregister()
    expect(await registry.metrics()).toBe('\n# EOF\n')
  })
})

describe('promtool', () => {
  it('has nothing to say about a scrape', async ({ skip }) => {
    skip(promtoolMissing !== null, promtoolMissing ?? '')
    const registry = new Registry()
    registerRings(registry, () => [makeBusyRing(0), makeBusyRing(1, { poller: 'worker' }), makeRing(2)])
    expect(promtoolCheck(await registry.metrics())).toEqual({ status: 0, complaints: '' })
  })

  it('would have complained', ({ skip }) => {
    skip(promtoolMissing !== null, promtoolMissing ?? '')
    expect(promtoolCheck('# TYPE operations counter\noperations 1\n').status).not.toBe(0)
  })
})
