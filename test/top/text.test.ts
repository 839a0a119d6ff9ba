// Text as a terminal shows it: nothing in a name may do anything to it, and every cell is as wide as it says.
import { describe, expect, it } from 'vitest'
import { cut, cutMiddle, fit, toAscii, widthOf, wrap } from '../../services/top/text.ts'
import { neutralise, neutraliseJson } from '../../services/visible-text.ts'

describe('neutralise', () => {
  it.each([
    ['plain.txt', 'plain.txt'],
    ['日本語-ß-é.iso', '日本語-ß-é.iso'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['a\nb\rc\td', 'a\\x0ab\\x0dc\\x09d'],
    ['\u009b31m', '\\x9b31m'],
    ['gpj.\u202eexe', 'gpj.\\u202eexe'],
    ['zero\u200bwidth', 'zero\\u200bwidth'],
    ['line\u2028separator', 'line\\u2028separator'],
    ['half\ud800', 'half\\ud800'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    // Written from the right: a terminal that knows of it would move the figures beside the name.
    ['\u05e9\u05dc.txt', '\\u05e9\\u05dc.txt'],
    ['\u0645\u0661\ufe8e', '\\u0645\\u0661\\ufe8e'],
    ['\u{1e900}', '\\u{1e900}'],
    // Letters and marks that nobody sees.
    ['a\u034fb\u3164\ufe0f', 'a\\u034fb\\u3164\\ufe0f'],
    // Marks belong to a letter, and are not many.
    ['\u0301a', '\\u0301a'],
    ['e\u0301.txt', 'e\u0301.txt'],
    [`a${'\u0301'.repeat(5)}`, `a${'\u0301'.repeat(3)}\\u0301\\u0301`],
    [
      '\u0e01\u0e33\u0e25\u0e31\u0e07 \u0939\u093f\u0928\u094d\u0926\u0940',
      '\u0e01\u0e33\u0e25\u0e31\u0e07 \u0939\u093f\u0928\u094d\u0926\u0940',
    ],
  ])('%j', (name, shown) => {
    expect(neutralise(name)).toBe(shown)
  })

  it('of every byte that a terminal acts upon nothing is left', () => {
    const all = String.fromCharCode(...Array.from({ length: 0xa0 }, (_, code) => code))
    expect(neutralise(all)).toMatch(/^[\x20-\x7e]+$/)
  })

  it('JSON means what it meant', () => {
    const names = ['a\u001b[2J', 'b\u009b\u202e', 'tag\u{e0041}', 'ß日']
    const text = neutraliseJson(JSON.stringify(names))
    expect(JSON.parse(text)).toEqual(names)
    expect(text).toMatch(/^[\x20-\x7eß日]+$/)
  })
})

describe('cells', () => {
  it.each([
    ['日本語', 6],
    ['e\u0301', 1],
    ['👍', 2],
    ['██░░', 4],
    ['12.3µs', 6],
  ])('%s is %i columns wide', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  it('are cut at whole characters, and the cut is marked', () => {
    expect(cut('日本語', 4)).toBe('日…')
    expect(cut('abc', 3)).toBe('abc')
    expect(cut('abcd', 3)).toBe('ab…')
    expect(cut('abc', 0)).toBe('')
    expect(cutMiddle('some/long/path/to/a/file.bin', 16)).toBe('some…/a/file.bin')
  })

  it('long texts are wrapped at spaces', () => {
    expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four'])
    expect(wrap('', 5)).toEqual([''])
    expect(wrap('a longerword b', 6)).toEqual(['a', 'longe…', 'b'])
  })

  it('are exactly as wide as asked, whatever is in them', () => {
    const texts = [
      '',
      'a',
      'a much longer text',
      '日本語日本語日本語',
      '👍👍👍👍',
      'e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301',
    ]
    for (const text of texts)
      for (let width = 0; width < 20; width++) {
        expect(widthOf(fit(text, width)), `${text} in ${width}`).toBe(width)
        expect(widthOf(fit(text, width, 'right'))).toBe(width)
        expect(widthOf(cutMiddle(text, width))).toBeLessThanOrEqual(width)
      }
  })

  it('are as wide without other characters than ASCII', () => {
    const text = '█░ 12.3µs ▼▲ … – 日本 e'
    expect(toAscii(text)).toBe('#. 12.3us v^ ~ - ???? e')
    expect(widthOf(toAscii(text))).toBe(widthOf(text))
  })
})
