// PUT and DELETE: what is there afterwards, seen by node:fs; what is refused; what a failure leaves behind.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BlobStore, NewFile, StoreFolder } from '../../services/blob/store.ts'
import { exchange, patternBytes, sha256, statusOf } from '../http/clients.ts'
import { eventually, seededRandom, testSeed } from '../services/harness.ts'
import { say, startObjects } from './objects.ts'
import type { Objects } from './objects.ts'

let service: Objects
beforeAll(async () => {
  service = await startObjects()
})
afterAll(() => service[Symbol.asyncDispose]())
afterEach(async () => {
  expect(await eventually(() => service.server.requestsInFlight === 0)).toBe(true)
  expect(await eventually(() => service.openFiles().length === 0)).toBe(true)
  expect(temporary(service.root)).toEqual([])
})

const at = (...names: string[]): string => join(service.root, ...names)
const put = (
  name: string,
  ...more: [body?: Buffer | string | Iterable<Buffer>, headers?: Record<string, string | number>]
) => say(service.port, 'PUT', `/b/${name}`, ...more)
/** An entity tag without its weakness (RFC 9110, 8.8.3.2). */
const opaque = (etag: string | undefined): string | undefined => etag?.replace(/^W\//, '')
/** What an upload that has not become a file would leave, with a name. */
const temporary = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.ringmaster-'))

describe('PUT', () => {
  it.each([0, 1, 4096, 65_536, 300_000, 5_000_000])(
    'stores %d bytes, with their length and in chunks',
    async (size) => {
      const content = patternBytes(size)
      expect(await put('sized', content)).toMatchObject({ status: expect.any(Number) as number })
      expect(readFileSync(at('sized')).equals(content)).toBe(true)
      rmSync(at('sized'))
      const parts = [content.subarray(0, size >> 1), content.subarray(size >> 1)].filter((part) => part.length > 0)
      const chunked = await put('sized', parts, { 'Transfer-Encoding': 'chunked' })
      expect([chunked.status, readFileSync(at('sized')).equals(content)]).toEqual([201, true])
    },
  )

  it('says whether it is new, how safe it is, and its ETag', async () => {
    const first = await put('new', 'one')
    expect(first.status).toBe(201)
    expect(first.headers['x-durability']).toBe('full')
    const again = await put('new', 'two')
    expect([again.status, again.body.length]).toEqual([204, 0])
    const read = await say(service.port, 'GET', '/b/new')
    expect(read.body.toString()).toBe('two')
    // Weak until the file's time can no longer be shared by a later change, which may be between the two answers.
    expect(opaque(read.headers.etag)).toBe(opaque(again.headers.etag))
  })

  it('makes the folders above it', async () => {
    expect((await put('a/b/c/d.txt', 'deep')).status).toBe(201)
    expect(readFileSync(at('a/b/c/d.txt'), 'utf8')).toBe('deep')
    expect((await put('a/b/e.txt', 'less')).status).toBe(201)
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, index) => put(`same/new/folder/${index}`, `${index}`)),
    )
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([201]))
  })

  it('with the umask', async () => {
    await put('mode', '')
    const umask = process.umask()
    expect(statSync(at('mode')).mode & 0o777).toBe(0o666 & ~umask)
  })

  it('takes names as bytes', async () => {
    expect((await put('%ff%fe%20%c3%a4', 'bytes')).status).toBe(201)
    expect(
      readFileSync(Buffer.concat([Buffer.from(`${service.root}/`), Buffer.from('fffe20c3a4', 'hex')]), 'utf8'),
    ).toBe('bytes')
  })

  it('replaces a file as a whole: whoever has it open goes on reading the old one', async () => {
    await put('whole', 'old content')
    const inode = statSync(at('whole')).ino
    await put('whole', 'new')
    expect(statSync(at('whole')).ino).not.toBe(inode)
    expect(readFileSync(at('whole'), 'utf8')).toBe('new')
  })

  it('replaces a link, not what it leads to', async () => {
    writeFileSync(at('target'), 'target')
    symlinkSync('target', at('link'))
    expect((await put('link', 'content')).status).toBe(204)
    expect([lstatSync(at('link')).isFile(), readFileSync(at('target'), 'utf8')]).toEqual([true, 'target'])
  })

  it('asks for a body whose client waits for that, and takes requests behind it', async () => {
    const answer = await put('asked', 'content', { Expect: '100-continue', 'Content-Length': 7 })
    expect([answer.status, answer.asked]).toEqual([201, true])
    const head = 'PUT /b/piped HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    const answers = await exchange(service.port, `${head}GET /b/piped HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answers.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 200'])
    expect(answers.endsWith('\r\n\r\nabc')).toBe(true)
  })

  it.skipIf(!existsSync('/usr/bin/curl'))('curl uploads and downloads, and sha256sum agrees', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringmaster-curl-'))
    const content = patternBytes(3_000_001)
    writeFileSync(join(folder, 'up'), content)
    const curl = async (...args: string[]): Promise<string> => {
      const { execFile } = await import('node:child_process')
      const { promisify } = await import('node:util')
      return (await promisify(execFile)('curl', ['-sS', '-w', '%{http_code}', '-o', join(folder, 'down'), ...args]))
        .stdout
    }
    const url = `http://127.0.0.1:${service.port}/b/curl/file`
    expect(await curl('-T', join(folder, 'up'), url)).toBe('201')
    expect(await curl('-T', join(folder, 'up'), '-H', 'Transfer-Encoding: chunked', url)).toBe('204')
    expect(await curl(url)).toBe('200')
    const sums = execFileSync('sha256sum', [join(folder, 'down'), at('curl/file')], { encoding: 'utf8' })
    expect(
      new Set(
        sums
          .trim()
          .split('\n')
          .map((sum) => sum.slice(0, 64)),
      ),
    ).toEqual(new Set([sha256(content)]))
    expect(await curl('-X', 'DELETE', url)).toBe('204')
    rmSync(folder, { recursive: true })
  })

  it('many clients at once, reading and writing: every answer is one of the contents that were put', async () => {
    const random = seededRandom(testSeed('put'))
    const contents = Array.from({ length: 8 }, (_, index) =>
      Buffer.alloc(1 + Math.floor(random() * 400_000), index + 1),
    )
    const sums = new Set(contents.map(sha256))
    await put('shared', contents[0])
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        if (index % 2 === 0) expect([201, 204]).toContain((await put('shared', contents[index % 8])).status)
        else expect(sums.has(sha256((await say(service.port, 'GET', '/b/shared')).body))).toBe(true)
      }),
    )
    expect(sums.has(sha256(readFileSync(at('shared'))))).toBe(true)
  })
})

