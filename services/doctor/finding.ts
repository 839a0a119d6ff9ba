// What a check says, and what all of them come to. Used by every check, by the table, and by `ringmaster doctor`.

/**
 * From fine to not: `ok`; `info`, worth knowing, and nothing is the matter; `unknown`, it cannot be told from here; `degraded`, it works, with
 * less or slower than it could; `broken`, what was planned cannot be had.
 */
export const verdicts = ['ok', 'info', 'unknown', 'degraded', 'broken'] as const

export type Verdict = (typeof verdicts)[number]

/** Plain data, for people and for `--json`. */
export interface Finding {
  /** `<group>.<what>`, the same from run to run. */
  readonly id: string
  readonly title: string
  readonly need: string
  readonly have: string
  readonly verdict: Verdict
  /** Why this verdict, in a sentence; what it rests on. */
  readonly why: string
  /** The command, or the line of configuration, that mends it; null where nothing is to be mended, or nobody can. */
  readonly fix: string | null
}

/** What `ringmaster doctor` ends with. Not exit.ts's: 1 and 2 say what was found. */
export const doctorExitCodes = { fine: 0, degraded: 1, broken: 2 } as const

/** The worst of them; `unknown` and `info` are no faults. */
export function overall(findings: readonly Finding[]): keyof typeof doctorExitCodes {
  if (findings.some(({ verdict }) => verdict === 'broken')) return 'broken'
  return findings.some(({ verdict }) => verdict === 'degraded') ? 'degraded' : 'fine'
}

export const groupOf = ({ id }: Finding): string => id.slice(0, id.indexOf('.'))

const sizeUnits = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
] as const

/** Bytes for people; Infinity is no limit. */
export function formatBytes(bytes: number): string {
  if (bytes === Infinity) return 'no limit'
  const unit = sizeUnits.find(([size]) => bytes >= size)
  return unit === undefined ? `${bytes} bytes` : `${Number((bytes / unit[0]).toFixed(1))} ${unit[1]}`
}
