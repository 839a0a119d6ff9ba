// The benchmark's report as text, for people and logs. Called by services/cli/bench.ts; pure.
import type { Spread } from '../measure/statistics.ts'
import type { BenchReport, RowRound, RowRounds, RowSummary, ScenarioReport } from './model.ts'
import { jsonLines, neutralise } from '../visible-text.ts'
import { wrap } from '../top/text.ts'
import { formatTable } from './table.ts'
import { describeScenario, noiseText } from './verdict.ts'

export const columns: readonly string[] = ['', 'per s', 'spread', '× fs.promises', 'MB/s', 'p50 µs', 'p99 µs', 'CPU µs']

export const count = (value: number): string => {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0)
}

export const micros = (ns: number): string => (ns >= 1e4 ? (ns / 1000).toFixed(0) : (ns / 1000).toPrecision(2))

const percent = ({ median, min, max }: Spread, rounds: number): string => {
  if (rounds < 2) return ''
  const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value * 100).toFixed(0)}`
  return `${signed(min / median - 1)} ${signed(max / median - 1)} %`
}

export function cells(row: RowSummary): string[] {
  const { ratio } = row
  return [
    row.name,
    count(row.perSecond.median),
    percent(row.perSecond, row.rounds),
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

/** `verbose`: a line for people who want to see each round come. */
export const roundLine = (label: string, round: RowRound | null): string =>
  round === null
    ? `${label}: no figure`
    : `${label}: ${count(round.operationsPerSecond)} per s, p50 ${micros(round.p50Ns)} µs, p99 ${micros(round.p99Ns)} µs, CPU ${micros(round.cpuNsPerOperation)} µs (${round.used})`

function formatScenario(report: ScenarioReport, sentences: Sentences): string[] {
  const { scenario, summaries, rows, says, noise } = report
  const paced = pacedCells(summaries)
  const disturbed = noiseText(noise)
  return [
    describeScenario(scenario),
    '',
    ...(summaries.length === 0 ? [] : formatTable(columns, summaries.map(cells))),
    ...(paced.length === 0 ? [] : ['', '  by plan, from the intended start:', ...formatTable(pacedColumns, paced)]),
    ...missingLines(rows).flatMap((line) => sentences(`no figure of ${line}`, '  ')),
    ...(disturbed === '' ? [] : [`  meanwhile ${disturbed}`]),
    '',
    ...sentences(says, '  '),
    '',
  ]
}

type Sentences = (text: string, indent: string) => string[]

/** `width`: of the terminal, so that words are not torn; null: it is none, and a sentence is a line. */
export function formatReport(report: BenchReport, width: number | null): string {
  const { machine, data, cache, rounds, seconds, scenarios, skipped } = report
  const how = cache === 'cached' ? 'from the page cache' : 'with O_DIRECT'
  const sentences: Sentences = (text, indent) =>
    width === null ? [indent + text] : wrap(text, width - indent.length).map((line) => indent + line)
  return [
    machine,
    ...sentences(data, ''),
    `${how}; ${rounds} round${rounds === 1 ? '' : 's'} of ${seconds} s${rounds === 1 ? '' : '; a ratio is the median of the rounds’ own'}`,
    '',
    ...scenarios.flatMap((scenario) => formatScenario(scenario, sentences)),
    ...skipped.flatMap(({ scenario, reason }) => sentences(`skipped ${describeScenario(scenario)}: ${reason}`, '')),
    ...(skipped.length === 0 ? [] : ['']),
    ...sentences(conclusion(report), ''),
    '',
  ]
    .map(neutralise)
    .join('\n')
}

const conclusion = ({ interrupted, says }: BenchReport): string =>
  interrupted ? `Interrupted: this is what was measured until then. ${says}` : says

/** What it means, without figures in tables. */
export function formatSentences(report: BenchReport): string {
  const { scenarios, skipped } = report
  return [
    ...scenarios.map(({ says }) => says),
    ...skipped.map(({ scenario, reason }) => `Skipped ${describeScenario(scenario)}: ${reason}`),
    conclusion(report),
    '',
  ]
    .map(neutralise)
    .join('\n')
}

/** For programs, and for whoever looks at it in a terminal: what files are called does nothing to that. */
export const formatJson = (report: BenchReport): string => jsonLines(report)