describe('a PUT is refused', () => {
  it.each([
    ['..', 400],
    ['a/../b', 400],
    ['./a', 400],
    ['a//b', 400],
    ['a/', 400],
    ['%2e%2e/x', 400],
    ['a%00b', 400],
    ['a%2fb', 400],
    [`${'n'.repeat(256)}`, 414],
  ])('%s is %d', async (name, status) => {
    expect(
      statusOf(
        await exchange(
          service.port,
          `PUT /b/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`,
        ),
      ),
    ).toBe(status)
  })

  it('that leads out of the root, through a file, or onto a folder', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'ringmaster-outside-'))
    symlinkSync(outside, at('out'))
    symlinkSync('..', at('up'))
    mkdirSync(at('folder'))
    writeFileSync(at('file'), 'file')
    expect((await put('out/x', 'x')).status).toBe(404)
    expect((await put('out/deep/x', 'x')).status).toBe(404)
    expect((await put('up/x', 'x')).status).toBe(404)
    expect((await put('file/x', 'x')).status).toBe(409)
    expect((await put('folder', 'x')).status).toBe(409)
    expect(readdirSync(outside)).toEqual([])
    expect(readFileSync(at('file'), 'utf8')).toBe('file')
    rmSync(outside, { recursive: true })
    for (const name of ['out', 'up']) rmSync(at(name))
  })

  it('without a length, with a part of a file, with a digest that is not its own', async () => {
    expect(statusOf(await exchange(service.port, 'PUT /b/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toBe(
      411,
    )
    expect((await put('x', 'x', { 'Content-Range': 'bytes 0-0/2' })).status).toBe(400)
    const right = sha256(Buffer.from('content'))
    const base64 = (algorithm: string): string => createHash(algorithm).update('content').digest('base64')
    expect((await put('digest', 'content', { 'x-sha256': right })).status).toBe(201)
    expect(
      (await put('digest', 'content', { 'Repr-Digest': `sha-512=:${base64('sha512')}:, md5=:AAAA:` })).status,
    ).toBe(204)
    expect((await put('digest', 'other', { 'x-sha256': right })).status).toBe(422)
    expect((await put('digest', 'other', { 'Repr-Digest': `sha-256=:${base64('sha256')}:` })).status).toBe(422)
    expect((await put('digest', 'content', { 'x-sha256': 'abc' })).status).toBe(400)
    expect(readFileSync(at('digest'), 'utf8')).toBe('content')
    expect(existsSync(at('x'))).toBe(false)
  })

  it('by its conditions', async () => {
    expect((await put('condition', 'a', { 'If-Match': '*' })).status).toBe(412)
    expect((await put('condition', 'a', { 'If-None-Match': '*' })).status).toBe(201)
    expect((await put('condition', 'b', { 'If-None-Match': '*' })).status).toBe(412)
    const { etag = '' } = (await say(service.port, 'HEAD', '/b/condition')).headers
    expect((await put('condition', 'b', { 'If-Match': '"another"' })).status).toBe(412)
    expect((await put('condition', 'b', { 'If-None-Match': etag })).status).toBe(412)
    expect((await put('condition', 'b', { 'If-Match': etag })).status).toBe(204)
    expect((await put('condition', 'c', { 'If-Match': etag })).status).toBe(412)
    expect(readFileSync(at('condition'), 'utf8')).toBe('b')
  })

  it('of two that want to be first, one is', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => (await put('first', `${index}`, { 'If-None-Match': '*' })).status),
    )
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 412)).toHaveLength(9)
  })

  it('before it is asked for, where its client waits for that', async () => {
    const answer = await put('condition', 'x', { Expect: '100-continue', 'Content-Length': 1, 'If-None-Match': '*' })
    expect([answer.status, answer.asked]).toEqual([412, false])
  })

  it('if its body is none, or ends too soon', async () => {
    const start = 'PUT /b/broken HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'
    expect(statusOf(await exchange(service.port, `${start}zz\r\n`))).toBe(400)
    const socket = connect(service.port, '127.0.0.1')
    socket.write('PUT /b/broken HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc')
    expect(await eventually(() => service.server.requestsInFlight === 1)).toBe(true)
    socket.destroy()
    expect(await eventually(() => service.server.requestsInFlight === 0)).toBe(true)
    expect(existsSync(at('broken'))).toBe(false)
  })
})

