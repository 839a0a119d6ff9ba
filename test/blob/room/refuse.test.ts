// A root that may hold so much: what does not fit is refused before it is sent, nothing that failed counts, and removing makes room.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { BlobService } from '../../../services/blob/service.ts'
import type { BlobServiceOptions } from '../../../services/blob/service.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { patternBytes } from '../../http/clients.ts'
import { temporaryFolder } from '../../services/harness.ts'
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

describe('of a root with a limit', () => {
  it('what does not fit is answered 507 with the reason, and is not there', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 16 * kib })
    const { port } = running
    for (const name of ['a', 'b', 'c', 'd']) expect((await say(port, 'PUT', `/b/${name}`, block)).status).toBe(201)
    const refused = await say(port, 'PUT', '/b/e', block)
    expect(refused.status).toBe(507)
    expect(refused.body.toString()).toBe(
      '507 Insufficient Storage\nno room: the store may hold 16384 bytes, and this does not fit\n',
    )
    expect(filesIn(root)).toEqual(['a', 'b', 'c', 'd'])
    expect(await running.metric('ringmaster_blob_refusals_total')).toBe(1)
    expect(await running.metric('ringmaster_blob_stored_bytes')).toBe(16 * kib)
    expect(await running.metric('ringmaster_blob_limit_bytes')).toBe(16 * kib)
    expect(await running.metric('ringmaster_blob_objects')).toBe(4)
  })

  it('who waits to be asked for a body that does not fit is not asked', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 16 * kib })
    const said = await say(running.port, 'PUT', '/b/large', patternBytes(20 * kib), {
      Expect: '100-continue',
      'Content-Length': 20 * kib,
    })
    expect([said.status, said.asked]).toEqual([507, false])
  })

  it('a body without a length is refused when it no longer fits, and gives back what it had', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 64 * kib })
    const { port } = running
    expect((await say(port, 'PUT', '/b/large', Array<Buffer>(20).fill(block))).status).toBe(507)
    expect(filesIn(root)).toEqual([])
    expect((await say(port, 'PUT', '/b/fits', Array<Buffer>(16).fill(block))).status).toBe(201)
    expect(await running.metric('ringmaster_blob_stored_bytes')).toBe(64 * kib)
  })

  it('replacing costs the difference, and removing makes room', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 16 * kib })
    const { port } = running
    const put = async (name: string, blocks: number): Promise<number> =>
      (await say(port, 'PUT', `/b/${name}`, patternBytes(blocks * 4 * kib))).status
    expect(await put('a', 3)).toBe(201)
    expect(await put('a', 4)).toBe(204)
    expect(await put('b', 1)).toBe(507)
    expect(await put('a', 1)).toBe(204)
    expect(await put('b', 3)).toBe(201)
    expect((await say(port, 'DELETE', '/b/b')).status).toBe(204)
    expect(await put('c', 3)).toBe(201)
    expect(storedBytes(root)).toBe(16 * kib)
    expect(await running.metric('ringmaster_blob_stored_bytes')).toBe(16 * kib)
    expect(await running.metric('ringmaster_blob_objects')).toBe(2)
  })

  it('what was there before counts, an object of no bytes takes none, and of whole blocks it is', async () => {
    oldFile(root, 'deep/down/old', patternBytes(10_000), 1)
    await using running = await startLimited(root, { sizeBytesMax: 16 * kib })
    const { port } = running
    await expect.poll(() => running.metric('ringmaster_blob_stored_bytes')).toBe(12 * kib)
    expect((await say(port, 'PUT', '/b/nothing', '')).status).toBe(201)
    expect((await say(port, 'PUT', '/b/little', 'x')).status).toBe(201)
    expect((await say(port, 'PUT', '/b/more', 'x')).status).toBe(507)
    expect(filesIn(root)).toEqual(['deep/down/old', 'little', 'nothing'])
  })

  it('an upload whose client goes away holds no room', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 16 * kib })
    const socket = connect(running.port, '127.0.0.1')
    socket.write('PUT /b/half HTTP/1.1\r\nHost: x\r\nContent-Length: 16384\r\n\r\nhalf')
    await expect.poll(() => running.metric('ringmaster_blob_stored_bytes')).toBe(16 * kib)
    expect((await say(running.port, 'PUT', '/b/other', block)).status).toBe(507)
    socket.destroy()
    await expect.poll(() => running.metric('ringmaster_blob_stored_bytes')).toBe(0)
    expect((await say(running.port, 'PUT', '/b/other', block)).status).toBe(201)
  })

  it('of many at the same time no more get room than there is', async () => {
    await using running = await startLimited(root, { sizeBytesMax: 80 * kib })
    const said = await Promise.all(
      Array.from({ length: 60 }, (_, index) => say(running.port, 'PUT', `/b/${index}`, block)),
    )
    expect(said.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(said.filter(({ status }) => status === 507)).toHaveLength(40)
    expect(storedBytes(root)).toBe(80 * kib)
    expect(await running.metric('ringmaster_blob_stored_bytes')).toBe(80 * kib)
  })
})

