// One proof: what was claimed, whether it held, and the figures. Made by evidence/*, printed by evidence.ts.

export interface Verdict {
  readonly claim: string
  readonly holds: boolean
  /** One line; the figures that decide. */
  readonly figures: string
  /** Further lines for whoever wants to know why. */
  readonly details: readonly string[]
}

export function formatVerdict({ claim, holds, figures, details }: Verdict): string {
  return [`${holds ? 'PASS' : 'FAIL'}  ${claim}: ${figures}`, ...details.map((line) => `      ${line}`)].join('\n')
}
