// The blob service in ring workers: as many instances as rings on one socket, counted together, stopped together.
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterAll, describe, expect, it } from 'vitest'
import { parseTokens } from '../../services/blob/access.ts'
import { BlobService } from '../../services/blob/service.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { getResponse, patternBytes, readAll, sha256 } from '../http/clients.ts'
import { eventually, pollers, temporaryFolder } from '../services/harness.ts'
import { say } from './objects.ts'

const folder = temporaryFolder()
const root = join(folder.path, 'root')
mkdirSync(root)
const large = patternBytes(12 * 1024 * 1024)
writeFileSync(join(root, 'large'), large)
writeFileSync(join(root, 'small'), 'a small file')
afterAll(() => {
  folder.remove()
})

interface Running extends AsyncDisposable {
  readonly service: BlobService
  readonly log: [string, object][]
  metric(name: string): Promise<number>
}

async function start(rings: Ringmaster, more: Partial<Parameters<typeof BlobService.start>[0]> = {}): Promise<Running> {
  const log: [string, object][] = []
  const line = (fields: object, message: string): void => void log.push([message, fields])
  const service = await BlobService.start({
    ...{ rings, root, host: '127.0.0.1', port: 0 },
    log: { debug: line, info: line, warn: line, error: line },
    logsDebug: true,
    durability: 'full',
    ...more,
  })
  const registry = new Registry()
  service.register(registry)
  return {
    service,
    log,
    metric: async (name) => {
      const found = (await registry.getMetricsAsJSON()).find((metric) => metric.name === name)
      return found?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN
    },
    [Symbol.asyncDispose]: async () => {
      await service.drain(0)
    },
  }
}

describe.each(pollers)('in two ring workers, poller %s', (poller) => {
  it('files are served and stored, every request is counted, and drain finishes what is in flight', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 2 })
    await using running = await start(rings)
    const { service } = running
    const { port } = service.address
    const agent = new Agent({ maxSockets: 16 })
    const sums = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const name = index % 4 === 0 ? 'large' : 'small'
        return `${name} ${sha256(await readAll(await getResponse(`http://127.0.0.1:${port}/b/${name}`, { agent })))}`
      }),
    )
    expect(new Set(sums)).toEqual(new Set([`large ${sha256(large)}`, `small ${sha256(Buffer.from('a small file'))}`]))
    agent.destroy()
    expect((await say(port, 'PUT', `/b/new/${poller}`, 'stored')).status).toBe(201)
    expect(readFileSync(join(root, 'new', poller), 'utf8')).toBe('stored')
    expect((await say(port, 'GET', '/b/missing')).status).toBe(404)
    // Counted when it is sent, in another thread.
    await expect.poll(() => running.metric('ringmaster_http_requests_total'), { timeout: 10_000 }).toBe(18)
    expect(await running.metric('ringmaster_http_body_bytes_total')).toBe(4 * large.length + 12 * 12)
    expect(await eventually(() => running.log.some(([message]) => message === 'answered'))).toBe(true)
    const slow = await getResponse(`http://127.0.0.1:${port}/b/large`, { agent: false })
    await expect.poll(() => running.metric('ringmaster_http_requests_in_flight'), { timeout: 10_000 }).toBe(1)
    const drained = service.drain(60_000)
    await expect(getResponse(`http://127.0.0.1:${port}/`, { agent: false })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    expect(sha256(await readAll(slow))).toBe(sha256(large))
    expect(await drained).toBe(0)
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    expect(running.log.filter(([, fields]) => 'err' in fields)).toEqual([])
  })
})

it.each(['caller', 'worker'] as const)('connections are spread over all instances, poller %s', async (poller) => {
  await using rings = await Ringmaster.start({ poller, rings: 3 })
  await using running = await start(rings)
  const sockets = []
  try {
    for (let more = 0; more < 30; more++) {
      const socket = connect(running.service.address.port, '127.0.0.1')
      sockets.push(socket)
      await once(socket, 'connect')
    }
    await expect.poll(() => running.metric('ringmaster_http_connections'), { timeout: 10_000 }).toBe(30)
    // Each is received on by the ring that has accepted it.
    const inFlight = rings.stats().clients.map((client) => client.inFlight)
    for (const each of inFlight) expect(each).toBeGreaterThan(5)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

it('what is not done in time is cut off', async () => {
  await using rings = await Ringmaster.start({ rings: 1 })
  await using running = await start(rings)
  const response = await getResponse(`http://127.0.0.1:${running.service.address.port}/b/large`, { agent: false })
  expect(await running.service.drain(1)).toBe(1)
  await expect(readAll(response)).rejects.toThrow('aborted')
})

it('the root is opened anew, and tokens are changed, while it runs', async () => {
  await using rings = await Ringmaster.start({ rings: 2 })
  const first = join(folder.path, 'first')
  mkdirSync(first)
  writeFileSync(join(first, 'a'), 'first')
  await using running = await start(rings, { root: first, tokens: parseTokens('read-only 0123456789abcdef') })
  const { port } = running.service.address
  const authorization = { Authorization: 'Bearer 0123456789abcdef' }
  const read = async (): Promise<string> => (await say(port, 'GET', '/b/a', undefined, authorization)).body.toString()
  expect(await read()).toBe('first')
  const { renameSync } = await import('node:fs')
  renameSync(first, join(folder.path, 'second'))
  mkdirSync(first)
  writeFileSync(join(first, 'a'), 'anew')
  expect(await read()).toBe('first')
  await running.service.reopen()
  for (let round = 0; round < 8; round++) expect(await read()).toBe('anew')
  await running.service.changeTokens(null)
  expect((await say(port, 'GET', '/b/a')).status).toBe(200)
})

it('says why it cannot start', async () => {
  await using without = await Ringmaster.start({ rings: 1, poller: 'threadpool' })
  await expect(start(without)).rejects.toMatchObject({ code: 'ERR_RING_OPERATION_UNSUPPORTED' })
  await using rings = await Ringmaster.start({ rings: 1 })
  await using running = await start(rings)
  await expect(start(rings, { port: running.service.address.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await expect(start(rings, { root: join(folder.path, 'no-such') })).rejects.toMatchObject({ code: 'ENOENT' })
})
