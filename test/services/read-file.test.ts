// readFile(): what node:fs reads, byte for byte, whatever the file is: small, large, growing, shrinking, a pipe, /proc, /sys.
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaseSizeBytes } from '../../workers/ring-handle.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { callLoosely, everyPoller, failure, seededBytes, temporaryFolder, withoutAddon } from './harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const at = (name: string): string => join(folder.path, name)
const lease = leaseSizeBytes
const sizes = [
  0,
  1,
  2,
  255,
  256,
  257,
  4095,
  4096,
  4097,
  lease - 257,
  lease - 256,
  lease - 255,
  lease - 1,
  lease,
  lease + 1,
]
const largeSizes = [65536, lease + 524287, lease + 524288, lease + 524289, 1048575, 1048576, 1048577, 4 * 524288 + 7]
let names = 0

beforeAll(() => {
  for (const size of [...sizes, ...largeSizes]) writeFileSync(at(`size-${size}`), seededBytes(size, size))
  mkdirSync(at('folder'))
  symlinkSync('size-1', at('link'))
  symlinkSync('loop', at('loop'))
  writeFileSync(at('secret'), 'secret')
  chmodSync(at('secret'), 0)
  writeFileSync(at('text'), 'zażółć gęślą jaźń 🦆 '.repeat(4000))
})

const kinds = [
  ...everyPoller.map((kind) => ({ ...kind, directDescriptors: 256 })),
  { poller: withoutAddon ? 'threadpool' : 'kernel', memory: 'user', directDescriptors: 0 } as const,
]

