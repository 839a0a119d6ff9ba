// Ranges and conditions, as they come over the wire: what is sent of a file, and what is said of it. The requests are in selection-cases.ts.
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patternBytes } from '../http/clients.ts'
import { startObjects } from './objects.ts'
import type { Objects } from './objects.ts'
import { RawClient } from './raw-client.ts'
import type { RawAnswer } from './raw-client.ts'
import { changedMs, conditionCases, rangeCases } from './selection-cases.ts'
import type { SelectionCase } from './selection-cases.ts'

const content = patternBytes(1000)
let service: Objects
let etag = ''

beforeAll(async () => {
  service = await startObjects()
  writeFileSync(join(service.root, 'file'), content)
  writeFileSync(join(service.root, 'empty'), '')
  for (const name of ['file', 'empty']) utimesSync(join(service.root, name), changedMs / 1000, changedMs / 1000)
  etag = (await answerTo({ headers: 'X: y', status: 200 })).headers['etag'] ?? ''
  expect(etag).toMatch(/^"[^"]+"$/)
})
afterAll(() => service[Symbol.asyncDispose]())

async function answerTo({ headers, method = 'GET', target = '/b/file' }: SelectionCase): Promise<RawAnswer> {
  const client = new RawClient(service.port, method === 'HEAD')
  client.send(`${method} ${target} HTTP/1.1\r\nHost: x\r\n${headers.replaceAll('ETAG', etag)}\r\n\r\n`)
  const [answer] = await client.hear(1)
  expect(client.unread.length).toBe(0)
  client.close()
  return answer!
}

/** The parts of a multipart answer, with their places. */
function partsOf({ headers, body }: RawAnswer): [number, number, string][] {
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '')![1]!
  const texts = body.toString('latin1').split(`--${boundary}`)
  expect([texts[0], texts.at(-1)]).toEqual(['', '--\r\n'])
  return texts.slice(1, -1).map((text) => {
    const [, from, to, bytes] = /^\r\n[^]*?\r\nContent-Range: bytes (\d+)-(\d+)\/1000\r\n\r\n([^]*)\r\n$/.exec(text)!
    return [Number(from), Number(to), bytes!]
  })
}

async function check(asked: SelectionCase): Promise<void> {
  const { status, method, target, parts = [] } = asked
  const answer = await answerTo(asked)
  const { headers, body } = answer
  expect(answer.status).toBe(status)
  if (status !== 404 && target === undefined) {
    expect(headers).toMatchObject({
      etag,
      'last-modified': new Date(changedMs).toUTCString(),
      'accept-ranges': 'bytes',
    })
  }
  if (status === 304) expect(headers).not.toHaveProperty('content-length')
  if (status === 416) expect(headers['content-range']).toBe(`bytes */${target === undefined ? 1000 : 0}`)
  if (status === 200) {
    expect(headers['content-length']).toBe('1000')
    expect(headers).not.toHaveProperty('content-range')
    if (method !== 'HEAD') expect(body.equals(content)).toBe(true)
  } else if (parts.length === 1) {
    const [[from, to]] = parts as [[number, number]]
    expect(headers['content-range']).toBe(`bytes ${from}-${to}/1000`)
    expect(body.equals(content.subarray(from, to + 1))).toBe(true)
  } else if (parts.length > 1) {
    expect(headers).not.toHaveProperty('content-range')
    const expected = parts.map(([from, to]) => [from, to, content.toString('latin1', from, to + 1)])
    expect(partsOf(answer)).toEqual(expected)
  }
}

const titled = (rows: readonly SelectionCase[]): [string, SelectionCase][] =>
  rows.map((row) => [
    `${row.method ?? 'GET'} ${row.target ?? ''} ${row.headers.replaceAll('\r\n', '; ').slice(0, 70)}: ${row.status}`,
    row,
  ])

describe('ranges', () => {
  it.each(titled(rangeCases))('%s', (_title, row) => check(row))
})

describe('conditions', () => {
  it.each(titled(conditionCases))('%s', (_title, row) => check(row))
})
