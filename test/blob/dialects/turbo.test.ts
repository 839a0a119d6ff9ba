// The dialect `turbo`, as Vercel's API for artifacts is published: what is stored and told again, in which shape errors come, and what is refused.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseTokens } from '../../../services/blob/access.ts'
import { exchange, patternBytes, statusOf } from '../../http/clients.ts'
import { eventually } from '../../services/harness.ts'
import { say, startObjects } from '../objects.ts'
import type { Objects, Said } from '../objects.ts'

let service: Objects
beforeAll(async () => {
  service = await startObjects({ dialects: ['raw', 'turbo'] })
})
afterAll(() => service[Symbol.asyncDispose]())
afterEach(async () => {
  expect(await eventually(() => service.server.requestsInFlight === 0)).toBe(true)
  expect(await eventually(() => service.openFiles().length === 0)).toBe(true)
})

const hash = '12HKQaOmR5t5Uy6vdcQsNIiZgHGB'
const facts = {
  'x-artifact-duration': '4711',
  'x-artifact-tag': 'Tc0BmHvJYMIYJ62/zx87YqO0Flxk+5Ovip25NY825CQ=',
  'x-artifact-sha': 'd670460b4b4aece5915caf5c68d12f560a9fe3e4',
  'x-artifact-dirty-hash': 'e69de29b',
}
const ask = (method: string, rest: string, ...more: [body?: Buffer | string, headers?: object]): Promise<Said> =>
  say(service.port, method, `/v8/artifacts${rest}`, more[0], { ...more[1] })
const json = ({ body }: Said): unknown => JSON.parse(body.toString())
const stored = (...names: string[]): string => join(service.root, 'turbo', ...names)

describe('an artifact', () => {
  it.each([0, 1, 4096, 16_000, 300_000, 3_000_000])(
    'of %d bytes comes back, with what was said of it',
    async (size) => {
      const content = patternBytes(size)
      const put = await ask('PUT', `/${hash}?teamId=team_one`, content, facts)
      expect([put.status, json(put)]).toEqual([202, { urls: [`/v8/artifacts/${hash}?teamId=team_one`] }])
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, body } = await ask(method, `/${hash}?teamId=team_one`)
        expect([status, body.equals(method === 'GET' ? content : Buffer.alloc(0))]).toEqual([200, true])
        expect(headers).toMatchObject({
          ...facts,
          'content-length': `${size}`,
          'content-type': 'application/octet-stream',
        })
      }
    },
  )

  it('is read in parts, and again only if it has changed', async () => {
    const content = patternBytes(50_000)
    await ask('PUT', '/parts', content, facts)
    const part = await ask('GET', '/parts', undefined, { Range: 'bytes=10-19999' })
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19999/50000'])
    expect(part.body.equals(content.subarray(10, 20_000))).toBe(true)
    const end = await ask('GET', '/parts', undefined, { Range: 'bytes=-5' })
    expect(end.body.equals(content.subarray(-5))).toBe(true)
    expect((await ask('GET', '/parts', undefined, { Range: 'bytes=50000-' })).status).toBe(416)
    const { headers } = await ask('GET', '/parts')
    expect((await ask('GET', '/parts', undefined, { 'If-None-Match': headers.etag })).status).toBe(304)
  })

  it('of which nothing was said has nothing to tell', async () => {
    await ask('PUT', '/plain', 'content')
    const { headers, body } = await ask('GET', '/plain')
    expect(Object.keys(headers).filter((name) => name.startsWith('x-artifact'))).toEqual([])
    expect(body.toString()).toBe('content')
  })

  it('is replaced together with what is said of it', async () => {
    await ask('PUT', '/twice', 'first', { ...facts, 'x-artifact-tag': 'first' })
    await ask('PUT', '/twice', 'second', { 'x-artifact-tag': 'second' })
    const { headers, body } = await ask('GET', '/twice')
    expect([body.toString(), headers['x-artifact-tag'], headers['x-artifact-duration']]).toEqual([
      'second',
      'second',
      undefined,
    ])
  })

  it('is one file: what is said of it is a frame that decoders of Zstandard skip', async () => {
    await ask('PUT', '/framed?slug=my-team', 'content', facts)
    expect(readdirSync(stored('my-team'))).toEqual(['framed'])
    const bytes = readFileSync(stored('my-team', 'framed'))
    expect(bytes.readUInt32LE(0) & 0xfffffff0).toBe(0x184d2a50)
    expect(bytes.subarray(8 + bytes.readUInt32LE(4)).toString()).toBe('content')
    const list = await say(service.port, 'GET', '/b/turbo/my-team/', undefined, { Accept: 'application/json' })
    expect(json(list)).toMatchObject({ entries: [{ name: 'framed', sizeBytes: bytes.length }] })
  })

  it('that was put there as a file is served as it is', async () => {
    mkdirSync(stored('-'), { recursive: true })
    const forged = (text: string): Buffer => {
      const head = Buffer.alloc(8)
      head.writeUInt32LE(0x184d2a5e, 0)
      head.writeUInt32LE(text.length, 4)
      return Buffer.concat([head, Buffer.from(text), Buffer.from('content')])
    }
    const files = {
      short: Buffer.from('abc'),
      other: patternBytes(5000),
      broken: forged('{"format":"ringmaster-artifact"'),
      foreign: forged('{"format":"another"}'),
      long: forged(' '.repeat(70_000)),
    }
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(stored('-', name), bytes)
      expect([name, (await ask('GET', `/${name}`)).body.equals(bytes)]).toEqual([name, true])
    }
    // Whoever writes files cannot make headers of their own.
    writeFileSync(
      stored('-', 'header'),
      forged('{"format":"ringmaster-artifact","tag":"a\\r\\nSet-Cookie: b","sha":"good"}'),
    )
    const { headers, body } = await ask('GET', '/header')
    expect([body.toString(), headers['x-artifact-tag'], headers['x-artifact-sha']]).toEqual([
      'content',
      undefined,
      'good',
    ])
    mkdirSync(stored('-', 'folder'))
    expect((await ask('GET', '/folder')).status).toBe(404)
    execFileSync('mkfifo', [stored('-', 'fifo')])
    expect((await ask('GET', '/fifo')).status).toBe(404)
  })

  it('is not another, compressed', async () => {
    await using compressing = await startObjects({ dialects: ['turbo'], precompressed: true })
    const put = (name: string, text: string): Promise<Said> =>
      say(compressing.port, 'PUT', `/v8/artifacts/${name}`, text)
    await put('a', 'content')
    await put('a.gz', 'poison')
    const { headers, body } = await say(compressing.port, 'GET', '/v8/artifacts/a', undefined, {
      'Accept-Encoding': 'gzip',
    })
    expect([body.toString(), headers['content-encoding']]).toEqual(['content', undefined])
  })

  it.each([
    ['x-artifact-duration', '-1'],
    ['x-artifact-duration', '1e3'],
    ['x-artifact-tag', 'x'.repeat(601)],
    ['x-artifact-tag', 'two words'],
    ['x-artifact-sha', 'x'.repeat(129)],
  ])('may not have a %s like that', async (name, value) => {
    const { status } = await ask('PUT', '/refused', 'content', { [name]: value })
    expect([status, existsSync(stored('-', 'refused'))]).toEqual([400, false])
  })

  it('is what x-sha256 says, or is not stored', async () => {
    const { status } = await ask('PUT', '/refused', 'content', { ...facts, 'x-sha256': '0'.repeat(64) })
    expect([status, existsSync(stored('-', 'refused'))]).toEqual([422, false])
    const sum = execFileSync('sha256sum', { input: 'content', encoding: 'utf8' }).slice(0, 64)
    expect((await ask('PUT', '/checked', 'content', { ...facts, 'x-sha256': sum })).status).toBe(202)
  })
})

