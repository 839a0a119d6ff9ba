// Text as a terminal shows it: how wide it is, what must not be in it, and how it is cut to a width. Used by everything here that draws. Pure.
import stringWidth from 'string-width'

/** The rest of a text that was cut off. */
const cutMark = '…'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns of a terminal. */
export const widthOf = (text: string): number => (isPlain(text) ? text.length : stringWidth(text))

const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/**
 * What a name may not do to a terminal: control characters (escape sequences begin with one), what turns the direction of writing (marks, and letters
 * that are written from the right: terminals that know of them move the figures beside a name), line and paragraph separators, characters that are not
 * seen, accents upon nothing or in heaps, and halves of characters. They are written as JavaScript would: \x1b, \u202e.
 */
export function neutralise(text: string): string {
  return isPlain(text) ? text : text.replaceAll(dangerous, escaped)
}
/** DerivedBidiClass.txt of Unicode: blocks whose characters are R or AL unless they say otherwise. JavaScript has no property for it. */
const fromTheRight = String.raw`\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}`
const unseen = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}`
/** No writing has more than three marks upon a letter. */
const heapedMark = String.raw`(?<=^|\s|\p{M}{3})\p{M}`
const dangerous = new RegExp(`[${unseen}${fromTheRight}]|${heapedMark}`, 'gu')

/** The same of JSON's text: it means what it meant. */
export function neutraliseJson(json: string): string {
  const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`
  return isPlain(json)
    ? json
    : json.replaceAll(dangerous, (found) =>
        Array.from({ length: found.length }, (_, at) => unit(found.charCodeAt(at))).join(''),
      )
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/** The beginning of `text`, at most `width` columns of it; what is cut off is marked. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let taken = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const size = widthOf(segment)
    if (used + size > width - 1) break
    taken += segment
    used += size
  }
  return width < 1 ? '' : taken + cutMark
}

/** The end of a path tells more than its beginning. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width || width < 8) return cut(text, width)
  const head = cut(text, Math.floor(width / 3))
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment)
  let tail = ''
  let used = widthOf(head)
  for (const part of parts.reverse()) {
    used += widthOf(part)
    if (used > width) break
    tail = part + tail
  }
  return head + tail
}

/** At spaces, into lines of at most `width` columns; a word that is longer is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (widthOf(longer) <= width) line = longer
    else {
      if (line !== '') lines.push(line)
      line = cut(word, width)
    }
  }
  return [...lines, line]
}

export type Align = 'left' | 'right'

/** Exactly `width` columns. */
export function fit(text: string, width: number, align: Align = 'left'): string {
  const shown = cut(text, width)
  const blank = ' '.repeat(Math.max(0, width - widthOf(shown)))
  return align === 'left' ? shown + blank : blank + shown
}

const ascii: Readonly<Record<string, string>> = { µ: 'u', '█': '#', '░': '.', '▲': '^', '▼': 'v', '…': '~', '–': '-' }

/** For a terminal that has nothing else. As wide as before where each character is one column wide. */
export function toAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/gu, (character) => ascii[character] ?? '?'.repeat(Math.max(1, widthOf(character))))
}
