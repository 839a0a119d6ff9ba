// Text as a terminal shows it: how wide it is, and how it is cut to a width. Used by everything here that draws. Pure.
import stringWidth from 'string-width'
import { isPlain } from '../visible-text.ts'

/** The rest of a text that was cut off. */
const cutMark = '…'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Columns of a terminal. */
export const widthOf = (text: string): number => (isPlain(text) ? text.length : stringWidth(text))

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
