// The dialect `nx`, as Nx's specification for self-hosted caches is published: GET, and PUT of what is not there yet.
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
  service = await startObjects({ dialects: ['raw', 'nx'] })
})
afterAll(() => service[Symbol.asyncDispose]())
afterEach(async () => {
  expect(await eventually(() => service.server.requestsInFlight === 0)).toBe(true)
  expect(await eventually(() => service.openFiles().length === 0)).toBe(true)
})

const ask = (method: string, hash: string, ...more: [body?: Buffer | string | Buffer[], headers?: object]) =>
  say(service.port, method, `/v1/cache/${hash}`, more[0], { ...more[1] })
const stored = (...names: string[]): string => join(service.root, 'nx', ...names)
const text = ({ status, headers, body }: Said): unknown[] => [status, headers['content-type'], body.toString()]

describe('an artifact', () => {
  it.each([0, 1, 16_000, 300_000, 5_000_000])('of %d bytes is stored as it came, and comes back', async (size) => {
    const content = patternBytes(size)
    const put = await ask('PUT', `of-${size}`, content, { 'Content-Length': size })
    expect([put.status, put.body.length]).toEqual([200, 0])
    expect(readFileSync(stored(`of-${size}`)).equals(content)).toBe(true)
    const got = await ask('GET', `of-${size}`)
    expect([got.status, got.headers['content-type'], got.body.equals(content)]).toEqual([
      200,
      'application/octet-stream',
      true,
    ])
    const head = await ask('HEAD', `of-${size}`)
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, `${size}`, 0])
  })

  it('is never another one afterwards', async () => {
    await ask('PUT', 'once', 'first')
    expect(text(await ask('PUT', 'once', 'second'))).toEqual([
      409,
      'text/plain; charset=utf-8',
      'Cannot override an existing record.\n',
    ])
    expect((await ask('GET', 'once')).body.toString()).toBe('first')
    // Whatever its client asks for.
    for (const headers of [
      { 'If-Match': '*' },
      { 'If-None-Match': '"x"' },
      { 'If-Unmodified-Since': new Date(0).toUTCString() },
    ])
      expect((await ask('PUT', 'once', 'third', headers)).status).toBe(409)
    expect((await ask('GET', 'once')).body.toString()).toBe('first')
  })

  it.skipIf(!existsSync('/usr/bin/curl'))('is refused with a word, however large the second is', async () => {
    const content = patternBytes(20_000_000)
    await ask('PUT', 'large', 'first')
    const { stdout } = await curl('-T', '-', content, `http://127.0.0.1:${service.port}/v1/cache/large`)
    expect(stdout).toBe('409')
  })

  it('of several that come at once is one of them, whole', async () => {
    const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(200_000, index))
    const answers = await Promise.all(contents.map((content) => ask('PUT', 'raced', content)))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 409, 409, 409, 409, 409, 409, 409])
    const won = contents[answers.findIndex(({ status }) => status === 200)]!
    expect(readFileSync(stored('raced')).equals(won)).toBe(true)
  })

  it('must say its length', async () => {
    const chunked = await ask('PUT', 'chunked', [Buffer.from('abc')], { 'Transfer-Encoding': 'chunked' })
    expect(text(chunked)).toEqual([411, 'text/plain; charset=utf-8', 'Content-Length is required.\n'])
    const bare = await exchange(service.port, 'PUT /v1/cache/bare HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect([statusOf(bare), existsSync(stored('chunked')), existsSync(stored('bare'))]).toEqual([411, false, false])
  })

  it('is not there before all of it has come', async () => {
    const head = 'PUT /v1/cache/broken HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'
    const { connect } = await import('node:net')
    const socket = connect(service.port, '127.0.0.1', () => socket.write(head))
    expect(await eventually(() => service.server.requestsInFlight === 1)).toBe(true)
    expect((await ask('GET', 'broken')).status).toBe(404)
    socket.destroy()
    expect(await eventually(() => service.server.requestsInFlight === 0)).toBe(true)
    expect(readdirSync(stored()).filter((name) => name.includes('broken') || name.startsWith('.'))).toEqual([])
  })

  it('is asked for where its client waits for that', async () => {
    const put = await ask('PUT', 'asked', 'content', { Expect: '100-continue', 'Content-Length': 7 })
    expect([put.status, put.asked]).toEqual([200, true])
    // Nobody sends for nothing what would not be taken.
    const again = await ask('PUT', 'asked', 'content', { Expect: '100-continue', 'Content-Length': 7 })
    expect([again.status, again.asked]).toEqual([409, false])
  })

  it('is not another, compressed', async () => {
    await using compressing = await startObjects({ dialects: ['nx'], precompressed: true })
    await say(compressing.port, 'PUT', '/v1/cache/a', 'content')
    await say(compressing.port, 'PUT', '/v1/cache/a.gz', 'poison')
    const { headers, body } = await say(compressing.port, 'GET', '/v1/cache/a', undefined, {
      'Accept-Encoding': 'gzip',
    })
    expect([body.toString(), headers['content-encoding']]).toEqual(['content', undefined])
  })
})

