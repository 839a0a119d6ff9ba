// Bearer tokens: who may read, who may write, and what files of tokens may say.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Access, parseTokens } from '../../services/blob/access.ts'
import { say, startObjects } from './objects.ts'

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
  expect((await say(service.port, 'GET', '/b/a')).headers['www-authenticate']).toBe('Bearer')
  service.server.changeTokens(parseTokens('read-only another-token-0123456789'))
  expect([await ask('GET', reader), await ask('GET', 'another-token-0123456789')]).toEqual([401, 200])
})