describe('DELETE', () => {
  it('removes files, and nothing else', async () => {
    writeFileSync(at('gone'), 'x')
    mkdirSync(at('kept'), { recursive: true })
    const remove = async (name: string, headers = {}): Promise<number> =>
      (await say(service.port, 'DELETE', `/b/${name}`, undefined, headers)).status
    expect(await remove('gone', { 'If-Match': '"other"' })).toBe(412)
    expect(await remove('gone')).toBe(204)
    expect(await remove('gone')).toBe(404)
    expect(await remove('no/such/folder')).toBe(404)
    expect(await remove('kept')).toBe(409)
    expect(await remove('kept/..')).toBe(400)
    expect([existsSync(at('gone')), existsSync(at('kept'))]).toEqual([false, true])
  })
})

it('OPTIONS says what there is', async () => {
  const { status, headers } = await say(service.port, 'OPTIONS', '/b/anything')
  expect([status, headers.allow]).toEqual([204, 'GET, HEAD, PUT, DELETE, OPTIONS'])
})

describe('when storage fails', () => {
  const failing = (code: string) => (): never => {
    throw Object.assign(new Error(`${code}: of a test`), { code })
  }

  it.each([
    ['create', 'ENOSPC', 507],
    ['write', 'ENOSPC', 507],
    ['write', 'EDQUOT', 507],
    ['write', 'EIO', 500],
    ['create', 'EROFS', 403],
    ['commit', 'EIO', 500],
    ['write', 'ERR_RING_LOST', 503],
  ] as const)('%s with %s is %d, and nothing is left behind', async (call, code, status) => {
    await using broken = await startObjects({ wrap: (store) => faulty(store, { [call]: failing(code) }) })
    expect((await say(broken.port, 'PUT', '/b/a', 'content')).status).toBe(status)
    expect(readdirSync(broken.root)).toEqual([])
    expect(broken.fence.isUp).toBe(false)
    expect(await eventually(() => broken.openFiles().length === 0)).toBe(true)
  })

  it('short writes are completed', async () => {
    await using short = await startObjects({ wrap: (store) => faulty(store, { writeBytesMax: 777 }) })
    const content = patternBytes(20_000)
    expect((await say(short.port, 'PUT', '/b/a', content)).status).toBe(201)
    expect(readFileSync(join(short.root, 'a')).equals(content)).toBe(true)
  })

  it.each(['syncFile', 'syncFolder'] as const)(
    'a failed %s refuses every write from then on, and no read',
    async (call) => {
      let fails = false
      const fail = (): void => {
        if (fails) failing('EIO')()
      }
      await using broken = await startObjects({ wrap: (store) => faulty(store, { [call]: fail }) })
      expect((await say(broken.port, 'PUT', '/b/a', 'content')).status).toBe(201)
      fails = true
      expect((await say(broken.port, 'PUT', '/b/b', 'content')).status).toBe(500)
      fails = false
      expect(broken.fence.isUp).toBe(true)
      expect((await say(broken.port, 'PUT', '/b/c', 'content')).status).toBe(503)
      expect((await say(broken.port, 'DELETE', '/b/a')).status).toBe(503)
      expect((await say(broken.port, 'GET', '/b/a')).body.toString()).toBe('content')
      expect(existsSync(join(broken.root, 'c'))).toBe(false)
    },
  )

  it.each([
    ['full', ['syncFile', 'commit', 'syncFolder']],
    ['data', ['syncFile', 'commit']],
    ['none', ['commit']],
  ] as const)('with durability %s the steps are %j, and the answer says so', async (durability, steps) => {
    const seen: string[] = []
    const see = (name: string) => (): void => void seen.push(name)
    const faults = { syncFile: see('syncFile'), commit: see('commit'), syncFolder: see('syncFolder') }
    await using watched = await startObjects({ durability, wrap: (store) => faulty(store, faults) })
    const { headers } = await say(watched.port, 'PUT', '/b/a', 'content')
    expect(seen).toEqual(steps)
    expect(headers['x-durability']).toBe(durability)
    seen.length = 0
    await say(watched.port, 'PUT', '/b/new/folder/a', 'content')
    expect(seen).toEqual(durability === 'full' ? ['syncFolder', 'syncFolder', ...steps] : steps)
  })
})

