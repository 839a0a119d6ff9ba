// Text of others (names of files, profiles, what a daemon says) as it may be shown: nothing in it moves a cursor, turns the direction of writing or goes
// unseen. One way for all that is printed. Used by commands, reports and errors. Pure.

export const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

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

/** Of a text of several lines: their ends are meant. */
export const neutraliseLines = (text: string): string => text.split('\n').map(neutralise).join('\n')

/** JSON for programs, a value a line, that does nothing to the terminal of who looks at it. */
export const jsonLines = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).split('\n').map(neutraliseJson).join('\n')}\n`
