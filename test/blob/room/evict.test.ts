// A root that is a cache: what nobody has read for longest makes room, and whoever reads it meanwhile reads it to its end.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { getResponse, patternBytes, readAll, sha256 } from '../../http/clients.ts'
import { seededBytes, seededRandom, temporaryFolder, testSeed } from '../../services/harness.ts'
import { say } from '../objects.ts'
import { filesIn, kib, oldFile, startLimited, storedBytes } from './running.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
let root: string
let count = 0
beforeEach(() => {
  root = join(folder.path, String(count++))
  mkdirSync(root)
})
const block = patternBytes(4 * kib)
const put = async (port: number, name: string, bytes: Buffer = block): Promise<number> =>
  (await say(port, 'PUT', `/b/${name}`, bytes)).status

it('the oldest go first, as the file system tells it after a start, and what was read since stays', async () => {
  for (let index = 0; index < 10; index++) oldFile(root, `folder/${index}`, block, 10 - index)
  await using running = await startLimited(root, { sizeBytesMax: 40 * kib, whenFull: 'evict' })
  const { port } = running
  await expect.poll(() => running.metric('ringmaster_blob_objects')).toBe(10)
  expect((await say(port, 'GET', '/b/folder/0')).status).toBe(200)
  expect((await say(port, 'HEAD', '/b/folder/2')).status).toBe(200)
  for (const name of ['new-1', 'new-2', 'new-3']) expect(await put(port, name)).toBe(201)
  for (const name of ['folder/1', 'folder/3', 'folder/4']) expect(filesIn(root)).not.toContain(name)
  expect((await say(port, 'GET', '/b/folder/1')).status).toBe(404)
  // It goes on in the background until a tenth is free.
  await expect.poll(() => filesIn(root).length).toBe(9)
  expect(filesIn(root)).toEqual(expect.arrayContaining(['folder/0', 'folder/2', 'new-1', 'new-2', 'new-3']))
  expect(await running.metric('ringmaster_blob_evicted_total')).toBe(4)
  expect(await running.metric('ringmaster_blob_evicted_bytes_total')).toBe(16 * kib)
})

it('who reads an object that is evicted meanwhile reads it to its end', async () => {
  const large = patternBytes(12 * 1024 * kib)
  oldFile(root, 'large', large, 5)
  oldFile(root, 'other', large, 4)
  await using running = await startLimited(root, { sizeBytesMax: 24 * 1024 * kib, whenFull: 'evict' })
  const { port } = running
  const slow = await getResponse(`http://127.0.0.1:${port}/b/large`, { agent: false })
  const ranges = await getResponse(`http://127.0.0.1:${port}/b/other`, {
    agent: false,
    headers: { Range: 'bytes=1000-11000000' },
  })
  expect([slow.statusCode, ranges.statusCode]).toEqual([200, 206])
  expect(await put(port, 'new', patternBytes(20 * 1024 * kib))).toBe(201)
  expect(filesIn(root)).toEqual(['new'])
  expect(sha256(await readAll(slow))).toBe(sha256(large))
  expect(sha256(await readAll(ranges))).toBe(sha256(large.subarray(1000, 11_000_001)))
  expect((await say(port, 'GET', '/b/large')).status).toBe(404)
})

it('many write at a time: there is never more than may be, and what is there is whole', async () => {
  const seed = testSeed('blob-evict')
  const random = seededRandom(seed)
  const sizeBytesMax = 1024 * kib
  await using running = await startLimited(root, { sizeBytesMax, whenFull: 'evict' })
  const { port } = running
  const sums = new Map<string, string>()
  let most = 0
  await Promise.all(
    Array.from({ length: 16 }, async (_, client) => {
      for (let round = 0; round < 25; round++) {
        const name = `${client}/${round}`
        const bytes = seededBytes(Math.floor(random() * 40 * kib), Math.floor(random() * 2 ** 31))
        sums.set(name, sha256(bytes))
        expect(await put(port, name, bytes)).toBe(201)
        most = Math.max(most, storedBytes(root))
        const other = `${Math.floor(random() * 16)}/${Math.floor(random() * round)}`
        const got = await say(port, 'GET', `/b/${other}`)
        if (got.status === 200) expect(sha256(got.body)).toBe(sums.get(other))
        else expect(got.status).toBe(404)
      }
    }),
  )
  expect(most).toBeLessThanOrEqual(sizeBytesMax)
  expect(most).toBeGreaterThan(sizeBytesMax / 2)
  expect(await running.metric('ringmaster_blob_stored_bytes')).toBe(storedBytes(root))
  expect(await running.metric('ringmaster_blob_objects')).toBe(filesIn(root).length)
  for (const name of filesIn(root)) expect(sha256((await say(port, 'GET', `/b/${name}`)).body)).toBe(sums.get(name))
})

it('what is written, linked to or outside of the folder is left alone', async () => {
  const outside = join(folder.path, 'outside')
  writeFileSync(outside, 'not of the store')
  symlinkSync(outside, join(root, 'link'))
  oldFile(root, 'kept/old', block, 30)
  oldFile(root, 'cache/old', block, 1)
  const quotas = [{ folder: 'cache', sizeBytesMax: 8 * kib, objectsMax: null, whenFull: 'evict' }] as const
  await using running = await startLimited(root, { quotas })
  const { port } = running
  for (let index = 0; index < 5; index++) expect(await put(port, `cache/${index}`)).toBe(201)
  expect(existsSync(outside)).toBe(true)
  expect(filesIn(root)).toContain('kept/old')
  expect(filesIn(root)).not.toContain('cache/old')
  expect(filesIn(root)).toContain('cache/4')
})

it('objects may be limited as bytes are', async () => {
  const quotas = [{ folder: '', sizeBytesMax: null, objectsMax: 10, whenFull: 'evict' }] as const
  await using running = await startLimited(root, { quotas })
  for (let index = 0; index < 30; index++) expect(await put(running.port, `${index}`, Buffer.alloc(0))).toBe(201)
  const left = filesIn(root)
  expect(left.length).toBeLessThanOrEqual(10)
  expect(left).toContain('29')
})

it('what is larger than all may be is refused at once, and nothing goes for it', async () => {
  oldFile(root, 'old', block, 1)
  await using running = await startLimited(root, { sizeBytesMax: 8 * kib, whenFull: 'evict' })
  expect(await put(running.port, 'new', patternBytes(12 * kib))).toBe(507)
  expect(filesIn(root)).toEqual(['old'])
})

it('somebody else has removed files: a new count finds that out, and nothing has to go', async () => {
  for (let index = 0; index < 8; index++) oldFile(root, `${index}`, block, 10 - index)
  await using running = await startLimited(root, { sizeBytesMax: 32 * kib, whenFull: 'evict' })
  await expect.poll(() => running.metric('ringmaster_blob_objects')).toBe(8)
  for (const name of ['4', '5', '6', '7']) rmSync(join(root, name))
  await running.service.reopen()
  await expect.poll(() => running.metric('ringmaster_blob_stored_bytes')).toBe(16 * kib)
  for (const name of ['a', 'b', 'c']) expect(await put(running.port, name)).toBe(201)
  expect(filesIn(root)).toEqual(['0', '1', '2', '3', 'a', 'b', 'c'])
})