interface Faults {
  create?: () => void
  write?: () => void
  syncFile?: () => void
  syncFolder?: () => void
  commit?: () => void
  writeBytesMax?: number
}

/** A store whose calls do what `faults` says first. */
function faulty(store: BlobStore, faults: Faults): BlobStore {
  const ofFile = (file: NewFile): NewFile => ({
    write: async (bytes, position) => {
      faults.write?.()
      return file.write(bytes.subarray(0, faults.writeBytesMax ?? bytes.length), position)
    },
    sync: async () => {
      faults.syncFile?.()
      await file.sync()
    },
    stat: () => file.stat(),
    commit: async (name, exclusive) => {
      faults.commit?.()
      return file.commit(name, exclusive)
    },
    syncName: async () => {
      faults.syncFolder?.()
      await file.syncName()
    },
    close: () => file.close(),
  })
  const ofFolder = (folder: StoreFolder): StoreFolder => ({
    fd: folder.fd,
    inode: folder.inode,
    create: async () => {
      faults.create?.()
      return ofFile(await folder.create())
    },
    stat: (name) => folder.stat(name),
    unlink: (name) => folder.unlink(name),
    sync: async () => {
      faults.syncFolder?.()
      await folder.sync()
    },
    close: () => folder.close(),
  })
  return {
    open: (path, flags) => store.open(path, flags),
    openFolder: async (path) => ofFolder(await store.openFolder(path)),
    makeFolder: async (path, syncs) =>
      ofFolder(await store.makeFolder(path, syncs && ((folder) => syncs(ofFolder(folder))))),
  }
}