describe('a hash', () => {
  it.each([
    '',
    '.',
    '..',
    '.hidden',
    '../secret',
    '..%2fsecret',
    '%2e%2e/secret',
    'a/b',
    'a%2fb',
    'a%00',
    '%73ecret',
    'a b',
    'ä',
    '%C3%A4',
    'a\\b',
    'x'.repeat(129),
    'x'.repeat(9000),
  ])('cannot be %s', async (name) => {
    writeFileSync(join(service.root, 'secret'), 'secret')
    mkdirSync(stored(), { recursive: true })
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const body = method === 'PUT' ? 'Content-Length: 1\r\n\r\nx' : '\r\n'
      const head = `${method} /v1/cache/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${body}`
      const answer = await exchange(service.port, Buffer.from(head, 'utf8'))
      expect([method, [400, 404, 414].includes(statusOf(answer))]).toEqual([method, true])
      expect(answer).not.toContain('secret')
    }
    expect(readFileSync(join(service.root, 'secret'), 'utf8')).toBe('secret')
  })
})

it('what is not there is said in plain words', async () => {
  expect(text(await ask('GET', 'missing'))).toEqual([404, 'text/plain; charset=utf-8', 'The record was not found.\n'])
  expect((await ask('HEAD', 'missing')).body.length).toBe(0)
})

it('says what may be done', async () => {
  const allow = 'GET, HEAD, PUT, OPTIONS'
  const options = await ask('OPTIONS', 'a')
  expect([options.status, options.headers.allow]).toEqual([204, allow])
  for (const method of ['POST', 'DELETE', 'PATCH']) {
    const { status, headers } = await ask(method, 'a')
    expect([method, status, headers.allow]).toEqual([method, 405, allow])
  }
})

it('tells who may not read, and who may not write', async () => {
  const reader = 'read-only-token-0123456789'
  const writer = 'read-write-token-0123456789'
  await using guarded = await startObjects({
    dialects: ['nx'],
    tokens: parseTokens(`read-only ${reader}\nread-write ${writer}`),
  })
  const status = async (method: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    return (await say(guarded.port, method, '/v1/cache/a', method === 'PUT' ? 'x' : undefined, headers)).status
  }
  expect([await status('GET'), await status('PUT'), await status('OPTIONS')]).toEqual([401, 401, 401])
  expect([await status('PUT', reader), await status('GET', reader)]).toEqual([403, 404])
  expect([await status('PUT', writer), await status('GET', reader), await status('PUT', writer)]).toEqual([
    200, 200, 409,
  ])
  const said = await say(guarded.port, 'GET', '/v1/cache/a')
  expect(said.body.toString()).toContain('NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN')
  expect(said.headers['www-authenticate']).toBe('Bearer realm="ringmaster"')
  await using fixed = await startObjects({ dialects: ['nx'], durability: null })
  expect((await say(fixed.port, 'PUT', '/v1/cache/a', 'x')).status).toBe(403)
})

/** What curl says of a request whose body is `input`. */
async function curl(upload: string, from: string, input: Buffer, url: string): Promise<{ stdout: string }> {
  const { execFile } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const length = ['-H', `Content-Length: ${input.length}`, '-H', 'Expect:', '-H', 'Transfer-Encoding:']
    const child = execFile(
      'curl',
      ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...length, upload, from, url],
      (error, stdout, stderr) => {
        if (error !== null && stdout === '000') reject(new Error(stderr))
        else resolve({ stdout })
      },
    )
    child.stdin?.on('error', () => undefined) // it does not read what nobody wants
    child.stdin?.end(input)
  })
}
