// writeFile() with `atomic` and `durable`: whoever looks finds the old file or the new one, and what is said to be durable was synced in the
// order that makes it so. Looked at by node:fs, by readers in another process, by strace, and after kill -9.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { allPollers, descriptors, seededBytes, seededRandom, temporaryFolder, testSeed } from './harness.ts'
import { library } from './programs.ts'

const run = promisify(execFile)
const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const at = (name: string): string => `${folder.path}/${name}`

describe.each(allPollers)('atomic writes with poller %s', (poller) => {
  let rings: Ringmaster
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, sqEntries: 64 })
  })
  afterAll(async () => {
    await rings.close()
  })
  afterEach(() => {
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it.each([0, 1, 4096, 3_000_000])('write %d bytes, new and over what was there', async (bytes) => {
    const path = at(`${poller}-${bytes}`)
    for (const seed of [1, 2]) {
      const content = seededBytes(bytes, seed)
      await rings.writeFile(path, content, { atomic: true, durable: seed === 2 })
      expect(readFileSync(path).equals(content)).toBe(true)
    }
  })

  it('keep mode and owner of the file, and follow links', async () => {
    const path = at(`${poller}-kept`)
    writeFileSync(path, 'old')
    chmodSync(path, 0o751)
    const link = at(`${poller}-link`)
    symlinkSync(path, link)
    await rings.writeFile(link, 'new', { atomic: true })
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o7777, lstatSync(link).isSymbolicLink()]).toEqual([
      'new',
      0o751,
      true,
    ])
  })

  it('give a new file the mode that was asked for', async () => {
    const path = at(`${poller}-mode`)
    await rings.writeFile(path, 'x', { atomic: true, mode: 0o600 })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('do not replace with wx, whoever is first', async () => {
    const path = at(`${poller}-once`)
    const write = (text: string): Promise<unknown> =>
      rings.writeFile(path, text, { atomic: true, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => error.code)
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map(write))
    expect(outcomes.sort()).toEqual(['EEXIST', 'EEXIST', 'EEXIST', undefined])
    expect(readFileSync(path, 'utf8')).toHaveLength(1)
  })

  it('fail as writeFile() does, and leave nothing', async () => {
    const before = descriptors()
    mkdirSync(at(`${poller}-folder`))
    const codes = async (path: string): Promise<unknown[]> => {
      const errors = []
      for (const atomic of [true, false])
        errors.push(
          await rings
            .writeFile(path, 'x', { atomic })
            .catch((error: NodeJS.ErrnoException) => [error.code, error.path]),
        )
      return errors
    }
    for (const path of [at(`${poller}-folder`), at('no/such/folder'), '']) {
      const [atomic, plain] = await codes(path)
      expect(atomic).toEqual(plain)
    }
    expect(descriptors()).toEqual(before)
  })

  it.each(['a', 'r+', 'ax', 'w+'])('refuse flag %s', async (flag) => {
    await expect(rings.writeFile(at('refused'), 'x', { atomic: true, flag })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
  })

  it('readers find all of one or all of the other', async () => {
    const path = at(`${poller}-read`)
    const sizes = [200_000, 900_000]
    writeFileSync(path, Buffer.alloc(sizes[0]!, 0))
    let writing = true
    const seen = new Set<number>()
    const reader = (async () => {
      while (writing) {
        const content = readFileSync(path)
        expect(content.length).toBe(sizes[content[0]!])
        expect(content.every((byte) => byte === content[0])).toBe(true)
        seen.add(content[0]!)
        await sleep(0)
      }
    })()
    for (let round = 1; round < 40; round++)
      await rings.writeFile(path, Buffer.alloc(sizes[round & 1]!, round & 1), { atomic: true })
    writing = false
    await reader
    expect(seen.size).toBe(2)
  })

  it('kill -9 at any moment leaves one or the other', async () => {
    const random = seededRandom(testSeed(`atomic, ${poller}`))
    const path = at(`${poller}-killed`)
    writeFileSync(path, Buffer.alloc(500_000))
    const script = `
      import { Ringmaster } from ${JSON.stringify(library)}
      const rings = await Ringmaster.start({ rings: 1, poller: ${JSON.stringify(poller)}, sqEntries: 64 })
      process.stdout.write('x')
      for (let round = 0; ; round++)
        await rings.writeFile(process.argv[1], Buffer.alloc(500_000, round & 1), { atomic: true, durable: round % 3 === 0 })`
    for (let kill = 0; kill < 4; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      await sleep(20 + random() * 60)
      child.kill('SIGKILL')
      await once(child, 'close')
      const content = readFileSync(path)
      expect(content.length).toBe(500_000)
      expect(content.every((byte) => byte === content[0])).toBe(true)
    }
    // Between its first name and the last a file may stay under that; nothing else may.
    const { stdout } = await run('find', [
      folder.path,
      '-name',
      '.ringmaster-*.tmp',
      '-size',
      '+0',
      '-print',
      '-delete',
    ])
    expect(stdout.split('\n').length).toBeLessThanOrEqual(5)
  })
})

describe('what is durable', () => {
  it('was synced before it got its name, and its folder after', async ({ skip }) => {
    const strace = await run('strace', ['-V']).then(
      () => true,
      () => false,
    )
    if (!strace) skip('strace is not installed')
    const path = at('traced')
    const script = `
      import { Ringmaster } from ${JSON.stringify(library)}
      const rings = await Ringmaster.start({ rings: 1, poller: 'threadpool', sqEntries: 64 })
      await rings.writeFile(process.argv[1], 'content', { atomic: true, durable: true })
      await rings.close()`
    const traced = 'trace=openat,pwrite64,pwritev2,write,fdatasync,linkat,renameat2,fsync'
    const args = ['-f', '-e', traced, '-o', at('trace'), process.execPath, '--input-type=module', '-e', script, path]
    await run('strace', args)
    const calls = readFileSync(at('trace'), 'utf8')
      .split('\n')
      .filter((line) => !line.includes('resumed'))
      .map((line) => /^\d+ +(\w+)\((.*)/.exec(line))
      .filter((match) => match !== null)
    const index = (name: string, what: string): number =>
      calls.findIndex(([, call, args]) => call === name && args!.includes(what))
    const order = [
      index('openat', 'O_TMPFILE'),
      calls.findIndex(([, , args]) => args!.includes('content"')),
      index('fdatasync', ''),
      index('linkat', '/proc/self/fd/'),
      index('renameat2', 'traced'),
      index('fsync', ''),
    ]
    expect(order.every((position) => position >= 0)).toBe(true)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })
})
