// How the server stops: what is in flight is finished, what is idle is closed, what takes too long is cut off.
import { writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { getResponse, patternBytes, readAll, sha256 } from './clients.ts'
import { startService } from './service.ts'

const large = patternBytes(24 * 1024 * 1024)
const drainMsMax = 60_000

it('finishes a download in flight and refuses new connections', async () => {
  await using service = await startService()
  writeFileSync(join(service.root, 'large'), large)
  const response = await getResponse(service.url('/b/large'))
  const drained = service.server.drain(drainMsMax)
  await expect(getResponse(service.url('/'), { agent: false })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(sha256(await readAll(response))).toBe(sha256(large))
  expect(await drained).toBe(0)
  expect(service.openFiles()).toEqual([])
})

it('closes connections that are idle, silent or half way through a request', async () => {
  await using service = await startService()
  const agent = new Agent({ keepAlive: true })
  await readAll(await getResponse(service.url('/'), { agent }))
  const silent = connect(service.port, '127.0.0.1')
  const halfWay = connect(service.port, '127.0.0.1')
  halfWay.write('GET / HT')
  for (const socket of [silent, halfWay]) socket.on('error', () => undefined)
  await expect.poll(() => service.metric('ringmaster_http_connections'), { timeout: 10_000 }).toBe(3)
  expect(await service.server.drain(drainMsMax)).toBe(0)
})

it('cuts off what is not done at the deadline, and gives its descriptor back', async () => {
  await using service = await startService()
  writeFileSync(join(service.root, 'large'), large)
  const response = await getResponse(service.url('/b/large'))
  expect(await service.server.drain(1)).toBe(1)
  expect(service.openFiles()).toEqual([])
  await expect(readAll(response)).rejects.toThrow('aborted')
})

it('may be asked to more than once', async () => {
  await using service = await startService()
  writeFileSync(join(service.root, 'large'), large)
  const response = await getResponse(service.url('/b/large'))
  const drains = [service.server.drain(drainMsMax), service.server.drain(drainMsMax)]
  await readAll(response)
  expect(await Promise.all(drains)).toEqual([0, 0])
  expect(await service.server.drain(0)).toBe(0)
})
