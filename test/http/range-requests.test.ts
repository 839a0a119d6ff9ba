// Ranges and conditions on the wire, seen by real clients.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patternBytes } from './clients.ts'
import { startService, type Service } from './service.ts'

const content = patternBytes(600_000) // three chunks
let service: Service

beforeAll(async () => {
  service = await startService()
  writeFileSync(join(service.root, 'data.bin'), content)
  writeFileSync(join(service.root, 'empty'), '')
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
})

const get = (headers: Record<string, string>, path = '/b/data.bin'): Promise<Response> =>
  fetch(service.url(path), { headers })
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

describe('a single range', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=5-10', 5, 10],
    ['bytes=262143-262144', 262_143, 262_144],
    ['bytes=1-', 1, 599_999],
    ['bytes=-7', 599_993, 599_999],
    ['bytes=-9999999', 0, 599_999],
    ['bytes=100-99999999', 100, 599_999],
  ])('%s is 206 with just these bytes', async (range, start, end) => {
    const response = await get({ range })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/600000`)
    expect(response.headers.get('content-length')).toBe(String(end - start + 1))
    expect((await bytesOf(response)).equals(content.subarray(start, end + 1))).toBe(true)
  })

  it('past the end is 416 and tells the size', async () => {
    const response = await get({ range: 'bytes=600000-' })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe('bytes */600000')
    expect(await response.text()).toBe('')
  })

  it('of an empty file is 416', async () => {
    expect((await get({ range: 'bytes=0-' }, '/b/empty')).status).toBe(416)
  })

  it.each(['lines=1-2', 'bytes=x', 'bytes=2'])('%s is ignored', async (range) => {
    const response = await get({ range })
    expect(response.status).toBe(200)
    expect((await bytesOf(response)).equals(content)).toBe(true)
  })

  it('is not for HEAD', async () => {
    const response = await fetch(service.url('/b/data.bin'), { method: 'HEAD', headers: { range: 'bytes=0-1' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe('600000')
  })
})

describe('several ranges', () => {
  it('are one multipart answer, in the order they were asked for', async () => {
    const response = await get({ range: 'bytes=300000-300009,0-4,-3' })
    expect(response.status).toBe(206)
    expect(response.headers.has('content-range')).toBe(false)
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(response.headers.get('content-type') ?? '')?.[1]
    const part = (start: number, end: number): string =>
      `--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
      `Content-Range: bytes ${start}-${end}/600000\r\n\r\n${content.subarray(start, end + 1).toString('latin1')}\r\n`
    const body = await bytesOf(response)
    const expected = `${part(300_000, 300_009)}${part(0, 4)}${part(599_997, 599_999)}--${boundary}--\r\n`
    expect(body.toString('latin1')).toBe(expected)
    expect(response.headers.get('content-length')).toBe(String(body.length))
  })

  it('may each be longer than a chunk', async () => {
    const response = await get({ range: 'bytes=0-290000,300000-599999' })
    const body = await bytesOf(response)
    expect(body.includes(content.subarray(0, 290_001))).toBe(true)
    expect(body.includes(content.subarray(300_000))).toBe(true)
    expect(response.headers.get('content-length')).toBe(String(body.length))
  })

  it('which overlap are sent once', async () => {
    const response = await get({ range: 'bytes=0-9,5-19,20-29' })
    expect(response.headers.get('content-range')).toBe('bytes 0-29/600000')
  })
})

describe('conditions', () => {
  it('304 has the validators and no body', async () => {
    const first = await get({})
    const etag = first.headers.get('etag') ?? ''
    await bytesOf(first)
    const response = await get({ 'if-none-match': etag })
    expect(response.status).toBe(304)
    expect(response.headers.get('etag')).toBe(etag)
    expect(response.headers.get('last-modified')).toBe(first.headers.get('last-modified'))
    expect(response.headers.has('content-length')).toBe(false)
  })

  it('412 when If-Match names another version', async () => {
    const response = await get({ 'if-match': '"other"' })
    expect(response.status).toBe(412)
    expect(await response.text()).toBe('')
  })

  it('If-Range sends the range of the same version and the whole of another', async () => {
    const etag = (await fetch(service.url('/b/data.bin'), { method: 'HEAD' })).headers.get('etag') ?? ''
    const same = await get({ range: 'bytes=0-9', 'if-range': etag })
    expect(same.status).toBe(206)
    await bytesOf(same)
    const other = await get({ range: 'bytes=0-9', 'if-range': '"other"' })
    expect(other.status).toBe(200)
    expect((await bytesOf(other)).length).toBe(600_000)
  })

  it('a changed file has another tag, even when its size and mtime are put back', async () => {
    const path = join(service.root, 'changed')
    const tag = async (): Promise<string> =>
      (await fetch(service.url('/b/changed'), { method: 'HEAD' })).headers.get('etag') ?? ''
    writeFileSync(path, 'one')
    utimesSync(path, 1000, 1000)
    const first = await tag()
    writeFileSync(path, 'two')
    utimesSync(path, 1000, 1000)
    expect(await tag()).not.toBe(first)
  })

  it('a file just written has a weak tag, so that ranges of two versions are never joined', async () => {
    await using young = await startService({ limits: { validatorSettleMs: 3_600_000 } })
    writeFileSync(join(young.root, 'a'), 'just written')
    const url = young.url('/b/a')
    const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag') ?? ''
    expect(etag).toMatch(/^W\/"/)
    expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': etag } })).status).toBe(200)
  })
})

it.skipIf(!existsSync('/usr/bin/curl'))('curl resumes a download where it broke off', async () => {
  const target = join(service.root, 'resumed')
  writeFileSync(target, content.subarray(0, 500_000))
  await promisify(execFile)('curl', ['-sSf', '--continue-at', '-', '--output', target, service.url('/b/data.bin')])
  expect(readFileSync(target).equals(content)).toBe(true)
})
