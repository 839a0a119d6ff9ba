// One sync of a whole file system, and what it must not take for success. Needs root and a loop device.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { FileSystemSync } from '../../services/blob/file-system-sync.ts'
import { failure, temporaryFolder } from '../services/harness.ts'
import { canLoopMount, loopMount } from './loop-mount.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const canMount = canLoopMount(folder.path, 'ext4')

it.skipIf(!canMount)(
  'of a file system that has become a read-only one it is none: syncfs(2) does not look',
  async () => {
    const place = join(folder.path, 'read-only')
    mkdirSync(place)
    using mounted = loopMount(place, 'ext4')
    writeFileSync(join(mounted.path, 'file'), 'content')
    const fd = openSync(mounted.path, 'r')
    const sync = FileSystemSync.of(fd)!
    try {
      await sync.run()
      execFileSync('mount', ['-o', 'remount,ro', mounted.path])
      execFileSync('sync', ['-f', mounted.path]) // syncfs(2), and all is well
      expect(await failure(sync.run())).toMatchObject({ code: 'EROFS' })
    } finally {
      sync.close()
      closeSync(fd)
    }
  },
)
