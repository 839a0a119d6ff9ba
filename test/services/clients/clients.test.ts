// rings.attach() and Ringmaster.join(): other threads with rings of their own on the same pollers. What they read and write is
// right, what they leave behind is nothing, however they end.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterAll, describe, expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { watchPools } from '../../workers/open-ring.ts'
import { somePollers } from '../../stands.ts'
import { allPollers, descriptors, eventually, failure, seededBytes, settledWithin, steady } from '../harness.ts'
import { temporaryFolder, testSeed, threads } from '../harness.ts'
import { ClientThread, startClient } from './client-thread.ts'
import { sha256Of, workload } from './workload.ts'

const folder = temporaryFolder()
let names = 0
const fresh = (): string => join(folder.path, `file${names++}`)
const seed = testSeed('clients')
const shared = [100, 4096, 40_000, 200_000].map((bytes, index) => {
  const path = fresh()
  writeFileSync(path, seededBytes(bytes, seed + index))
  return { path, sha256: sha256Of(path) }
})
const pipe = fresh()
execFileSync('mkfifo', [pipe])
const pipeFd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
afterAll(() => {
  closeSync(pipeFd)
  folder.remove()
})

const ringThreads = (): string[] => threads().filter((name) => !name.startsWith('iou-wrk'))
const ringDescriptors = (): string[] => descriptors().filter((name) => /io_uring|eventfd|eventpoll/.test(name))
const held = (): { descriptors: string[]; threads: string[] } => ({
  descriptors: ringDescriptors(),
  threads: ringThreads(),
})

/** Expects what was held before, once the kernel has taken threads off its list that were joined: it does so a moment later. */
async function expectHeld(before: ReturnType<typeof held>): Promise<void> {
  const back = (): boolean =>
    ringThreads().length <= before.threads.length && ringDescriptors().length === before.descriptors.length
  expect(await eventually(back, 20_000), `${JSON.stringify(held())} in place of ${JSON.stringify(before)}`).toBe(true)
  expect(ringDescriptors()).toEqual(before.descriptors)
  expect(before.threads).toEqual(expect.arrayContaining(ringThreads()))
}

describe.each(somePollers)('clients of two rings, poller $poller, $memory memory', ({ poller, memory }) => {
  const options = { poller, memory, rings: 2, closeGraceMs: 100, closeDeadlineMs: 2000 } as const

  it('read and write side by side, and every byte is right', async () => {
    await using rings = await Ringmaster.start(options)
    const data = (
      client: number,
    ): { path: string; seed: number; rounds: number; ms: number; shared: typeof shared } => ({
      path: fresh(),
      seed: seed + client,
      rounds: 100,
      ms: 0,
      shared,
    })
    const work = Array.from({ length: 3 }, (_, client) => {
      const given = data(client)
      return { given, thread: startClient(rings, workload, given) }
    })
    for (let round = 0; round < 100; round++)
      expect((await rings.readFile(shared[round % 4]!.path)).length).toBeGreaterThan(0)
    for (const { given, thread } of work)
      expect(await thread.result()).toEqual({ rounds: expect.any(Number) as number, sha256: sha256Of(given.path) })
  })

  it(
    'that end with requests in flight take nobody along, and nothing of theirs is left',
    { timeout: 120_000 },
    async () => {
      const rings = await Ringmaster.start(options)
      const hold = `
      const file = await rings.open(data.pipe, 'r+')
      for (let index = 0; index < 20; index++) file.read(Buffer.alloc(64)).catch(() => undefined)
      const lane = async () => { for (;;) await rings.readFile(data.small) }
      for (let index = 0; index < 8; index++) lane().catch(() => undefined)
      say('going')
      await new Promise((resolve) => setTimeout(resolve, 60_000))`
      const round = async (): Promise<void> => {
        const thread = startClient(rings, hold, { pipe, small: shared[0]!.path })
        await thread.heard()
        await sleep(2)
        await thread.worker.terminate()
        expect(await eventually(() => rings.stats().clients.length === 0, 20_000)).toBe(true)
      }
      await round()
      const before = await steady(held)
      for (let index = 0; index < 2; index++) await round()
      await expectHeld(before)
      // Nobody reads from the pipe any more: what is written to it is still there.
      writeSync(pipeFd, 'mine')
      const found = Buffer.alloc(8)
      expect(found.toString('latin1', 0, readSync(pipeFd, found))).toBe('mine')
      expect(await rings.readFile(shared[0]!.path)).toHaveLength(100)
      await rings.close()
    },
  )

  it('are told when the rings are closed: requests finish or are cancelled, later ones are refused', async () => {
    const rings = await Ringmaster.start(options)
    const thread = startClient(
      rings,
      `const file = await rings.open(data.pipe, 'r+')
       const waiting = settled(file.read(Buffer.alloc(64)))
       say('going')
       const outcome = await waiting
       return [outcome, await settled(rings.readFile(data.pipe)), await settled(rings.nop())]`,
      { pipe },
    )
    await thread.heard()
    expect(await settledWithin(rings.close(), 10_000)).toBe('resolved')
    const [waiting, ...later] = (await thread.result()) as string[]
    expect(['ECANCELED', 'EINTR', 'ERR_RING_CLOSED']).toContain(waiting)
    expect(later).toEqual(['ERR_RING_CLOSED', 'ERR_RING_CLOSED'])
  })
})

