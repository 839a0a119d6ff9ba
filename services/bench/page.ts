// The benchmark's report as a page with plots. Called by services/cli/bench.ts for --html; pure but for the page it is drawn by.
import { reportPage } from '../report/report.ts'
import type { Report, ReportPlot, ReportSection } from '../report/model.ts'
import { cells, columns, missingLines, pacedCells, pacedColumns } from './format.ts'
import type { BenchReport, ScenarioReport } from './model.ts'
import { describeScenario, noiseText } from './verdict.ts'

export function benchPage(report: BenchReport): string {
  return reportPage(asReport(report))
}

export function asReport({
  machine,
  data,
  cache,
  rounds,
  seconds,
  scenarios,
  skipped,
  says,
  interrupted,
}: BenchReport): Report {
  return {
    title: 'ringmaster bench',
    lead: interrupted ? `Interrupted: this is what was measured until then. ${says}` : says,
    facts: [
      ['Machine', machine],
      ['Data', data],
      [
        'Page cache',
        cache === 'cached' ? 'warmed before each leg: what is measured is the software' : 'passed by (O_DIRECT)',
      ],
      ['Rounds', `${rounds} of ${seconds} s each, interleaved, each in a fresh process; medians`],
      ['Date', new Date().toISOString().slice(0, 16).replace('T', ' ')],
      ...skipped.map(({ scenario, reason }) => [`Skipped ${scenario.workload}`, reason] as const),
    ],
    sections: scenarios.map(section),
  }
}

function section(report: ScenarioReport): ReportSection {
  const { scenario, summaries, rows, says, noise } = report
  const paced = pacedCells(summaries)
  const disturbed = noiseText(noise)
  const title = describeScenario(scenario)
  return {
    title: `${title[0]!.toUpperCase()}${title.slice(1)}`,
    text: says,
    tables: [
      { heading: columns, rows: summaries.map(cells) },
      ...(paced.length === 0 ? [] : [{ heading: ['by plan', ...pacedColumns.slice(1)], rows: paced }]),
    ],
    plots: [roundsPlot(report), spectrumPlot(report)].filter(({ series }) => series.length > 0),
    notes: [
      ...missingLines(rows).map((line) => `No figure of ${line}`),
      ...(disturbed === '' ? [] : [`Meanwhile ${disturbed}.`]),
      ...summaries.filter(({ used }) => used.includes('poller')).map(({ name, used }) => `${name}: ${used}`),
    ],
  }
}

function roundsPlot({ rows }: ScenarioReport): ReportPlot {
  const shown = rows.filter(({ rounds }) => rounds.some((round) => round !== null))
  const numbers = Array.from({ length: Math.max(0, ...rows.map(({ rounds }) => rounds.length)) }, (_, at) => at + 1)
  return {
    title: 'Operations per second, by round',
    xLabel: 'round',
    yLabel: 'per second',
    x: numbers,
    xTicks: numbers.map(String),
    logarithmic: false,
    series: shown.map(({ name, rounds }) => ({
      name,
      values: numbers.map((number) => rounds[number - 1]?.operationsPerSecond ?? null),
    })),
  }
}

/** Equal steps for each further nine: tails would not be seen otherwise. */
function spectrumPlot({ summaries }: ScenarioReport): ReportPlot {
  const shown = summaries.filter(({ spectrum }) => spectrum.length > 0)
  const percentiles = (shown[0]?.spectrum ?? []).map(([percentile]) => percentile)
  return {
    title: 'Latency by percentile, closed loop',
    xLabel: 'percentile',
    yLabel: 'µs',
    x: percentiles.map((_, at) => at),
    xTicks: percentiles.map((percentile) => (percentile === 100 ? 'max' : String(percentile))),
    logarithmic: true,
    series: shown.map(({ name, spectrum }) => ({ name, values: spectrum.map(([, ns]) => Math.max(0.1, ns / 1000)) })),
  }
}
