// Bearer tokens: who may read, who may write, and what files of tokens may say.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Access, parseTokens } from '../../services/blob/access.ts'
import { say, startObjects } from './objects.ts'
import { RawClient } from './raw-client.ts'

const reader = 'read-only-token-0123456789'
const writer = 'read-write-token-0123456789'
const text = `# who may do what\n\nread-only ${reader}\n  read-write\t${writer}  \n`

describe('a file of tokens', () => {
  it('keeps none of them as it is', () => {
    const tokens = parseTokens(text)
    expect(tokens.map(({ right }) => right)).toEqual(['read-only', 'read-write'])
    expect(JSON.stringify(tokens)).not.toContain(reader)
  })

  it.each([
    ['a right that is none', 'write 0123456789abcdef', /line 1 /],
    ['no token', 'read-only', /line 1/],
    ['too short a token', `read-only ${reader}\nread-only short`, /line 2/],
    ['a token with other characters', 'read-only 0123456789abcdef"', /line 1/],
    ['more than a token', 'read-only 0123456789abcdef x', /line 1/],
  ])('may not have %s, and the error does not say it', (_what, wrong, message) => {
    expect(() => parseTokens(wrong)).toThrow(message)
    expect(() => parseTokens(wrong)).not.toThrow(/0123456789abcdef/)
  })
})

describe('a token', () => {
  const access = new Access(parseTokens(text))
  const status = (authorization: string | undefined, isWrite: boolean): number => {
    try {
      access.check(authorization, isWrite)
      return 200
    } catch (error) {
      return (error as { status: number }).status
    }
  }

  it.each([
    [undefined, 401, 401],
    ['', 401, 401],
    [reader, 401, 401],
    [`Basic ${reader}`, 401, 401],
    [`Bearer ${reader}`, 200, 403],
    [`bearer   ${reader}`, 200, 403],
    [`Bearer ${writer}`, 200, 200],
    [`Bearer ${writer}x`, 401, 401],
    [`Bearer ${writer.slice(0, -1)}`, 401, 401],
    [`Bearer ${reader} ${writer}`, 401, 401],
    ['Bearer ', 401, 401],
  ])('%s reads: %d, writes: %d', (authorization, reads, writes) => {
    expect([status(authorization, false), status(authorization, true)]).toEqual([reads, writes])
  })

  it('is not asked for where there are none, and none is good where there is an empty list', () => {
    expect(() => {
      new Access(null).check(undefined, true)
    }).not.toThrow()
    expect(() => {
      new Access([]).check(`Bearer ${writer}`, false)
    }).toThrow()
  })
})

it('a service with tokens answers nobody else, and other tokens from when they are changed', async () => {
  await using service = await startObjects({ tokens: parseTokens(text) })
  writeFileSync(join(service.root, 'a'), 'content')
  const ask = async (method: string, token?: string, body?: string): Promise<number> => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    return (await say(service.port, method, '/b/a', body, headers)).status
  }
  expect([await ask('GET'), await ask('GET', reader), await ask('GET', writer)]).toEqual([401, 200, 200])
  expect([await ask('PUT', undefined, 'x'), await ask('PUT', reader, 'x')]).toEqual([401, 403])
  expect([await ask('DELETE', reader), existsSync(join(service.root, 'a'))]).toEqual([403, true])
  expect(await ask('PUT', writer, 'x')).toBe(204)
  expect((await say(service.port, 'GET', '/b/a')).headers['www-authenticate']).toBe('Bearer realm="ringmaster"')
  service.server.changeTokens(parseTokens('read-only another-token-0123456789'))
  expect([await ask('GET', reader), await ask('GET', 'another-token-0123456789')]).toEqual([401, 200])
})

