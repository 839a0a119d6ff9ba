// What came of each kernel, as a table: areas × kernels, and below it every failure in full. Called by main.ts.
import { formatTable } from '../../services/bench/table.ts'
import type { CheckLine } from './lines.ts'

export interface Outcome {
  /** As asked for: '6.1'. */
  readonly kernel: string
  /** What ran; null: nothing did. */
  readonly release: string | null
  readonly checks: readonly CheckLine[]
  readonly notes: readonly string[]
  /** Why there is no whole answer. */
  readonly broken: string | null
  /** What the kernel's own log complains of. */
  readonly complaints: readonly string[]
  readonly seconds: number
}

export const passed = ({ broken, checks, complaints }: Outcome): boolean =>
  broken === null && complaints.length === 0 && checks.length > 0 && checks.every(({ failure }) => failure === null)

const cell = (checks: readonly CheckLine[]): string => {
  if (checks.length === 0) return '–'
  const failed = checks.filter(({ failure }) => failure !== null).length
  return failed === 0 ? `${checks.length} ok` : `${failed} of ${checks.length} FAILED`
}

export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const areas = [...new Set(outcomes.flatMap(({ checks }) => checks.map(({ area }) => area)))]
  const rows = areas.map((area) => [
    area,
    ...outcomes.map(({ checks }) => cell(checks.filter((check) => check.area === area))),
  ])
  const verdicts = ['all', ...outcomes.map((outcome) => (passed(outcome) ? 'passed' : 'FAILED'))]
  const times = ['time', ...outcomes.map(({ seconds }) => `${Math.round(seconds)} s`)]
  const table = formatTable(
    ['', ...outcomes.map(({ kernel, release }) => release ?? kernel)],
    [...rows, times, verdicts],
  )
  return [...table, ...outcomes.flatMap(details)].join('\n')
}

function details(outcome: Outcome): string[] {
  const { kernel, release, checks, notes, broken, complaints } = outcome
  const lines = [
    ...notes.map((text) => `  ${text}`),
    ...(broken === null ? [] : [`  broken off: ${broken}`]),
    ...checks.flatMap(({ area, name, failure }) => (failure === null ? [] : [`  ${area}: ${name}: ${failure}`])),
    ...complaints.map((line) => `  kernel: ${line}`),
  ]
  return lines.length === 0 ? [] : ['', `${release ?? kernel}:`, ...lines]
}
