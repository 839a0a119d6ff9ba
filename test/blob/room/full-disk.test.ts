// A disk that is full, as the kernel tells it: answered as a limit of our own is, nothing half is left, and what is there is served on.
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { patternBytes, sha256 } from '../../http/clients.ts'
import { temporaryFolder } from '../../services/harness.ts'
import { canLoopMount, loopMount } from '../loop-mount.ts'
import { say } from '../objects.ts'
import { filesIn, kib, startLimited } from './running.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

it.skipIf(!canLoopMount(folder.path, 'ext4')).each(['full', 'none'] as const)(
  'with durability %s',
  async (durability) => {
    const place = join(folder.path, durability)
    mkdirSync(place)
    using mounted = loopMount(place, 'ext4')
    const root = join(mounted.path, 'root')
    mkdirSync(root)
    await using running = await startLimited(root, { durability }, 1)
    const { port } = running
    const kept = patternBytes(200 * kib)
    expect((await say(port, 'PUT', '/b/kept', kept)).status).toBe(201)
    const { bavail, bsize } = statfsSync(root)
    writeFileSync(join(mounted.path, 'others'), patternBytes(bavail * bsize - 300 * kib))
    const refused = await say(port, 'PUT', '/b/large', patternBytes(600 * kib))
    expect(refused.status).toBe(507)
    expect(refused.body.toString()).toBe('507 Insufficient Storage\nno room: the disk is full\n')
    expect((await say(port, 'PUT', '/b/kept', patternBytes(700 * kib))).status).toBe(507)
    expect(filesIn(root)).toEqual(['kept'])
    expect(sha256((await say(port, 'GET', '/b/kept')).body)).toBe(sha256(kept))
    expect(running.service.isFenced).toBe(false)
    expect((await say(port, 'DELETE', '/b/kept')).status).toBe(204)
    expect((await say(port, 'PUT', '/b/again', kept)).status).toBe(201)
  },
)