describe.each(kinds)(
  'readFile on poller $poller in $memory memory with $directDescriptors direct descriptors',
  ({ poller, memory, directDescriptors }) => {
    let rings: Ringmaster
    beforeAll(async () => {
      rings = await Ringmaster.start({ rings: 1, poller, memory, directDescriptors })
    })
    afterAll(() => rings.close())

    it.each([...sizes, ...largeSizes])('reads a file of %d bytes', async (size) => {
      const path = at(`size-${size}`)
      expect((await rings.readFile(path)).equals(readFileSync(path))).toBe(true)
    })

    it('reads a file of 100 MiB', async () => {
      const path = at('hundred')
      if (names++ === 0) writeFileSync(path, seededBytes(100 << 20, 3))
      expect((await rings.readFile(path)).equals(readFileSync(path))).toBe(true)
    })

    it.each([
      '/proc/cpuinfo',
      '/proc/version',
      '/proc/self/limits',
      '/proc/kallsyms',
      '/proc/self/cmdline',
      '/dev/null',
    ])('reads %s as core does', async (path) => {
      // Numbers in them change while one looks.
      const shape = (text: string): string => text.replace(/[\d.]+/g, '0')
      expect(shape(await rings.readFile(path, 'utf8'))).toBe(shape(readFileSync(path, 'utf8')))
    })

    it('reads /proc/self/maps: this process, every line whole', async () => {
      const text = await rings.readFile('/proc/self/maps', 'utf8')
      expect(text).toContain(process.execPath)
      expect(text).toContain('[stack]')
      for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^[0-9a-f]+-[0-9a-f]+ [rwxsp-]{4} /)
    })

    it('reads files of /sys, which say they have 4096 bytes', async () => {
      for (const path of ['/sys/kernel/mm/transparent_hugepage/enabled', '/sys/devices/system/cpu/online']) {
        expect(await rings.readFile(path, 'utf8')).toBe(readFileSync(path, 'utf8'))
      }
    })

    it('reads a pipe to its end, though the writer takes its time', async () => {
      const path = at(`pipe${poller}${memory}${directDescriptors}`)
      execFileSync('mkfifo', [path])
      const content = seededBytes(300_000, 5)
      const reading = rings.readFile(path)
      const fd = openSync(path, constants.O_RDWR)
      const writer = spawn(process.execPath, [
        '-e',
        `const fs = require('node:fs')
         const data = Buffer.from(fs.readFileSync(0, 'latin1'), 'latin1')
         const fd = fs.openSync(process.argv[1], 'w')
         const pieces = [1, 10, 255, 1000, 40000, 65536, 100000]
         let done = 0
         for (const size of pieces.concat(data.length)) {
           Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15)
           const end = Math.min(data.length, done + size)
           while (done < end) done += fs.writeSync(fd, data, done, end - done)
         }`,
        path,
      ])
      writer.stdin.end(content)
      await new Promise((resolve) => writer.once('exit', resolve))
      closeSync(fd)
      const read = await reading
      expect(read.length).toBe(content.length)
      expect(read.equals(content)).toBe(true)
    })

    it('reads what is there at the end of a file that grows', async () => {
      const path = at(`growing${poller}${memory}${directDescriptors}`)
      writeFileSync(path, seededBytes(600_000, 6))
      const growing = setInterval(() => {
        appendFileSync(path, 'more')
      }, 1)
      const reads: Buffer[] = []
      for (let round = 0; round < 40; round++) reads.push(await rings.readFile(path))
      clearInterval(growing)
      const last = readFileSync(path)
      for (const read of reads) expect(read.equals(last.subarray(0, read.length))).toBe(true)
      expect(reads.at(-1)!.length).toBeGreaterThanOrEqual(600_000)
    })

    it('reads without a gap from a file that is cut off', async () => {
      const path = at(`shrinking${poller}${memory}${directDescriptors}`)
      const content = seededBytes(8 << 20, 7)
      for (let round = 0; round < 8; round++) {
        writeFileSync(path, content)
        const reading = rings.readFile(path)
        await sleep(round / 4)
        const cutBytes = 1_000_000 + round * 12_345
        truncateSync(path, cutBytes)
        const read = await reading
        expect(read.length).toBeGreaterThanOrEqual(cutBytes)
        expect(read.subarray(0, cutBytes).equals(content.subarray(0, cutBytes))).toBe(true)
        // Linux zeroes the pages it takes away while a read under way copies them, so beyond the cut
        // any reader, core's readFile included, may find zeros in place of what was there.
        expect(read.findIndex((byte, at) => byte !== 0 && byte !== content[at])).toBe(-1)
      }
    })

    it.each(['missing', 'folder', 'size-1/below', 'loop', ''])('fails as core does: %j', async (name) => {
      const path = name === '' ? '' : at(name)
      expect(await failure(rings.readFile(path))).toEqual(await failure(readFile(path)))
    })

    it.each([254, 255, 256, 4095, 4096, 5000])('takes paths of %d bytes as core does', async (length) => {
      const folders = '/.'.repeat(Math.floor((length - folder.path.length - 8) / 2))
      const path = `${folder.path}${folders}/size-1`.padEnd(length, '/').replace(/\/size-1(\/*)$/, '$1/size-1')
      expect(path).toHaveLength(length)
      const nodes = await readFile(path).catch((error: unknown) => error)
      if (nodes instanceof Buffer) expect((await rings.readFile(path)).equals(nodes)).toBe(true)
      else expect(await failure(rings.readFile(path))).toEqual(await failure(readFile(path)))
      expect(await failure(rings.stat(`${path}x`))).toMatchObject({ code: length < 4095 ? 'ENOENT' : 'ENAMETOOLONG' })
    })

    it('takes names of 255 bytes and long names in several bytes a letter', async () => {
      for (const name of ['n'.repeat(255), 'ż'.repeat(127), '🦆'.repeat(63)]) {
        writeFileSync(at(name), name)
        expect(await rings.readFile(at(name), 'utf8')).toBe(name)
      }
      expect(await failure(rings.readFile(at('n'.repeat(256))))).toMatchObject({ code: 'ENAMETOOLONG' })
    })

    it('takes paths as URL, as Buffer, and not as UTF-8', async () => {
      const strange = Buffer.concat([Buffer.from(at('')), Buffer.from([0x6e, 0xff, 0xfe])])
      writeFileSync(strange, 'strange')
      expect(await rings.readFile(strange, 'utf8')).toBe('strange')
      expect(await rings.readFile(Buffer.from(at('link')))).toHaveLength(1)
      expect(await rings.readFile(pathToFileURL(at('size-2')))).toHaveLength(2)
      expect(await rings.readFile(at('text'), 'utf8')).toBe(readFileSync(at('text'), 'utf8'))
    })

    it('refuses paths that core refuses', async () => {
      for (const path of ['a\0b', Buffer.from('a\0b'), 5, null, undefined, {}, new URL('http://127.0.0.1/x')]) {
        const ours = await failure(callLoosely(rings, 'readFile', path))
        expect(ours['code']).toBe((await failure(callLoosely({ readFile }, 'readFile', path)))['code'])
      }
    })

    it.each(['utf8', 'utf16le', 'latin1', 'ascii', 'base64', 'base64url', 'hex'] as const)(
      'decodes %s',
      async (encoding) => {
        expect(await rings.readFile(at('text'), encoding)).toBe(readFileSync(at('text'), encoding))
        expect(await rings.readFile(at('size-257'), { encoding })).toBe(readFileSync(at('size-257'), encoding))
      },
    )

    it('refuses encodings that there are not', async () => {
      expect(await failure(callLoosely(rings, 'readFile', at('text'), 'utf-5'))).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
      })
    })

    it.each(['r', 'r+', 'a+', 'w+', 'rs+', constants.O_RDWR, 'wx+', 'w', 'nonsense'])(
      'opens with flag %s as core does',
      async (flag) => {
        const results = []
        for (const target of [rings, { readFile }]) {
          const path = at(`flag-${names++}`)
          writeFileSync(path, 'content')
          const { path: _path, ...failed } = await failure(callLoosely(target, 'readFile', path, { flag }))
          results.push({ failed, after: readFileSync(path, 'latin1') })
        }
        expect(results[0]).toEqual(results[1])
      },
    )

    it('refuses what is too large for a Buffer as core does', async () => {
      const path = at('too-large')
      writeFileSync(path, '')
      truncateSync(path, 2 ** 31)
      expect(await failure(rings.readFile(path))).toEqual(await failure(readFile(path)))
    })

    it('leaves nothing open', async () => {
      await Promise.all(
        Array.from({ length: 300 }, (_, index) => rings.readFile(at(`size-${sizes[index % sizes.length]!}`))),
      )
      await rings.nop()
      const { requests, completions, inFlight, backlog } = rings.stats().rings[0]!
      expect({ completions, inFlight, backlog }).toEqual({ completions: requests, inFlight: 0, backlog: 0 })
    })
  },
)

describe('readFile of very many', () => {
  it('reads twenty thousand files, 500 at a time', async () => {
    const many = at('many')
    mkdirSync(many)
    for (let index = 0; index < 2000; index++) writeFileSync(join(many, `${index}`), `content of ${index}`)
    await using rings = await Ringmaster.start({ rings: 2 })
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < 20_000) {
        const index = next++ % 2000
        const text = await rings.readFile(join(many, `${index}`), 'utf8')
        if (text !== `content of ${index}`) throw new Error(`${index}: ${text}`)
      }
    }
    await Promise.all(Array.from({ length: 500 }, lane))
  })

  it('reads what one uid may read and no more', () => {
    const script = `
      import { Ringmaster } from ${JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)}
      const rings = await Ringmaster.start({ rings: 1 })
      const failed = await rings.readFile(process.argv[1]).catch((error) => error)
      console.log(JSON.stringify({ code: failed.code, syscall: failed.syscall, path: failed.path }))
      await rings.close()`
    chmodSync(folder.path, 0o755)
    const args = [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      at('secret'),
    ]
    const answer: unknown = JSON.parse(execFileSync('setpriv', args, { encoding: 'utf8' }))
    expect(answer).toEqual({ code: 'EACCES', syscall: 'open', path: at('secret') })
  })
})

describe('writeFile', () => {
  it.each(everyPoller)('writes what core writes: poller $poller, $memory memory', async ({ poller, memory }) => {
    await using rings = await Ringmaster.start({ rings: 1, poller, memory })
    for (const size of [0, 1, 524287, 524288, 524289, 3_000_001]) {
      const path = at(`written-${names++}`)
      const content = seededBytes(size, size)
      await rings.writeFile(path, content, { flush: size === 1 })
      expect(readFileSync(path).equals(content)).toBe(true)
    }
    const path = at(`written-${names++}`)
    await rings.writeFile(path, 'zażółć', { mode: 0o640 })
    expect(statSync(path).mode & 0o777).toBe(0o640 & ~process.umask())
    await rings.writeFile(path, '🦆', 'utf16le')
    expect(readFileSync(path, 'utf16le')).toBe('🦆')
    await rings.writeFile(path, Float64Array.of(1.5), { flag: 'a' })
    expect(readFileSync(path)).toHaveLength(12)
    expect(await failure(rings.writeFile(path, 'x', { flag: 'wx' }))).toEqual({
      name: 'Error',
      code: 'EEXIST',
      errno: -17,
      syscall: 'open',
      path,
    })
    expect(await failure(rings.writeFile('/dev/full', 'x'))).toMatchObject({ code: 'ENOSPC', syscall: 'write' })
    expect(await failure(callLoosely(rings, 'writeFile', path, 5))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await failure(callLoosely(rings, 'writeFile', path, 'x', { mode: '9' }))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
  })

  it('writes to a pipe whose reader takes its time', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const path = at('pipe-out')
    execFileSync('mkfifo', [path])
    const content = seededBytes(400_000, 9)
    const writing = rings.writeFile(path, content)
    const read = await readFile(path)
    await writing
    expect(read.equals(content)).toBe(true)
    const fd = openSync(at('size-1'), 'r+')
    writeSync(fd, 'x')
    closeSync(fd)
  })
})
