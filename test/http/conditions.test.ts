// Conditional requests as a table: RFC 9110 section 13, with its precedence.
import { describe, expect, it } from 'vitest'
import { evaluateConditions, ifRangeHolds } from '../../services/http/conditions.ts'
import { formatHttpDate, parseHttpDateMs } from '../../services/http/http-date.ts'
import { validatorsOf } from '../../services/http/validators.ts'

const changedMs = Date.UTC(1994, 10, 6, 8, 49, 37, 250)
const facts = { ino: 7, size: 100, mtimeMs: changedMs, ctimeMs: changedMs }
const settled = validatorsOf(facts, changedMs + 1_000, 1_000)
const fresh = validatorsOf(facts, changedMs + 999, 1_000)
const { etag } = settled
const at = formatHttpDate(changedMs)
const before = formatHttpDate(changedMs - 1_000)
const after = formatHttpDate(changedMs + 1_000)

describe('conditions of a GET for a file that exists', () => {
  it.each([
    ['none', {}, 'proceed'],
    ['If-None-Match with its tag', { 'if-none-match': etag }, 'not-modified'],
    ['If-None-Match with its tag, weak', { 'if-none-match': `W/${etag}` }, 'not-modified'],
    ['If-None-Match with its tag among others', { 'if-none-match': `"x",  ${etag}, "y"` }, 'not-modified'],
    ['If-None-Match with another tag', { 'if-none-match': '"x"' }, 'proceed'],
    ['If-None-Match *', { 'if-none-match': '*' }, 'not-modified'],
    ['If-None-Match without quotes', { 'if-none-match': etag.slice(1, -1) }, 'proceed'],
    ['If-Modified-Since, same second', { 'if-modified-since': at }, 'not-modified'],
    ['If-Modified-Since, later', { 'if-modified-since': after }, 'not-modified'],
    ['If-Modified-Since, earlier', { 'if-modified-since': before }, 'proceed'],
    ['If-Modified-Since, no date', { 'if-modified-since': '2099' }, 'proceed'],
    ['If-None-Match wins over If-Modified-Since', { 'if-none-match': '"x"', 'if-modified-since': after }, 'proceed'],
    ['no-cache changes nothing', { 'if-none-match': etag, 'cache-control': 'no-cache' }, 'not-modified'],
    ['If-Match with its tag', { 'if-match': etag }, 'proceed'],
    ['If-Match with its tag among others', { 'if-match': `"x", ${etag}` }, 'proceed'],
    ['If-Match *', { 'if-match': '*' }, 'proceed'],
    ['If-Match with another tag', { 'if-match': '"x"' }, 'precondition-failed'],
    ['If-Match with its tag, weak', { 'if-match': `W/${etag}` }, 'precondition-failed'],
    ['If-Unmodified-Since, same second', { 'if-unmodified-since': at }, 'proceed'],
    ['If-Unmodified-Since, earlier', { 'if-unmodified-since': before }, 'precondition-failed'],
    ['If-Unmodified-Since, no date', { 'if-unmodified-since': 'yesterday' }, 'proceed'],
    ['If-Match wins over If-Unmodified-Since', { 'if-match': etag, 'if-unmodified-since': before }, 'proceed'],
    ['If-Match fails before If-None-Match', { 'if-match': '"x"', 'if-none-match': etag }, 'precondition-failed'],
    ['If-Match holds, If-None-Match decides', { 'if-match': etag, 'if-none-match': etag }, 'not-modified'],
  ])('%s', (_title, headers, outcome) => {
    expect(evaluateConditions(headers, settled)).toBe(outcome)
  })

  it.each([
    ['If-None-Match with its weak tag', { 'if-none-match': fresh.etag }, 'not-modified'],
    ['If-None-Match with the strong tag it will have', { 'if-none-match': etag }, 'not-modified'],
    ['If-Match with its weak tag', { 'if-match': fresh.etag }, 'precondition-failed'],
    ['If-Match *', { 'if-match': '*' }, 'proceed'],
  ])('just changed: %s', (_title, headers, outcome) => {
    expect(evaluateConditions(headers, fresh)).toBe(outcome)
  })
})

describe('If-Range', () => {
  it.each([
    [undefined, true],
    [etag, true],
    ['"x"', false],
    [`W/${etag}`, false],
    [at, true],
    [before, false],
    [after, false],
    ['garbage', false],
  ])('%s', (header, holds) => {
    expect(ifRangeHolds(header, settled)).toBe(holds)
  })

  it.each([fresh.etag, etag, at])('just changed: %s does not hold', (header) => {
    expect(ifRangeHolds(header, fresh)).toBe(false)
  })
})

describe('validators', () => {
  it('are strong when the file has rested, and weak before', () => {
    expect(etag).toMatch(/^"[0-9a-f-]+"$/)
    expect(fresh.etag).toBe(`W/${etag}`)
  })

  it.each([
    ['another inode', { ino: 8 }],
    ['another size', { size: 101 }],
    ['another mtime', { mtimeMs: changedMs - 1 }],
    ['another ctime, mtime set back', { ctimeMs: changedMs + 0.25 }],
  ])('differ with %s', (_title, change) => {
    expect(validatorsOf({ ...facts, ...change }, changedMs + 5_000, 1_000).etag).not.toBe(etag)
  })

  it('never date a file into the future', () => {
    const future = { ...facts, mtimeMs: changedMs + 1e15 }
    expect(validatorsOf(future, changedMs, 0).lastModified).toBe(at)
  })
})

describe('HTTP dates', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    '%s is one',
    (text) => {
      expect(parseHttpDateMs(text)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    },
  )

  it.each(['', '1994', '1994-11-06T08:49:37Z', 'Sun, 06 Nov 1994 08:49:37', 'Sun, 06 Nov 1994 08:49:37 CET', '0'])(
    '%j is none',
    (text) => {
      expect(parseHttpDateMs(text)).toBeUndefined()
    },
  )
})