describe('of a folder with a quota', () => {
  const quotas = [{ folder: 'turbo/acme', sizeBytesMax: null, objectsMax: 2, whenFull: 'refuse' }] as const

  it('a team of turbo has its own, and is told so as that API tells it; others have theirs', async () => {
    await using running = await startLimited(root, { dialects: ['turbo'], quotas })
    const put = (hash: string, team: string): ReturnType<typeof say> =>
      say(running.port, 'PUT', `/v8/artifacts/${hash}?teamId=${team}`, 'an artifact')
    expect((await put('one', 'acme')).status).toBe(202)
    expect((await put('two', 'acme')).status).toBe(202)
    const refused = await put('three', 'acme')
    expect(refused.status).toBe(507)
    expect(JSON.parse(refused.body.toString())).toEqual({
      error: {
        code: 'insufficient_storage',
        message: 'The cache is full: there is no room for this artifact, in all or for this team.',
      },
    })
    expect((await put('two', 'acme')).status).toBe(202)
    expect((await put('three', 'other')).status).toBe(202)
    expect((await put('three', 'acme2')).status).toBe(202)
    expect(await running.metric('ringmaster_blob_objects', '/turbo/acme')).toBe(2)
  })

  it('the root counts what its folders hold, too', async () => {
    const ofFolder = [{ folder: 'a', sizeBytesMax: 8 * kib, objectsMax: null, whenFull: 'refuse' }] as const
    await using running = await startLimited(root, { sizeBytesMax: 12 * kib, quotas: ofFolder })
    const put = async (name: string): Promise<[number, string]> => {
      const { status, body } = await say(running.port, 'PUT', `/b/${name}`, block)
      return [status, body.toString().split('\n')[1] ?? '']
    }
    expect(await put('a/1')).toEqual([201, ''])
    expect(await put('a/2')).toEqual([201, ''])
    expect(await put('a/3')).toEqual([507, 'no room: "a" may hold 8192 bytes, and this does not fit'])
    expect(await put('b/1')).toEqual([201, ''])
    expect(await put('b/2')).toEqual([507, 'no room: the store may hold 12288 bytes, and this does not fit'])
    rmSync(join(root, 'a'), { recursive: true })
    expect(readFileSync(join(root, 'b/1'))).toEqual(block)
  })
})

it.each<[string, Partial<BlobServiceOptions>, RegExp]>([
  ['a size of nothing', { sizeBytesMax: 0 }, /whole number from 1/],
  [
    'a folder outside',
    { quotas: [{ folder: '../a', sizeBytesMax: 1, objectsMax: null, whenFull: 'refuse' }] },
    /names with \//,
  ],
  [
    'no limit at all',
    { quotas: [{ folder: 'a', sizeBytesMax: null, objectsMax: null, whenFull: 'refuse' }] },
    /neither/,
  ],
  [
    'the root twice',
    { sizeBytesMax: 1, quotas: [{ folder: '', sizeBytesMax: 1, objectsMax: null, whenFull: 'refuse' }] },
    /two quotas/,
  ],
])('%s is refused at the start', async (_, options, message) => {
  await using rings = await Ringmaster.start({ rings: 1 })
  const ignored = (): void => undefined
  const log = { debug: ignored, info: ignored, warn: ignored, error: ignored }
  const start = BlobService.start({ rings, root, host: '127.0.0.1', port: 0, log, durability: 'none', ...options })
  await expect(start).rejects.toThrow(message)
})
