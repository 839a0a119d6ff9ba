// Open flags: the kernel's bits for every spelling of core's, learned from core itself; and openBeneath, which lets nothing out.
import {
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RingFile } from '../../services/file.ts'
import { openFlags } from '../../services/open-flags.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { callLoosely, everyPoller, failure, temporaryFolder, withoutAddon } from './harness.ts'

const folder = temporaryFolder()
const at = (name: string): string => join(folder.path, name)
afterAll(() => {
  folder.remove()
})
const spellings = [
  'r',
  'rs',
  'sr',
  'r+',
  'rs+',
  'sr+',
  'w',
  'wx',
  'xw',
  'w+',
  'wx+',
  'xw+',
  'a',
  'ax',
  'xa',
  'as',
  'sa',
]
const more = ['a+', 'ax+', 'xa+', 'as+', 'sa+']

// Without the addon everything is opened with O_NONBLOCK, which to files of a disk means nothing.
const statusFlags = (fd: number): number =>
  Number.parseInt(/^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!, 8) &
  ~(withoutAddon ? constants.O_NONBLOCK : 0)

describe.each(everyPoller)('open() on poller $poller in $memory memory', ({ poller, memory }) => {
  let rings: Ringmaster
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, memory })
  })
  afterAll(() => rings.close())

  it.each([...spellings, ...more, constants.O_RDWR | constants.O_APPEND, constants.O_WRONLY | constants.O_CREAT])(
    'does with flags %s what core does: to the file, and to its own flags',
    async (flags) => {
      for (const exists of [true, false]) {
        const seen: unknown[] = []
        for (const opener of [rings, { open }]) {
          const path = at('flagged')
          rmSync(path, { force: true })
          if (exists) writeFileSync(path, 'content')
          const opened = callLoosely(opener, 'open', path, flags, 0o640)
          const failed = await failure(opened)
          if (failed['name'] !== 'no error') seen.push(failed)
          else {
            const file = (await opened) as RingFile
            seen.push({ flags: statusFlags(file.fd), size: statSync(path).size, mode: statSync(path).mode })
            await file.close()
          }
        }
        expect(seen[0]).toEqual(seen[1])
      }
    },
  )

  it('refuses flags and modes that there are not', async () => {
    for (const flags of ['', 'rw', 'R', 'r++', 'toString', 1.5, {}, true]) {
      expect(await failure(callLoosely(rings, 'open', at('x'), flags))).toMatchObject({
        code: expect.stringMatching(/^ERR_(INVALID_ARG|OUT_OF_RANGE)/) as string,
      })
    }
    for (const mode of ['9', '', 'abc', -1, 1.5, {}]) {
      expect(await failure(callLoosely(rings, 'open', at('x'), 'w', mode))).toMatchObject({
        code: expect.stringMatching(/^ERR_(INVALID_ARG|OUT_OF_RANGE)/) as string,
      })
    }
    expect(existsSync(at('x'))).toBe(false)
  })

  it('opens beneath a folder and nowhere else', async () => {
    rmSync(at('root'), { recursive: true, force: true })
    mkdirSync(at('root/sub'), { recursive: true })
    writeFileSync(at('outside'), 'outside')
    writeFileSync(at('root/inside'), 'inside')
    linkSync(at('root/inside'), at('root/sub/hard'))
    symlinkSync('../inside', at('root/sub/good'))
    symlinkSync('../../outside', at('root/sub/up'))
    symlinkSync(at('outside'), at('root/absolute'))
    symlinkSync(at('root/inside'), at('root/absolute-inside'))
    symlinkSync('/', at('root/everything'))
    symlinkSync('/proc/self/root', at('root/magic'))
    const root = await rings.open(at('root'))
    for (const inside of ['inside', './inside', 'sub/../inside', 'sub/hard', 'sub/good', Buffer.from('inside')]) {
      const file = await rings.openBeneath(root, inside)
      expect((await file.read()).bytesRead).toBe(6)
      await file.close()
    }
    const out = ['../outside', '..', 'sub/../../outside', at('outside'), at('root/inside'), '/', 'sub/up', 'absolute']
    for (const escape of [...out, 'absolute-inside', `everything${at('outside')}`, 'magic/etc/passwd']) {
      expect(await failure(rings.openBeneath(root, escape))).toMatchObject({
        code: expect.stringMatching(/^(EXDEV|ELOOP)$/) as string,
      })
    }
    expect(await failure(rings.openBeneath(root, 'missing'))).toMatchObject({
      code: 'ENOENT',
      syscall: 'open',
      path: 'missing',
    })
    const proc = await rings.open('/proc/self')
    expect(await failure(rings.openBeneath(proc, 'exe'))).toMatchObject({
      code: expect.stringMatching(/^(EXDEV|ELOOP)$/) as string,
    })
    await Promise.all([root.close(), proc.close()])
  })

  it('creates beneath a folder a file that its owner may read', async () => {
    rmSync(at('root'), { recursive: true, force: true })
    mkdirSync(at('root'))
    const root = await rings.open(at('root'))
    await (await rings.openBeneath(root, 'new', 'w')).close()
    expect(statSync(at('root/new')).mode & 0o777).toBe(0o666 & ~process.umask())
    await root.close()
  })

  it('closes the folder only after what is being opened beneath it', async () => {
    rmSync(at('root'), { recursive: true, force: true })
    mkdirSync(at('root'))
    const root = await rings.open(at('root'))
    const opened = rings.openBeneath(root, 'new', 'w')
    await root.close()
    await (await opened).close()
    expect(await failure(rings.openBeneath(root, 'new'))).toMatchObject({ code: 'EBADF' })
  })
})

it('takes numbers as they are', () => {
  expect([0, 2, 0o2000000, 0x7fffffff].map((bits) => openFlags(bits))).toEqual([0, 2, 0o2000000, 0x7fffffff])
})