describe('teams', () => {
  it('have artifacts of their own, under an id or a slug, and so has nobody', async () => {
    for (const query of ['', '?teamId=team_a', '?slug=b']) await ask('PUT', `/same${query}`, `of ${query}`)
    expect((await ask('GET', '/same')).body.toString()).toBe('of ')
    expect((await ask('GET', '/same?teamId=team_a')).body.toString()).toBe('of ?teamId=team_a')
    expect((await ask('GET', '/same?slug=b')).body.toString()).toBe('of ?slug=b')
    // The id goes before.
    expect((await ask('GET', '/same?slug=b&teamId=team_a')).body.toString()).toBe('of ?teamId=team_a')
    expect((await ask('GET', '/same?slug=c')).status).toBe(404)
  })

  it.each([
    'teamId=',
    'teamId',
    'slug=',
    'teamId=.',
    'teamId=..',
    'teamId=%2e%2e',
    'teamId=..%2fteam_a',
    'teamId=team_a/x',
    'teamId=team_a%2fx',
    'teamId=team_a%00',
    'teamId=-',
    'teamId=.hidden',
    'teamId=%25',
    'teamId=%zz',
    'teamId=%ff',
    'teamId=%C3%A4',
    'teamId=a+b',
    'teamId=a%20b',
    'teamId=team_a&teamId=team_b',
    'slug=../team_a',
    `teamId=${'x'.repeat(129)}`,
  ])('cannot be called %s', async (query) => {
    for (const [method, rest] of [
      ['GET', '/same'],
      ['PUT', '/same'],
      ['POST', ''],
      ['GET', '/status'],
    ] as const) {
      const { status } = await ask(method, `${rest}?${query}`, method === 'GET' ? undefined : '{"hashes":["same"]}')
      expect([method, rest, status]).toEqual([method, rest, 400])
    }
    expect(readdirSync(stored()).filter((name) => !['-', 'team_one', 'my-team', 'team_a', 'b'].includes(name))).toEqual(
      [],
    )
  })
})

