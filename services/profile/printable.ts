// What a profile's own text may not do to whoever reads a message about it. Used by file.ts and load.ts.

/** Control characters (escape sequences begin with one), what is not seen or turns the direction of writing, and ends of lines, as JavaScript writes them. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`)
}
