// An upload on a file system that has no files without names: it has one of its own until it gets that which was asked for.
import { constants, mkdirSync, openSync, closeSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { GroupSync } from '../../services/blob/group-sync.ts'
import { RingNewFile } from '../../services/blob/new-file.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { failure, temporaryFolder } from '../services/harness.ts'

const folder = temporaryFolder()
const rings = await Ringmaster.start({ rings: 1 })
afterAll(async () => {
  await rings.close()
  folder.remove()
})

const own = Buffer.from('.ringmaster-0123456789abcdef.tmp')
let path: string
let count = 0
beforeEach(() => {
  path = join(folder.path, String(count++))
  mkdirSync(path)
})

/** With a name of its own. */
async function upload(content: string, then: (file: RingNewFile) => Promise<unknown>): Promise<unknown> {
  const folderFd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  const fd = openSync(join(path, own.toString()), 'wx')
  const handle = rings.rings.handles[0]!
  const place = { fd: folderFd, device: 0, inode: 0 }
  const file = new RingNewFile(handle, fd, {
    folder: place,
    syncs: new GroupSync(handle, null),
    name: own,
    named: true,
  })
  try {
    expect(await file.write(Buffer.from(content), 0)).toBe(content.length)
    return await then(file)
  } finally {
    await file.close()
    closeSync(folderFd)
  }
}

it('is created, and its own name is gone', async () => {
  expect(await upload('new', (file) => file.commit(Buffer.from('a'), false))).toEqual({
    outcome: 'created',
    replacedBytes: null,
  })
  expect([readdirSync(path), readFileSync(join(path, 'a'), 'utf8')]).toEqual([['a'], 'new'])
})

it('replaces what was there', async () => {
  writeFileSync(join(path, 'a'), 'old')
  expect(await upload('new', (file) => file.commit(Buffer.from('a'), false))).toEqual({
    outcome: 'replaced',
    replacedBytes: 3,
  })
  expect([readdirSync(path), readFileSync(join(path, 'a'), 'utf8')]).toEqual([['a'], 'new'])
})

it('leaves alone what must not be replaced', async () => {
  writeFileSync(join(path, 'a'), 'old')
  expect(await failure(upload('new', (file) => file.commit(Buffer.from('a'), true)))).toMatchObject({ code: 'EEXIST' })
  expect([readdirSync(path), readFileSync(join(path, 'a'), 'utf8')]).toEqual([['a'], 'old'])
})

it('leaves nothing where it was not committed', async () => {
  await upload('new', async (file) => {
    await file.sync()
    expect((await file.stat()).size).toBe(3)
  })
  expect(readdirSync(path)).toEqual([])
})
