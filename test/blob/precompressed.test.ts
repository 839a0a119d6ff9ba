// Compressed neighbours: who gets them, and that what is sent is what they are.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BlobServer } from '../../services/blob/blob-server.ts'
import { BlobRoot } from '../../services/blob/blob-root.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { patternBytes } from '../http/clients.ts'
import { say } from './objects.ts'

const root = mkdtempSync(join(tmpdir(), 'ringmaster-precompressed-'))
const content = patternBytes(50_000)
const ignored = (): void => undefined
let rings: Ringmaster
let folder: BlobRoot
let server: BlobServer
beforeAll(async () => {
  rings = await Ringmaster.start({ rings: 1 })
  folder = await BlobRoot.open(rings, root)
  const log = { debug: ignored, info: ignored, warn: ignored, error: ignored }
  const { handles } = rings.rings
  const limits = { validatorSettleMs: 0 }
  server = await BlobServer.start({ handles, folder, log, limits, precompressed: true, host: '127.0.0.1', port: 0 })
  for (const [name, bytes] of [
    ['a.txt', content],
    ['a.txt.br', brotliCompressSync(content)],
    ['a.txt.gz', gzipSync(content)],
    ['old.txt', content],
    ['old.txt.gz', gzipSync('something else')],
    ['plain.txt', content],
    ['odd.txt', content],
  ] as const)
    writeFileSync(join(root, name), bytes)
  utimesSync(join(root, 'old.txt.gz'), 1, 1)
  mkdirSync(join(root, 'odd.txt.gz'))
})
afterAll(async () => {
  await server.drain(0)
  await folder.close()
  await rings.close()
  rmSync(root, { recursive: true })
})

const get = (name: string, encodings?: string, headers = {}): ReturnType<typeof say> =>
  say(server.address.port, 'GET', `/b/${name}`, undefined, {
    ...(encodings !== undefined && { 'Accept-Encoding': encodings }),
    ...headers,
  })

describe('a file with compressed neighbours', () => {
  it.each([
    ['br', 'br'],
    ['gzip, br', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['gzip', 'gzip'],
    ['zstd, gzip', 'gzip'],
    ['*', 'br'],
    ['identity', undefined],
    ['identity, br;q=0.1', undefined],
    ['deflate', undefined],
    ['br;q=0', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('is sent to who takes %j as %s', async (encodings, encoding) => {
    const { status, headers, body } = await get('a.txt', encodings)
    expect([status, headers['content-encoding'], headers.vary]).toEqual([200, encoding, 'Accept-Encoding'])
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    const decoded = encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body
    expect(decoded.equals(content)).toBe(true)
  })

  it('has an ETag for each, and ranges of what is sent', async () => {
    const [plain, compressed] = [await get('a.txt'), await get('a.txt', 'br')]
    expect(compressed.headers.etag).not.toBe(plain.headers.etag)
    expect((await get('a.txt', 'br', { 'If-None-Match': compressed.headers.etag })).status).toBe(304)
    expect((await get('a.txt', 'br', { 'If-None-Match': plain.headers.etag })).status).toBe(200)
    const part = await get('a.txt', 'br', { Range: 'bytes=1-3' })
    expect([part.status, part.body.equals(brotliCompressSync(content).subarray(1, 4))]).toEqual([206, true])
  })

  it('is sent itself where they are older, missing or no files', async () => {
    for (const name of ['old.txt', 'plain.txt', 'odd.txt']) {
      const { headers, body } = await get(name, 'gzip, br')
      expect([headers['content-encoding'], body.equals(content)]).toEqual([undefined, true])
    }
  })
})