describe('over the wire', () => {
  const request = (headers: string, method = 'GET', target = '/b/a'): string =>
    `${method} ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
  const stranger = 'Bearer realm="ringmaster"'
  const unknown = `${stranger}, error="invalid_token"`
  const scope = `${stranger}, error="insufficient_scope"`

  it.each<[string, string, number, string | undefined]>([
    ['no token', '', 401, stranger],
    ['an empty header', 'Authorization:\r\n', 401, stranger],
    ['the scheme alone', 'Authorization: Bearer\r\n', 401, stranger],
    ['the token alone', `Authorization: ${reader}\r\n`, 401, stranger],
    ['another scheme', `Authorization: Basic ${reader}\r\n`, 401, stranger],
    ['a tab behind the scheme', `Authorization: Bearer\t${reader}\r\n`, 401, stranger],
    ['a token nobody has', 'Authorization: Bearer 0000000000000000000\r\n', 401, unknown],
    ['a token that is cut', `Authorization: Bearer ${reader.slice(0, -1)}\r\n`, 401, unknown],
    ['a token in another case', `Authorization: Bearer ${reader.toUpperCase()}\r\n`, 401, unknown],
    ['a token in quotes', `Authorization: Bearer "${reader}"\r\n`, 401, unknown],
    ['a token with bytes above 127', `Authorization: Bearer ${reader}\xff\r\n`, 401, unknown],
    ['two tokens', `Authorization: Bearer ${reader}, Bearer ${writer}\r\n`, 401, stranger],
    ['a token of 15,000 characters', `Authorization: Bearer ${'a'.repeat(15_000)}\r\n`, 401, unknown],
    ['a token in another header', `X-Authorization: Bearer ${reader}\r\n`, 401, stranger],
    ['a token in a cookie', `Cookie: access_token=${reader}\r\n`, 401, stranger],
    ['two headers', `Authorization: Bearer ${reader}\r\nAuthorization: Bearer ${reader}\r\n`, 400, undefined],
    ['NUL in a token', `Authorization: Bearer ${reader}\0\r\n`, 400, undefined],
    ['a token', `Authorization: Bearer ${reader}\r\n`, 200, undefined],
    ['names in any case', `AUTHORIZATION: bEARER ${reader}\r\n`, 200, undefined],
    ['blanks around it', `Authorization: \t Bearer   ${reader} \t\r\n`, 200, undefined],
  ])('%s', async (_what, headers, status, challenge) => {
    await using service = await startObjects({ tokens: parseTokens(text) })
    writeFileSync(join(service.root, 'a'), 'content')
    const client = new RawClient(service.port)
    client.send(request(headers))
    const [answer] = await client.hear(1)
    expect([answer?.status, answer?.headers['www-authenticate']]).toEqual([status, challenge])
    client.close()
  })

  it('who has no token, or may only read, cannot tell what there is', async () => {
    await using service = await startObjects({ tokens: parseTokens(text) })
    writeFileSync(join(service.root, 'a'), 'content')
    const bodies = new Set<string>()
    const ask = async (headers: string, method: string, target: string): Promise<string> => {
      const client = new RawClient(service.port, method === 'HEAD')
      client.send(request(headers, method, target))
      const [answer] = await client.hear(1)
      client.close()
      bodies.add(answer!.body.toString())
      return `${answer!.status} ${answer!.headers['www-authenticate']} ${answer!.head.replace(/Date: .*\r\n/, '').length}`
    }
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST']) {
      const said = await Promise.all(
        ['/b/a', '/b/none', '/b/', '/b/../a', '/', '/x'].map((path) => ask('', method, path)),
      )
      expect(new Set(said).size).toBe(1)
      expect(said[0]).toMatch(`401 ${stranger}`)
    }
    const reads = `Authorization: Bearer ${reader}\r\nIf-Match: *\r\n`
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const said = await Promise.all(['/b/a', '/b/none', '/b/'].map((path) => ask(reads, method, path)))
      expect(new Set(said).size).toBe(1)
      expect(said[0]).toMatch(`403 ${scope}`)
    }
    expect(bodies).toEqual(new Set(['401 Unauthorized\n', '403 Forbidden\n', '']))
    expect(service.log.join('')).not.toContain(reader)
  })

  it('who may not write is told so before the upload, and what it sends all the same is not read as a request', async () => {
    await using service = await startObjects({ tokens: parseTokens(text) })
    writeFileSync(join(service.root, 'a'), 'content')
    const inner = request(`Authorization: Bearer ${writer}\r\n`, 'DELETE')
    for (const [token, status] of [
      [reader, 403],
      ['0000000000000000000', 401],
    ] as const) {
      const headers = `Authorization: Bearer ${token}\r\nExpect: 100-continue\r\nContent-Length: ${inner.length}\r\n`
      const client = new RawClient(service.port)
      client.send(request(headers, 'PUT'))
      await client.hear(1)
      client.send(inner)
      expect((await client.hear(2)).map((answer) => answer.status)).toEqual([status])
      client.close()
    }
    expect(readFileSync(join(service.root, 'a'), 'utf8')).toBe('content')
  })
})
