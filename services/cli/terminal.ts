// What may be written to a stream beside text: only a terminal that moves its cursor is drawn on, the others get whole lines. Used by every command
// that shows where it is.

interface Stream {
  readonly isTTY?: boolean | undefined
}

/** What progress is shown on. */
export interface ProgressStream extends Stream {
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** A terminal whose lines can be written anew. One that cannot move its cursor (TERM=dumb: Emacs, CI with a pty) is a printer. */
export const canRedraw = ({ isTTY }: Stream): boolean =>
  isTTY === true && !['', 'dumb'].includes(process.env['TERM'] ?? '')

/** https://no-color.org: any value but the empty one. */
export const hasColor = (stream: Stream): boolean => canRedraw(stream) && (process.env['NO_COLOR'] ?? '') === ''

/** Back to the beginning of the line, which is empty then. */
export const eraseLine = '\r\u001b[K'
