// Who asks for which files: counted while somebody wants to know, over a real service.
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HttpTraffic } from '../../services/http/traffic.ts'
import { eventually } from '../services/harness.ts'
import { patternBytes } from './clients.ts'
import { startService, type Service } from './service.ts'

const bigBytes = 8 * 1024 * 1024
let service: Service
beforeAll(async () => {
  service = await startService()
  mkdirSync(join(service.root, 'sub'))
  writeFileSync(join(service.root, 'small'), patternBytes(1000))
  writeFileSync(join(service.root, 'sub', 'big'), patternBytes(bigBytes))
})
afterAll(() => service[Symbol.asyncDispose]())

const fetchBytes = async (path: string): Promise<number> =>
  (await (await fetch(service.url(`/b/${path}`))).arrayBuffer()).byteLength
const row = (list: 'files' | 'clients', name: string): Record<string, unknown> | undefined =>
  service.server.traffic.report()[list].find((one) => one.name === name) as Record<string, unknown> | undefined

it('nothing is counted before somebody asks', async () => {
  await fetchBytes('small')
  expect(service.server.traffic.report()).toMatchObject({ trafficVersion: 1, files: [], clients: [] })
})

it('requests and bytes of files and clients are exact; what is not there is no file', async () => {
  service.server.traffic.report()
  for (let at = 0; at < 3; at++) expect(await fetchBytes('small')).toBe(1000)
  expect(await fetchBytes('sub/big')).toBe(bigBytes)
  await fetchBytes('missing')
  expect(await eventually(() => row('clients', '127.0.0.1')?.['open'] === 0)).toBe(true)
  expect(row('files', 'small')).toMatchObject({ requests: 3, bytes: 3000, open: 0 })
  expect(row('files', 'sub/big')).toMatchObject({ requests: 1, bytes: bigBytes, open: 0 })
  expect(row('files', 'missing')).toBeUndefined()
  expect(row('clients', '127.0.0.1')).toMatchObject({ requests: 5, bytes: 3000 + bigBytes })
})

it('a file is open while it is being answered, and not after its client has gone', async () => {
  service.server.traffic.report()
  const socket = connect(service.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET /b/sub/big HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await eventually(() => row('files', 'sub/big')?.['open'] === 1)).toBe(true)
  socket.destroy()
  expect(await eventually(() => row('files', 'sub/big')?.['open'] === 0)).toBe(true)
})

it('nobody looks any more: what was counted is forgotten', async () => {
  const traffic = new HttpTraffic()
  expect(traffic.begin('1.2.3.4')).toBeNull()
  traffic.report()
  traffic.begin('1.2.3.4')?.end()
  expect(traffic.report().clients).toHaveLength(1)
  traffic.rest()
  expect(traffic.begin('1.2.3.4')).toBeNull()
  expect(traffic.report().clients).toEqual([])
  traffic.rest()
})
