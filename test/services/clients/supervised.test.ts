// Clients and resident services whose ring worker dies: a client's ring is adopted with the worker's own, under load and without losing a
// request, and a service is started again in the thread that replaces its own.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { RingWorkerPool } from '../../../workers/pool.ts'
import { allPollers, eventually, seededBytes, settledWithin, temporaryFolder, testSeed } from '../harness.ts'
import { watchPools } from '../supervision-harness.ts'
import { startClient } from './client-thread.ts'
import { sha256Of, workload } from './workload.ts'

const folder = temporaryFolder()
let names = 0
const fresh = (): string => join(folder.path, `file${names++}`)
const seed = testSeed('supervised clients')
const shared = [100, 4096, 40_000, 200_000].map((bytes, index) => {
  const path = fresh()
  writeFileSync(path, seededBytes(bytes, seed + index))
  return { path, sha256: sha256Of(path) }
})
let pools: ReturnType<typeof watchPools>
beforeEach(() => {
  pools = watchPools()
})
afterEach(() => {
  pools.stop()
})
afterAll(() => {
  folder.remove()
})

const restarts = (rings: Ringmaster): number => rings.stats().rings[0]!.workerRestarts

async function kill(rings: Ringmaster): Promise<void> {
  const before = restarts(rings)
  await pools.thread(0)!.terminate()
  expect(await eventually(() => restarts(rings) > before, 20_000)).toBe(true)
}

describe.each(allPollers)('clients of a ring whose worker is terminated, poller %s', (poller) => {
  it('lose nothing: every byte is right, and their rings keep their poller', { timeout: 120_000 }, async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const work = Array.from({ length: 2 }, (_, client) => {
      const given = { path: fresh(), seed: seed + client, rounds: 0, ms: 1500, shared }
      return { given, thread: startClient(rings, workload, given) }
    })
    expect(await eventually(() => rings.stats().clients.length === 2, 20_000)).toBe(true)
    for (let death = 0; death < 4; death++) {
      await sleep(50)
      await kill(rings)
      expect(rings.stats().clients.every((client) => client.poller === poller)).toBe(true)
    }
    for (const { given, thread } of work) {
      const result = await thread.result()
      expect(result).toMatchObject({ rounds: expect.any(Number) as number })
      expect(result).toMatchObject({ sha256: sha256Of(given.path) })
    }
  })

  it('keep what waits for ever waiting, until what it waits for comes', async () => {
    const path = fresh()
    execFileSync('mkfifo', [path])
    const pipeFd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const thread = startClient(
      rings,
      `const file = await rings.open(data.path, 'r+')
       const read = file.read(Buffer.alloc(4))
       await rings.nop()
       say('waiting')
       const { buffer } = await read
       await file.close()
       return buffer.toString()`,
      { path },
    )
    await thread.heard()
    await kill(rings)
    expect(await settledWithin(thread.result(), 50)).toBe('pending')
    writeSync(pipeFd, 'only')
    expect(await thread.result()).toBe('only')
    closeSync(pipeFd)
  })

  it('may come and go while there is no worker', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const before = restarts(rings)
    const ending = startClient(rings, `say(1); await rings.close()`)
    await ending.heard()
    const dying = pools.thread(0)!.terminate()
    const late = startClient(rings, `return (await rings.readFile(data)).length`, shared[0]!.path)
    await dying
    // A ring that was being made when the worker ended is not made: the thread attaches again.
    expect([100, 'ERR_RING_WORKER_LOST']).toContain(await late.result())
    expect(await eventually(() => restarts(rings) > before, 20_000)).toBe(true)
    expect(await startClient(rings, `return (await rings.readFile(data)).length`, shared[0]!.path).result()).toBe(100)
    expect(await eventually(() => rings.stats().clients.length === 0, 20_000)).toBe(true)
  })
})

// Of the pollers that do without a worker nothing is lost; what else loses a client's ring is not to be had without the thread it shares.
describe('a client whose ring is lost with its worker, poller threadpool', () => {
  it('is told with ERR_RING_LOST to join again; what was in flight settles, and a thread that does has its ring', async () => {
    const path = fresh()
    execFileSync('mkfifo', [path])
    await using rings = await Ringmaster.start({ poller: 'threadpool', rings: 1 })
    const thread = startClient(
      rings,
      `const file = await rings.open(data.path, 'r+')
       const read = file.read(Buffer.alloc(4)).catch(({ code }) => code)
       await rings.nop()
       say('waiting')
       const lost = await read
       return [lost, await rings.nop().catch(({ code, message }) => code + ' ' + message)]`,
      { path },
    )
    await thread.heard()
    const starts = vi.spyOn(RingWorkerPool.prototype, 'start').mockRejectedValue(new Error('no thread can be made'))
    await pools.thread(0)!.terminate()
    const ended = await thread.result()
    starts.mockRestore()
    expect(ended).toEqual([
      'ERR_RING_LOST',
      expect.stringMatching(/^ERR_RING_LOST .*not submitted.*join\(\) with another handle of attach\(\)/),
    ])
    expect(await eventually(() => rings.stats().rings[0]!.workerState === 'well', 40_000)).toBe(true)
    expect(await startClient(rings, `return (await rings.readFile(data)).length`, shared[0]!.path).result()).toBe(100)
    await rings.nop()
  }, 90_000)
})

describe.each(allPollers)('a resident service whose thread is terminated, poller %s', (poller) => {
  it('is told of, and starts again in the thread that replaces it', async () => {
    const told: unknown[] = []
    const path = join(folder.path, 'resident.mjs')
    writeFileSync(path, 'export default async ({ rings, port }) => { await rings.nop(); port.unref() }')
    const url = pathToFileURL(path)
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const service = await rings.startService(url, { onFailure: (error) => told.push(error) })
    const first = service.ports.get(0)!
    await kill(rings)
    expect(await eventually(() => (service.ports.get(0) ?? first) !== first, 20_000)).toBe(true)
    expect(told.map((error) => (error as { code: string }).code)).toEqual(['ERR_RING_WORKER_LOST'])
    expect(rings.stats().clients).toHaveLength(1)
    await service.stop()
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
  })
})
