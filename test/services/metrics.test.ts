// The metrics of real rings: several Ringmasters in one registry, and stats() as data that can be sent anywhere.
import { Registry } from 'prom-client'
import { afterAll, describe, expect, it } from 'vitest'
import { storageOperations } from '../../metrics/device-errors.ts'
import { renderMetrics, Ringmaster } from '../../services/index.ts'
import { parseExposition, sampleValue } from '../metrics/exposition.ts'
import { allPollers, callLoosely, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

const scrape = async (registry: Registry): Promise<ReturnType<typeof parseExposition>> =>
  parseExposition(await registry.metrics())

describe('a registry', () => {
  it('has several Ringmasters by name, those without one numbered behind the first, and loses each with its close()', async () => {
    const registry = new Registry()
    const pools = [await Ringmaster.start({ rings: 1 }), await Ringmaster.start({ rings: 1 })]
    pools.push(await Ringmaster.start({ rings: 1, name: 'archive' }))
    for (const [index, rings] of pools.entries()) {
      await rings.nopBatch(10 + index)
      rings.register(registry)
    }
    const nops = async (): Promise<Record<string, number>> => {
      const { samples } = (await scrape(registry)).get('ringmaster_operations_total') ?? { samples: [] }
      const ours = samples.filter(({ labels }) => labels['operation'] === 'nop')
      return Object.fromEntries(ours.map(({ labels, value }) => [labels['pool'] ?? '', value]))
    }
    const requests = (index: number): number => pools[index]!.stats().rings[0]!.requests
    expect(await nops()).toEqual({ '': requests(0), '2': requests(1), archive: requests(2) })
    const infos = (await scrape(registry)).get('ringmaster_build_info')!.samples
    expect(infos).toHaveLength(1)
    expect(infos[0]!.labels['node']).toBe(process.versions.node)
    const twin = await Ringmaster.start({ rings: 1, name: 'archive' })
    expect(() => twin.register(registry)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
    await twin.close()
    await pools[0]!.close()
    expect(Object.keys(await nops()).sort()).toEqual(['2', 'archive'])
    await pools[2]!.close()
    await pools[1]!.close()
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  it('is given the same Ringmaster twice and has it once; another registry has it, too', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const [registry, other] = [new Registry(), new Registry()]
    const unregister = rings.register(registry)
    expect(rings.register(registry)).toBe(unregister)
    rings.register(other)
    unregister()
    unregister()
    expect(registry.getMetricsAsArray()).toEqual([])
    expect((await scrape(other)).get('ringmaster_ring_info')!.samples).toHaveLength(1)
    rings.register(registry)
    expect((await scrape(registry)).get('ringmaster_ring_info')!.samples).toHaveLength(1)
  })

  it('that was cleared is given the same Ringmaster again, and has it again', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const registry = new Registry()
    const unregister = rings.register(registry)
    registry.clear()
    expect(rings.register(registry)).toBe(unregister)
    expect((await scrape(registry)).get('ringmaster_ring_info')!.samples).toHaveLength(1)
    expect(rings.register(registry)).toBe(unregister)
    unregister()
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  it.each([null, undefined, 5, 'x', {}, { registerMetric: () => undefined }])('is no %o', async (given) => {
    const refusal = expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error
    await using rings = await Ringmaster.start({ rings: 1 })
    expect(() => callLoosely(rings, 'register', given)).toThrow(refusal)
    await expect(callLoosely({ renderMetrics }, 'renderMetrics', given)).rejects.toEqual(refusal)
  })

  it('gets nothing of rings that are closed', async () => {
    const rings = await Ringmaster.start({ rings: 1 })
    await rings.close()
    expect(() => rings.register(new Registry())).toThrow(expect.objectContaining({ code: 'ERR_RING_CLOSED' }))
  })

  it('has what the planes beside the rings count: files, arenas, clients, placement', async () => {
    await using rings = await Ringmaster.start({ rings: 1, clientsMax: 3 })
    const registry = new Registry()
    rings.register(registry)
    const files = await Promise.all(['a', 'b', 'c'].map((name) => rings.open(`${folder.path}/${name}`, 'w')))
    await files[0]!.close()
    const view = rings.view()
    await (await view.open(`${folder.path}/a`)).close()
    const arena = rings.arena({ slabBytes: 4096, slabs: 5 })
    const lease = arena.lease()
    const waiting = Array.from({ length: 4 }, () => arena.lease())
    const late = arena.leaseWhenFree()
    const handle = rings.attach()
    const families = await scrape(registry)
    const value = (name: string, labels = {}): number | undefined => sampleValue(families, name, labels)
    expect([value('ringmaster_files_open'), value('ringmaster_files_opened_total')]).toEqual([2, 4])
    expect(value('ringmaster_files_closed_total')).toBe(2)
    expect(value('ringmaster_arena_slabs', { arena: '1' })).toBe(5)
    expect(value('ringmaster_arena_slabs_leased', { arena: '1' })).toBe(5)
    expect(value('ringmaster_arena_waiters', { arena: '1' })).toBe(1)
    expect(value('ringmaster_arena_size_bytes', { arena: '1' })).toBe(5 * 4096)
    expect([value('ringmaster_clients_attached'), value('ringmaster_clients_limit')]).toEqual([1, 3])
    const stats = rings.stats()
    expect(value('ringmaster_effective_cpus')).toBe(stats.effectiveCpus)
    expect(value('ringmaster_wake_cost_seconds')).toBe(stats.wakeCostNs / 1e9)
    expect(value('ringmaster_spin_limit_seconds')).toBe(stats.spinNs / 1e9)
    expect(value('ringmaster_placement_info', { option: 'rings', value: '1' })).toBe(1)
    const options = families.get('ringmaster_placement_info')!.samples.map(({ labels }) => labels['option'])
    expect(options).not.toContain('spinNs')
    expect(['option', 'placement', 'denied']).toContain(
      families.get('ringmaster_ring_info')!.samples[0]!.labels['reason'],
    )
    const [ring] = stats.rings
    expect(value('ringmaster_ring_in_flight_limit')).toBe(ring!.inFlightLimit)
    expect(value('ringmaster_ring_backlog_limit')).toBe(16_384)
    await rings.detach(handle)
    for (const one of [lease, ...waiting]) one.release()
    ;(await late).release()
    await Promise.all(files.map((file) => file.close()))
  })

  it('says where a poller is a fallback', async () => {
    const denied = process.env['RINGMASTER_ADDON'] === 'none'
    await using chosen = await Ringmaster.start({ rings: 1, poller: denied ? 'threadpool' : 'caller' })
    const registry = new Registry()
    chosen.register(registry)
    expect(sampleValue(await scrape(registry), 'ringmaster_ring_degraded', {})).toBe(0)
    expect(chosen.stats().rings[0]!.degraded).toBe(false)
  })
})

describe('errors of the device', () => {
  it.each(allPollers)('with poller %s, are there from 0, and counted when a device is full', async (poller) => {
    await using rings = await Ringmaster.start({ rings: 2, poller })
    const registry = new Registry()
    rings.register(registry)
    const counts = async (): Promise<{ ring: string; operation: string; value: number }[]> => {
      const { body, release } = await renderMetrics(registry)
      const { samples } = parseExposition(body.toString()).get('ringmaster_operation_device_errors_total')!
      release()
      return samples.map(({ labels, value }) => ({ ring: labels['ring']!, operation: labels['operation']!, value }))
    }
    const none = ['0', '1'].flatMap((ring) =>
      Object.keys(storageOperations).map((operation) => ({ ring, operation, value: 0 })),
    )
    expect(await counts()).toEqual(none)
    await expect(rings.writeFile(`${folder.path}/no/such/folder`, 'x')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await counts()).toEqual(none)
    for (const failed of [1, 2, 3]) {
      await expect(rings.writeFile('/dev/full', 'x')).rejects.toMatchObject({ code: 'ENOSPC' })
      const found = (await counts()).filter(({ value }) => value > 0)
      expect(new Set(found.map(({ operation }) => operation))).toEqual(new Set(['write']))
      expect(found.reduce((sum, { value }) => sum + value, 0)).toBe(failed)
    }
    expect(await counts()).toHaveLength(none.length)
  })
})

describe('stats()', () => {
  it('is plain data: what JSON makes of it is all of it', async () => {
    await using rings = await Ringmaster.start({ rings: 2, name: 'demo.1' })
    rings.arena({ slabBytes: 4096, slabs: 2 })
    await rings.readFile(import.meta.filename)
    const stats = rings.stats()
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats)
    expect(structuredClone(stats)).toEqual(stats)
    expect(stats).toMatchObject({ name: 'demo.1', files: { open: 0 }, services: { instances: 0, restarts: 0 } })
  })

  it.each(['a b', 'a"b', 'x'.repeat(65), 'ä', 7])('has no name like %j', async (name) => {
    await expect(callLoosely(Ringmaster, 'start', { name })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARG_(TYPE|VALUE)|OUT_OF_RANGE)$/) as unknown,
      message: expect.stringContaining('options.name') as unknown,
    })
  })
})
