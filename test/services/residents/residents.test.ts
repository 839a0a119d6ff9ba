// rings.startService(): a module in every ring worker, with a ring of that thread's own. A TCP server runs there, on every kind of
// poller, and is started, drained and stopped; what goes wrong in it is told.
import { once } from 'node:events'
import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import * as net from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { watchPools } from '../../workers/open-ring.ts'
import {
  allPollers,
  callLoosely,
  descriptors,
  eventually,
  failure,
  seededBytes,
  settledWithin,
  temporaryFolder,
  testSeed,
} from '../harness.ts'

const folder = temporaryFolder()
const file = join(folder.path, 'file')
writeFileSync(file, seededBytes(70_000, testSeed('residents')))
afterAll(() => {
  folder.remove()
})

const service = new URL('./echo-service.mjs', import.meta.url)
const raw = new URL('../../../dist/services/raw/index.js', import.meta.url).href

/** A listening socket of this process, which every instance accepts from: a free port is found by node:net. */
async function listening(rings: Ringmaster): Promise<{ fd: number; port: number }> {
  const finder = net.createServer().listen(0, '127.0.0.1')
  await once(finder, 'listening')
  const { port } = finder.address() as net.AddressInfo
  finder.close()
  await once(finder, 'close')
  const raw = rings.raw()
  const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
  await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port } }))
  await raw.submit(op.listen({ fd }))
  return { fd, port }
}

/** Sends a line and reads until `bytes` have come; node:net is the other side. */
async function ask(port: number, line: string, bytes: number): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  let got = 0
  socket.write(line)
  for await (const part of socket as AsyncIterable<Buffer>) {
    parts.push(part)
    got += part.length
    if (got >= bytes) break
  }
  socket.destroy()
  return Buffer.concat(parts)
}

const ringDescriptors = (): string[] => descriptors().filter((name) => /io_uring|eventfd|eventpoll|socket/.test(name))

describe.each(allPollers)('a TCP service in two ring workers, poller %s', (poller) => {
  it('accepts, echoes and reads files there, while this thread uses the rings; then drains and stops', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 2 })
    const before = ringDescriptors()
    const { fd, port } = await listening(rings)
    const running = await rings.startService(service, { data: { raw, listenFd: fd, text: 'hello' } })
    const said: Record<string, unknown>[] = []
    for (const end of running.ports.values()) {
      end.on('message', (message: Record<string, unknown>) => said.push(message))
      end.unref()
      end.postMessage('greeting')
    }
    expect([...running.ports.keys()].sort()).toEqual([0, 1])
    expect(
      rings
        .stats()
        .clients.map(({ ring }) => ring)
        .sort(),
    ).toEqual([0, 1])
    const expected = readFileSync(file)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        index % 2 === 0 ? ask(port, `GET ${file}\n`, expected.length) : ask(port, `line ${index}`, 6),
      ),
    )
    answers.forEach((answer, index) => {
      expect(index % 2 === 0 ? answer.equals(expected) : answer.toString()).toBe(index % 2 === 0 || `line ${index}`)
    })
    expect(await rings.readFile(file)).toEqual(expected)
    const served = poller === 'worker' ? 'caller' : poller
    expect(await eventually(() => said.filter(({ told }) => told === 'greeting').length === 2)).toBe(true)
    expect(said).toContainEqual({ told: 'greeting', data: 'hello', stats: served })
    await running.stop()
    await running.stop()
    expect(await eventually(() => said.filter(({ stopped }) => stopped !== undefined).length === 2)).toBe(true)
    expect(said).toContainEqual({ stopped: 0, drained: true, aborted: true })
    expect(said).toContainEqual({ stopped: 1, drained: true, aborted: true })
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    closeSync(fd)
    expect(await eventually(() => ringDescriptors().length === before.length)).toBe(true)
    expect(ringDescriptors()).toEqual(before)
  })
})