describe('a hash', () => {
  const bad = [
    '',
    '.',
    '..',
    '.hidden',
    '-',
    '../team_a/same',
    '..%2fteam_a%2fsame',
    '%2e%2e/team_a/same',
    'a/b',
    'a%2fb',
    'a%00',
    '%00',
    'a%',
    'a b',
    '%C3%A4',
    'ä',
    'a;b',
    'a\\b',
    'a~',
    '%73ame',
    'x'.repeat(129),
    'x'.repeat(5000),
  ]
  it.each(bad)('cannot be %s', async (name) => {
    await ask('PUT', '/same?teamId=team_a', 'secret')
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const body = method === 'PUT' ? 'Content-Length: 1\r\n\r\nx' : '\r\n'
      const head = `${method} /v8/artifacts/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${body}`
      const answer = await exchange(service.port, Buffer.from(head, 'utf8'))
      expect([method, 400 === statusOf(answer) || 404 === statusOf(answer)]).toEqual([method, true])
      expect(answer).not.toContain('secret')
    }
    expect(readFileSync(stored('team_a', 'same')).toString()).toContain('secret')
  })

  it('may be long, and have dots and dashes within', async () => {
    for (const name of ['x'.repeat(128), 'a.b-c_d', '0', '__proto__']) {
      expect((await ask('PUT', `/${name}`, name)).status).toBe(202)
      expect((await ask('GET', `/${name}`)).body.toString()).toBe(name)
    }
  })

  it('is behind the prefix of an absolute target, too', async () => {
    await ask('PUT', '/absolute', 'content')
    const target = `GET http://127.0.0.1:${service.port}/v8/artifacts/absolute HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    expect((await exchange(service.port, target)).endsWith('content')).toBe(true)
  })
})

describe('the other resources', () => {
  it('says that caching is on', async () => {
    const answer = await ask('GET', '/status?slug=my-team')
    expect([answer.status, json(answer)]).toEqual([200, { status: 'enabled' }])
  })

  it('takes events, and forgets them, however many they are', async () => {
    const event = { sessionId: 'a', source: 'REMOTE', event: 'HIT', hash, duration: 1 }
    for (const count of [1, 1000, 100_000]) {
      const body = JSON.stringify(Array.from({ length: count }, () => event))
      expect((await ask('POST', '/events', body, { 'Content-Type': 'application/json' })).status).toBe(200)
    }
    expect((await ask('POST', '/events', 'not even JSON')).status).toBe(200)
  })

  it('tells of several artifacts at a time', async () => {
    await ask('PUT', '/one?slug=q', 'content', facts)
    await ask('PUT', '/two?slug=q', 'more content')
    const answer = await ask('POST', '?slug=q', JSON.stringify({ hashes: ['one', 'two', 'three', '__proto__'] }))
    expect(answer.status).toBe(200)
    expect(json(answer)).toEqual(
      JSON.parse(
        `{"one":{"size":7,"taskDurationMs":4711,"tag":"${facts['x-artifact-tag']}"},"two":{"size":12,"taskDurationMs":0},"three":null,"__proto__":null}`,
      ),
    )
  })

  it.each([
    ['', 400],
    ['{', 400],
    ['null', 400],
    ['[]', 400],
    ['{"hashes":"one"}', 400],
    ['{"hashes":[1]}', 400],
    ['{"hashes":["../one"]}', 400],
    [`{"hashes":[${'"a",'.repeat(1000)}"a"]}`, 413],
    [' '.repeat(400_000), 413],
  ])('refuses a query like %.20j', async (body, status) => {
    expect((await ask('POST', '?slug=q', body)).status).toBe(status)
  })

  it.each([
    ['', 'POST, OPTIONS', ['GET', 'PUT', 'DELETE']],
    ['/status', 'GET, HEAD, OPTIONS', ['PUT', 'POST', 'DELETE']],
    ['/events', 'POST, OPTIONS', ['GET', 'PUT', 'DELETE']],
    [`/${hash}`, 'GET, HEAD, PUT, OPTIONS', ['POST', 'DELETE', 'PATCH']],
  ])('%j allows %s', async (rest, allow, others) => {
    const options = await ask('OPTIONS', rest)
    expect([options.status, options.headers.allow]).toEqual([204, allow])
    for (const method of others) {
      const { status, headers } = await ask(method, rest)
      expect([method, status, headers.allow]).toEqual([method, 405, allow])
    }
  })

  it('lets turbo --preflight send its token, and browsers nothing', async () => {
    const { headers } = await ask('OPTIONS', `/${hash}`, undefined, { 'Access-Control-Request-Method': 'PUT' })
    expect(headers['access-control-allow-headers']).toMatch(/^Authorization, /)
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  it.each(['/v8', '/v8/artifactsx', '/v8/artifacts.x', '/v7/artifacts/status', '/v1/cache/a'])(
    'knows nothing of %s',
    async (path) => {
      expect((await say(service.port, 'GET', path)).status).toBe(404)
    },
  )
})

describe('errors', () => {
  it('have the shape of the API, and say nothing of files', async () => {
    const answer = await ask('GET', '/missing')
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/json; charset=utf-8'])
    expect(json(answer)).toEqual({ error: { code: 'not_found', message: 'The artifact was not found.' } })
    const head = await ask('HEAD', '/missing')
    expect([head.status, head.body.length]).toEqual([404, 0])
    expect(json(await ask('GET', '/a%2fb'))).toMatchObject({ error: { code: 'bad_request' } })
    expect(json(await ask('DELETE', `/${hash}`))).toMatchObject({ error: { code: 'method_not_allowed' } })
  })

  it('tell who may not read, and who may not write', async () => {
    const reader = 'read-only-token-0123456789'
    const writer = 'read-write-token-0123456789'
    const tokens = parseTokens(`read-only ${reader}\nread-write ${writer}`)
    await using guarded = await startObjects({ dialects: ['turbo'], tokens })
    const status = async (method: string, rest: string, token?: string): Promise<unknown[]> => {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
      const body = method === 'PUT' ? 'content' : method === 'POST' ? '{"hashes":[]}' : undefined
      const answer = await say(guarded.port, method, `/v8/artifacts${rest}`, body, headers)
      const said = answer.status >= 400 ? (json(answer) as { error: { code: string } }).error.code : null
      return [answer.status, said]
    }
    for (const [method, rest] of [
      ['GET', '/a'],
      ['PUT', '/a'],
      ['GET', '/status'],
      ['POST', '/events'],
      ['POST', ''],
      ['OPTIONS', '/a'],
    ] as const) {
      expect([method, rest, ...(await status(method, rest))]).toEqual([method, rest, 401, 'unauthorized'])
      expect([method, rest, ...(await status(method, rest, `${writer}x`))]).toEqual([method, rest, 401, 'unauthorized'])
    }
    expect(await status('PUT', '/a', reader)).toEqual([403, 'forbidden'])
    expect(await status('PUT', '/a', writer)).toEqual([202, null])
    for (const [method, rest] of [
      ['GET', '/a'],
      ['GET', '/status'],
      ['POST', '/events'],
      ['POST', ''],
    ] as const)
      expect([method, rest, ...(await status(method, rest, reader))]).toEqual([method, rest, 200, null])
    // Only turbo is on: files are not to be had in another way.
    expect(
      (await say(guarded.port, 'GET', '/b/turbo/-/a', undefined, { Authorization: `Bearer ${writer}` })).status,
    ).toBe(404)
    expect(
      (await say(guarded.port, 'DELETE', '/b/turbo/-/a', undefined, { Authorization: `Bearer ${writer}` })).status,
    ).toBe(404)
  })

  it('a cache that may only be read says so', async () => {
    await using fixed = await startObjects({ dialects: ['turbo'], durability: null })
    mkdirSync(join(fixed.root, 'turbo/-'), { recursive: true })
    writeFileSync(join(fixed.root, 'turbo/-/a'), 'content')
    expect((await say(fixed.port, 'GET', '/v8/artifacts/a')).body.toString()).toBe('content')
    const put = await say(fixed.port, 'PUT', '/v8/artifacts/b', 'content')
    expect([put.status, json(put)]).toMatchObject([403, { error: { code: 'forbidden' } }])
    const { headers } = await say(fixed.port, 'OPTIONS', '/v8/artifacts/a')
    expect(headers.allow).toBe('GET, HEAD, OPTIONS')
  })

  it('a disk that is full is one, and leaves nothing', async () => {
    const full = (): never => {
      throw Object.assign(new Error('ENOSPC: of a test'), { code: 'ENOSPC' })
    }
    await using broken = await startObjects({
      dialects: ['turbo'],
      wrap: (store) => ({
        open: (path, flags) => store.open(path, flags),
        openFolder: (path) => store.openFolder(path),
        makeFolder: full,
      }),
    })
    const put = await say(broken.port, 'PUT', '/v8/artifacts/a', 'content')
    expect([put.status, json(put)]).toMatchObject([507, { error: { code: 'insufficient_storage' } }])
    broken.fence.guard(() => Promise.reject(new Error('of a test'))).catch(() => undefined)
    expect(await eventually(() => broken.fence.isUp)).toBe(true)
    expect((await say(broken.port, 'PUT', '/v8/artifacts/a', 'content')).status).toBe(503)
  })
})
