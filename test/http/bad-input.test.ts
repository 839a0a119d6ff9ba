// What is no HTTP is answered with a status and a closed connection, and the service goes on.
import { connect } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange, patternBytes, rawGet, statusOf } from './clients.ts'
import { isBlob, startService, type Service } from './service.ts'

let service: Service

beforeAll(async () => {
  service = await startService({ limits: { headersMsMax: 200, deadlineCheckMs: 20 } })
  writeFileSync(join(service.root, 'a'), patternBytes(100_000))
})
afterAll(async () => {
  expect((await fetch(service.url('/b/a'))).status).toBe(200)
  await service[Symbol.asyncDispose]()
})

describe('bytes that are no request', () => {
  it.each([
    ['garbage', 'hello\r\n\r\n', 400],
    ['TLS', Buffer.from('16030100a5010000a1', 'hex'), 400],
    ['binary', Buffer.alloc(1000, 0xff), 400],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['both lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['endless headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['endless target', `GET /b/${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, isBlob ? 414 : 431],
  ])('%s', async (_title, bytes, status) => {
    expect(statusOf(await exchange(service.port, bytes))).toBe(status)
  })

  it.each([
    ['no version', 'GET /\r\n\r\n', 400],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    ['chunks in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['an unknown coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n', 400],
    ['a chunk without a size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('that node:http would let through: %s', async (_title, bytes, status) => {
    expect(statusOf(await exchange(service.port, bytes))).toBe(status)
  })

  it.each(['x', 'x:80', 'files.example.org', '127.0.0.1:8080', '[::1]:8080', '', 'a_b', 'xn--bcher-kva.example'])(
    'Host: %s is fine',
    async (host) => {
      const answer = await exchange(service.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(statusOf(answer)).toBe(200)
    },
  )

  it('behind a good request do not get into its answer', async () => {
    const answer = await exchange(service.port, 'GET /b/a HTTP/1.1\r\nHost: x\r\n\r\n\x00garbage')
    expect(answer.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0).toBeLessThanOrEqual(1)
  })
})

describe('targets', () => {
  it.each([
    ['/b/%', 400],
    ['/b/%g0', 400],
    ['/b/a%00', 400],
    ['/b/%2fetc/passwd', 400],
    ['/b/\xff', 400],
    ['*', 400],
    [`/b/${'x/'.repeat(2100)}a`, 414],
    [`/b/${'%41'.repeat(2500)}`, 404],
    [`/b/${'a'.repeat(9000)}`, 414],
  ])('%.30s is %d', async (target, status) => {
    expect(statusOf(await rawGet(service.port, Buffer.from(target, 'latin1')))).toBe(status)
  })
})

it('headers that come too slowly are 408', async () => {
  expect(statusOf(await exchange(service.port, 'GET / HTTP/1.1\r\n'))).toBe(408)
})

it('connections beyond the limit are refused and counted', async () => {
  await using small = await startService({ limits: { connectionsMax: 1 } })
  const first = connect(small.port, '127.0.0.1')
  await new Promise((resolve) => first.once('connect', resolve))
  await expect.poll(() => small.metric('ringmaster_http_connections'), { timeout: 10_000 }).toBe(1)
  const second = connect(small.port, '127.0.0.1')
  second.on('error', () => undefined)
  await new Promise((resolve) => second.once('close', resolve))
  expect(await small.metric('ringmaster_http_connections_refused_total')).toBe(1)
  first.destroy()
})

it('what was answered is counted, with labels nobody outside can add to', async () => {
  await using counted = await startService()
  await fetch(counted.url('/'))
  await fetch(counted.url('/b/missing'))
  await fetch(counted.url('/'), { method: 'PROPFIND' })
  expect(await counted.metric('ringmaster_http_requests_total')).toBe(3)
})
