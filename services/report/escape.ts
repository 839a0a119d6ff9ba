// JSON inside a <script> element: nothing in it may end the element or begin a comment, whatever files are called. Used by report.ts.

/** The same JSON, in other words: `<`, `>`, `&` and the line separators that old scripts stumble over are written as escapes. */
export function escapeForScript(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