describe.each(allPollers)('attach and detach with poller %s', (poller) => {
  it('leave descriptors, threads and memory as they were, round after round', { timeout: 120_000 }, async () => {
    const rings = await Ringmaster.start({ poller, rings: 1, clientsMax: 1 })
    // Shared memories as the process has them: each reserves some 10 GB of address space.
    const addressSpaceGb = (): number =>
      Number(/^VmSize:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))![1]) / 1e6
    const round = async (): Promise<void> => {
      const thread = startClient(
        rings,
        `const text = await rings.readFile(data); await rings.close(); return text.length`,
        shared[1]!.path,
      )
      expect(await thread.result()).toBe(4096)
      await thread.gone()
      expect(await eventually(() => rings.stats().clients.length === 0, 20_000)).toBe(true)
    }
    await round()
    const before = await steady(held)
    const beforeGb = addressSpaceGb()
    for (let index = 0; index < 4; index++) await round()
    await expectHeld(before)
    expect(addressSpaceGb()).toBeLessThan(beforeGb + 10)
    await rings.close()
  })

  it('detach() closes the rings of the thread that joined', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const handle = rings.attach()
    const thread = new ClientThread(
      handle,
      `const rings = await join()
       say(await rings.readFile(data, 'latin1').then((text) => text.length))
       for (;;) { const outcome = await settled(rings.nop()); if (outcome !== 'resolved') return outcome; await sleep(1) }`,
      shared[0]!.path,
    )
    expect(await thread.heard()).toBe(100)
    expect(rings.stats().clients).toMatchObject([{ client: handle.client, ring: 0, state: 'open', poller }])
    await rings.detach(handle)
    await rings.detach(handle)
    expect(await thread.result()).toBe('ERR_RING_CLOSED')
    expect(rings.stats().clients).toEqual([])
  })

  it('stats() and the metrics have the rings of clients, by their number', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const registry = new Registry()
    rings.register(registry)
    const thread = startClient(
      rings,
      `await rings.nopBatch(7); say('done')
       await new Promise((resolve) => parentPort.once('message', resolve))
       say(await settled(rings.writeFile('/dev/full', 'x'))); await sleep(60_000)`,
    )
    expect(await thread.heard()).toBe('done')
    const [client] = rings.stats().clients
    expect(client).toMatchObject({ client: 1, ring: 0, requests: 7, completions: 7, errors: 0 })
    const text = await registry.metrics()
    const series = text.split('\n').filter((line) => line.startsWith('ringmaster_operations_total'))
    expect(series).toContain('ringmaster_operations_total{ring="0",client="1",operation="nop"} 7')
    expect(text.split('\n')).toContain('ringmaster_ring_in_flight{ring="0"} 0')
    const deviceErrors = 'ringmaster_operation_device_errors_total{ring="0",client="1",operation="write"}'
    expect(text.split('\n')).toContain(`${deviceErrors} 0`)
    thread.worker.postMessage('write')
    expect(await thread.heard()).toBe('ENOSPC')
    expect((await registry.metrics()).split('\n')).toContain(`${deviceErrors} 1`)
    await thread.worker.terminate()
    await eventually(() => rings.stats().clients.length === 0)
    expect(await registry.metrics()).not.toContain('client="1"')
    // The next one is another client, and has the label again: threads that come and go make no series without end.
    const next = startClient(rings, `await rings.nopBatch(3); say('done'); await sleep(60_000)`)
    await next.heard()
    expect(rings.stats().clients).toMatchObject([{ client: 2, requests: 3 }])
    expect(await registry.metrics()).toContain('ringmaster_operations_total{ring="0",client="1",operation="nop"} 3')
    await next.worker.terminate()
  })

  it('a ring worker that dies takes no client along', async () => {
    const killThreads = watchPools()
    const rings = await Ringmaster.start({ poller, rings: 1, closeGraceMs: 50, closeDeadlineMs: 1000 })
    const thread = startClient(
      rings,
      `say('joined')
       await new Promise((resolve) => parentPort.once('message', resolve))
       const outcome = await settled(rings.readFile(data))
       await rings.close()
       return outcome`,
      shared[0]!.path,
    )
    await thread.heard()
    await killThreads()
    await sleep(20)
    thread.tell('go')
    expect(await thread.result()).toBe('resolved')
    await rings.close()
  })
})

