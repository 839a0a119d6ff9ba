// The benchmark's report as text, for people and logs. Called by services/cli/bench.ts; pure.
import type { Spread } from '../measure/statistics.ts'
import type { BenchReport, RowRounds, RowSummary, ScenarioReport } from './model.ts'
import { formatTable } from './table.ts'
import { describeScenario, noiseText } from './verdict.ts'

export const columns: readonly string[] = [
  '',
  'per second',
  'spread',
  '× fs.promises',
  'MB/s',
  'p50 µs',
  'p99 µs',
  'CPU µs',
]

export const count = (value: number): string => {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0)
}

export const micros = (ns: number): string => (ns >= 1e4 ? (ns / 1000).toFixed(0) : (ns / 1000).toPrecision(2))

const percent = ({ median, min, max }: Spread): string => {
  const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value * 100).toFixed(0)}`
  return `${signed(min / median - 1)} ${signed(max / median - 1)} %`
}

export function cells(row: RowSummary): string[] {
  const { ratio } = row
  return [
    row.name,
    count(row.perSecond.median),
    percent(row.perSecond),
    ratio === null ? '1' : ratio.conclusive ? ratio.ratio.toFixed(2) : `? ${ratio.ratio.toFixed(2)}`,
    (row.bytesPerSecond / 1e6).toFixed(0),
    micros(row.p50Ns),
    micros(row.p99Ns),
    micros(row.cpuNsPerOperation),
  ]
}

/** Rows that have no figure, or fewer than there were rounds: why. */
export const missingLines = (rows: readonly RowRounds[]): string[] =>
  rows.flatMap(({ name, missing }) => [...new Set(missing)].map((reason) => `${name}: ${reason}`))

export const pacedColumns: readonly string[] = ['', 'asked', 'done', 'p50 µs', 'p99 µs', 'p99.9 µs']

/** With --rate: a row of `pacedColumns` for each row that has such a window. */
export function pacedCells(summaries: readonly RowSummary[]): string[][] {
  return summaries.flatMap(({ name, paced }) =>
    paced === null
      ? []
      : [
          [
            name,
            count(paced.offeredPerSecond),
            count(paced.achievedPerSecond),
            micros(paced.p50Ns),
            micros(paced.p99Ns),
            micros(paced.p999Ns),
          ],
        ],
  )
}

function formatScenario(report: ScenarioReport): string[] {
  const { scenario, summaries, rows, says, noise } = report
  const paced = pacedCells(summaries)
  const disturbed = noiseText(noise)
  return [
    describeScenario(scenario),
    '',
    ...formatTable(columns, summaries.map(cells)),
    ...(paced.length === 0 ? [] : ['', '  by plan, from the intended start:', ...formatTable(pacedColumns, paced)]),
    ...missingLines(rows).map((line) => `  no figure of ${line}`),
    ...(disturbed === '' ? [] : [`  meanwhile ${disturbed}`]),
    '',
    `  ${says}`,
    '',
  ]
}

export function formatReport(report: BenchReport): string {
  const { machine, data, cache, rounds, seconds, scenarios, skipped, says } = report
  const how = cache === 'cached' ? 'from the page cache' : 'with O_DIRECT'
  return [
    machine,
    `${data}, ${how}; ${rounds} round${rounds === 1 ? '' : 's'} of ${seconds} s`,
    '',
    ...scenarios.flatMap(formatScenario),
    ...skipped.map(({ scenario, reason }) => `skipped ${describeScenario(scenario)}: ${reason}`),
    ...(skipped.length === 0 ? [] : ['']),
    says,
    '',
  ].join('\n')
}
