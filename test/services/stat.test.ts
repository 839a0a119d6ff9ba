// stat(), lstat() and a file's stat(): the very fs.Stats of node:fs, for everything that can be stat'ed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { lstat, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { everyPoller, failure, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
const at = (name: string): string => join(folder.path, name)
const names = ['file', 'empty', 'folder', 'link', 'dangling', 'pipe', 'old', 'new', 'fraction']
const devices = ['/dev/null', '/dev/vda', '/dev/tty', '/proc', '/proc/cpuinfo', '/sys', '/', '/dev/pts']

beforeAll(() => {
  writeFileSync(at('file'), 'content')
  writeFileSync(at('empty'), '')
  mkdirSync(at('folder'))
  symlinkSync('file', at('link'))
  symlinkSync('nowhere', at('dangling'))
  execFileSync('mkfifo', [at('pipe')])
  for (const name of ['old', 'new', 'fraction']) writeFileSync(at(name), '')
  utimesSync(at('old'), -1.5, -86400.25)
  utimesSync(at('new'), 2 ** 32, 2 ** 33)
  utimesSync(at('fraction'), 1.9996, 1234567890.9995)
})
afterAll(() => {
  folder.remove()
})

describe.each(everyPoller)('on poller $poller in $memory memory', ({ poller, memory }) => {
  let rings: Ringmaster
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, memory })
  })
  afterAll(() => rings.close())

  it.each([...names.map(at), ...devices, at('missing'), at('file/below'), ''])(
    'stats %s as core does',
    async (path) => {
      for (const bigint of [false, true]) {
        const calls = [
          [() => (bigint ? rings.stat(path, { bigint }) : rings.stat(path)), () => stat(path, { bigint })],
          [() => (bigint ? rings.lstat(path, { bigint }) : rings.lstat(path)), () => lstat(path, { bigint })],
        ] as const
        for (const [ours, nodes] of calls) {
          const failed = await failure(nodes())
          if (failed['name'] !== 'no error') expect(await failure(ours())).toEqual(failed)
          else {
            const [mine, cores] = [await ours(), await nodes()]
            expect(mine).toEqual(cores)
            expect(Object.getPrototypeOf(mine)).toBe(Object.getPrototypeOf(cores))
            expect([
              mine.isFile(),
              mine.isDirectory(),
              mine.isFIFO(),
              mine.isSymbolicLink(),
              mine.isCharacterDevice(),
            ]).toEqual([
              cores.isFile(),
              cores.isDirectory(),
              cores.isFIFO(),
              cores.isSymbolicLink(),
              cores.isCharacterDevice(),
            ])
          }
        }
      }
    },
  )

  it('stats an open file', async () => {
    for (const path of [at('file'), at('folder'), '/dev/null']) {
      await using ours = await rings.open(path)
      const nodes = await open(path)
      expect(await ours.stat()).toEqual(await nodes.stat())
      expect(await ours.stat({ bigint: true })).toEqual(await nodes.stat({ bigint: true }))
      await nodes.close()
    }
  })
})