describe('an SQ thread that is shared with clients', () => {
  it('cuts no chain of the ring that had it before', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    const chain = (): ReturnType<ReturnType<Ringmaster['raw']>['chain']> => rings.raw().chain()
    const failing = async (): Promise<string[]> => {
      const built = chain().link(op.read({ fd: 1_000_000, buffer: Buffer.alloc(1) }))
      for (let step = 0; step < 14; step++) built.link(op.nop())
      return (await built.submit()).map(({ status }) => status)
    }
    let going = true
    const expected = ['failed', ...Array.from({ length: 14 }, () => 'cancelled')]
    const outcomes = new Set<string>()
    const lanes = Array.from({ length: 16 }, async () => {
      while (going) outcomes.add((await failing()).join())
    })
    const thread = startClient(rings, `for (let index = 0; index < 300; index++) await rings.nopBatch(20)`)
    expect(await thread.result()).toBe(undefined)
    going = false
    await Promise.all(lanes)
    expect([...outcomes]).toEqual([expected.join()])
    expect(rings['rings'].handles[0]!.chainsWhole).toBe(false)
    expect(await rings.readFile(shared[3]!.path)).toHaveLength(200_000)
  })
})

describe('a handle', () => {
  it('is one of clientsMax, and says so beyond', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1, clientsMax: 2 })
    const first = rings.attach()
    rings.attach()
    expect(() => rings.attach()).toThrow(expect.objectContaining({ code: 'ERR_RING_CLIENTS_FULL' }) as Error)
    await rings.detach(first)
    expect(rings.attach().client).toBe(3)
  })

  it('is refused where it was made, twice, after detach(), after close(), and when it is none', async () => {
    const rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const here = rings.attach()
    expect(await failure(Ringmaster.join(here))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    const garbage: unknown[] = [null, 5, {}, { port: 1 }, { ...here, version: 99 }, { version: 1, port: here.port }]
    const join = Reflect.get(Ringmaster, 'join') as (value: unknown) => Promise<unknown>
    for (const value of garbage)
      expect(String((await failure(join(value)))['code'])).toMatch(/^ERR_INVALID_ARG_(TYPE|VALUE)$/)
    const twice = startClient(rings, `return settled(join())`)
    expect(await twice.result()).toBe('ERR_RING_HANDLE_USED')
    const waits = `await new Promise((resolve) => parentPort.once('message', resolve)); return settled(join())`
    const detached = rings.attach()
    const after = new ClientThread(detached, waits)
    await rings.detach(detached)
    after.tell('go')
    expect(await after.result()).toBe('ERR_RING_HANDLE_USED')
    const closed = new ClientThread(rings.attach(), waits)
    await rings.close()
    closed.tell('go')
    expect(await closed.result()).toBe('ERR_RING_HANDLE_USED')
    expect(() => rings.attach()).toThrow(expect.objectContaining({ code: 'ERR_RING_CLOSED' }) as Error)
  })

  it('is not made by a thread that has joined itself', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const thread = startClient(rings, `rings.attach()`)
    expect(await thread.result()).toBe('ERR_RING_NOT_OWNER')
  })
})
