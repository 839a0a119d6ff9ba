// What the smoke tests say over the serial port: one line of JSON each. Written by guest/check.ts, read by virtual-machine.ts and report.ts.

/** The kernel is up, and Node runs on it. */
export interface StartedLine {
  readonly kind: 'started'
  readonly release: string
  readonly node: string
}

/** A check is over. `seconds` is told, never judged. */
export interface CheckLine {
  readonly kind: 'check'
  /** What is looked at: the row of the table. */
  readonly area: string
  readonly name: string
  /** null: it holds. */
  readonly failure: string | null
  readonly seconds: number
}

/** Something worth knowing that cannot fail. */
export interface NoteLine {
  readonly kind: 'note'
  readonly text: string
}

/** How Node ends where a check has failed. Any other status but 0 is no end that the smoke tests have chosen. */
export const statusOfFailures = 3

/** The smoke tests have ended. */
export interface EndLine {
  readonly kind: 'end'
  readonly status: number
}

export type Line = StartedLine | CheckLine | NoteLine | EndLine

/** A line of the serial port, or null where it is something else. */
export function parseLine(text: string): Line | null {
  if (!text.startsWith('{"kind":')) return null
  try {
    return JSON.parse(text) as Line
  } catch {
    return null
  }
}