describe('a service', () => {
  const start = (): Promise<Ringmaster> => Ringmaster.start({ poller: 'caller', rings: 2, closeGraceMs: 100 })

  it('that does not start on one ring is stopped on the others, and its error keeps its code', async () => {
    await using rings = await start()
    const { fd } = await listening(rings)
    const data = { raw, listenFd: fd, fail: 1 }
    expect(await failure(rings.startService(service, { data }))).toMatchObject({ code: 'ERR_TEST_NO_START' })
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    const missing = new URL('./no-such-service.mjs', import.meta.url)
    expect(await failure(rings.startService(missing))).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' })
    expect(await failure(rings.startService(new URL('../harness.ts', import.meta.url)))).toHaveProperty('code')
    closeSync(fd)
  })

  it('that throws later is told of, stopped there, and goes on elsewhere', async () => {
    await using rings = await start()
    const { fd, port } = await listening(rings)
    const failures: unknown[] = []
    const running = await rings.startService(service, {
      data: { raw, listenFd: fd },
      onFailure: (error, ring) => failures.push([(error as { code?: string }).code, ring]),
    })
    running.ports.get(1)!.postMessage('throw')
    expect(await eventually(() => failures.length > 0)).toBe(true)
    expect(failures).toEqual([['ERR_TEST_UNCAUGHT', 1]])
    expect([...running.ports.keys()]).toEqual([0])
    expect(await eventually(() => rings.stats().clients.length === 1)).toBe(true)
    expect((await ask(port, 'still here', 10)).toString()).toBe('still here')
    expect(rings.stats().rings.every(({ workerThreadId }) => workerThreadId !== null)).toBe(true)
    await running.stop()
    closeSync(fd)
  })

  it('whose thread ends is told of with ERR_RING_WORKER_LOST', async () => {
    const killThreads = watchPools()
    const rings = await start()
    const { fd } = await listening(rings)
    const failures: unknown[] = []
    const onFailure = (error: unknown): void => void failures.push((error as { code?: string }).code)
    await rings.startService(service, { data: { raw, listenFd: fd }, onFailure })
    await killThreads()
    expect(await eventually(() => failures.length === 2)).toBe(true)
    expect(failures).toEqual(['ERR_RING_WORKER_LOST', 'ERR_RING_WORKER_LOST'])
    await rings.close()
    closeSync(fd)
  })

  it('that does not drain in time is stopped all the same, also by close()', async () => {
    const rings = await start()
    const { fd } = await listening(rings)
    const options = { data: { raw, listenFd: fd, stalls: true }, drainLimitMs: 200 }
    const running = await rings.startService(service, options)
    expect(await failure(running.stop())).toMatchObject({ code: 'ERR_RING_SERVICE_STALLED' })
    await rings.startService(service, options)
    await rings.close()
    expect(await failure(rings.startService(service, options))).toMatchObject({ code: 'ERR_RING_CLOSED' })
    closeSync(fd)
  })
})

const troubled = new URL('./troubled-service.mjs', import.meta.url)
const flags = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))

it.each(['kernel', 'worker'] as const)(
  'a service that blocks its thread for ever does not keep the rings from closing, poller %s',
  async (poller) => {
    const before = ringDescriptors()
    const limits = { heartbeatTimeoutMs: 0, closeGraceMs: 50, closeDeadlineMs: 50 }
    const rings = await Ringmaster.start({ poller, rings: 1, ...limits })
    const blocked = flags()
    await rings.startService(troubled, { data: { trouble: 'blocks', flags: blocked.buffer }, drainLimitMs: 50 })
    expect(await eventually(() => Atomics.load(blocked, 0) === 2)).toBe(true)
    expect(await settledWithin(rings.close(), 20_000)).toBe('resolved')
    expect(await eventually(() => ringDescriptors().length === before.length)).toBe(true)
  },
)

describe('a resident service that has trouble in its beginning', () => {
  const letGo = (of: Int32Array): Promise<boolean> => eventually(() => Atomics.load(of, 0) === 1)

  it('does not start where it throws what nobody catches, and says what', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const aborted = flags()
    const options = { data: { trouble: 'throws', flags: aborted.buffer } }
    expect(await failure(rings.startService(troubled, options))).toMatchObject({ code: 'ERR_TEST_UNCAUGHT' })
    expect(await letGo(aborted)).toBe(true)
    expect(rings.stats().clients).toEqual([])
  })

  it('is told to let go where it is not waited for any more', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const aborted = flags()
    const options = { data: { trouble: 'stalls', flags: aborted.buffer }, startLimitMs: 200 }
    expect(await failure(rings.startService(troubled, options))).toMatchObject({ code: 'ERR_RING_SERVICE_STALLED' })
    expect(await letGo(aborted)).toBe(true)
  })

  it.each([
    [null, 'ERR_INVALID_ARG_TYPE'],
    [5, 'ERR_INVALID_ARG_TYPE'],
    [{ onFailure: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ startLimitMs: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ drainLimitMs: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ stopLimitMs: 5 }, 'ERR_INVALID_ARG_VALUE'],
  ])('is refused with options %o: %s', async (options, code) => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 1 })
    expect(await failure(callLoosely(rings, 'startService', troubled, options))).toMatchObject({ code })
  })
})
