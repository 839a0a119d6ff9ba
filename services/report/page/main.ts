// Draws a report that is in the page as JSON: text and tables as elements, plots by uPlot. Nothing is ever put in as HTML: names of files may be
// anything. Bundled by build.mjs.
import UPlot from 'uplot'
import type { Report, ReportPlot, ReportSection, ReportTable } from '../model.ts'

const heightPx = 260
/** Told apart with every common colour blindness (Okabe and Ito); the first is ours. */
const strokes = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b08900', '#56b4e9', '#8a63d2', '#767b80', '#a33b20']

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  content: string | readonly Node[],
  className = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  if (className !== '') made.className = className
  if (typeof content === 'string') made.textContent = content
  else made.append(...content)
  return made
}

function withRole<Made extends HTMLElement>(made: Made, role: string): Made {
  made.setAttribute('role', role)
  return made
}

const tableRow = (cells: readonly HTMLElement[]): HTMLElement => withRole(element('tr', cells), 'row')

/** Each figure knows its column: on a narrow screen it stands beside it. The roles say what style.css then takes from the elements. */
function table({ heading, rows }: ReportTable): HTMLElement {
  const figure = (cell: string, column: number): HTMLElement => {
    const made = withRole(element('td', cell), 'cell')
    made.dataset['column'] = heading[column] ?? ''
    return made
  }
  const titles = tableRow(heading.map((cell) => withRole(element('th', cell), 'columnheader')))
  const head = withRole(element('thead', [titles]), 'rowgroup')
  const body = element(
    'tbody',
    rows.map((row) => tableRow(row.map(figure))),
  )
  return element('div', [withRole(element('table', [head, withRole(body, 'rowgroup')]), 'table')], 'figures')
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name)

function axis(label: string, format: (value: number) => string): UPlot.Axis {
  return {
    label,
    stroke: () => colour('--quiet'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    values: (_, values) => values.map((value) => (value === null ? '' : format(value))),
  }
}

function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)} M`
  return Math.abs(value) >= 1e4 ? `${+(value / 1e3).toPrecision(3)} k` : String(+value.toPrecision(3))
}

function drawPlot(plot: ReportPlot, area: HTMLElement): void {
  const { x, xTicks, series, logarithmic } = plot
  const tick = (value: number): string => (xTicks === null ? short(value) : (xTicks[x.indexOf(value)] ?? ''))
  const ofFigures = (_: UPlot, value: number | null): string => (value === null ? '–' : short(value))
  const chart = new UPlot(
    {
      width: Math.max(280, area.clientWidth),
      height: heightPx,
      scales: {
        x: { time: false },
        y: logarithmic ? { distr: 3 } : { range: (_, __, most) => [0, (most || 1) * 1.05] },
      },
      axes: [
        { ...axis(plot.xLabel, tick), ...(xTicks === null ? {} : { splits: () => [...x] }) },
        { ...axis(plot.yLabel, short), size: 64 },
      ],
      series: [
        { label: plot.xLabel, value: (_, value: number | null) => (value === null ? '–' : tick(value)) },
        ...series.map(({ name }, index) => {
          const stroke = strokes[index % strokes.length]!
          return { label: name, stroke, width: 1.5, points: { show: true, size: 6, fill: stroke }, value: ofFigures }
        }),
      ],
    },
    [[...x], ...series.map(({ values }) => [...values])],
    area,
  )
  new ResizeObserver(() => chart.setSize({ width: Math.max(280, area.clientWidth), height: heightPx })).observe(area)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.redraw())
}

function section({ title, text, tables, plots, notes }: ReportSection): HTMLElement {
  const areas = plots.map((plot) => ({ plot, area: element('div', []) }))
  const made = element('section', [
    element('h2', title),
    ...(text === '' ? [] : [element('p', text)]),
    ...tables.map(table),
    ...areas.flatMap(({ plot, area }) => [element('h3', plot.title), area]),
    ...notes.map((note) => element('p', note, 'note')),
  ])
  // uPlot needs to know how wide its place is.
  requestAnimationFrame(() => {
    for (const { plot, area } of areas) drawPlot(plot, area)
  })
  return made
}

/** As the system has it; before any plot asks to be told of a change, too, since plots take the colours that are on. */
const dark = matchMedia('(prefers-color-scheme: dark)')
function applyScheme(): void {
  document.documentElement.dataset['scheme'] = dark.matches ? 'dark' : 'light'
}
dark.addEventListener('change', applyScheme)
applyScheme()

const report = JSON.parse(document.getElementById('report')?.textContent ?? '') as Report
const facts = report.facts.flatMap(([name, value]) => [element('dt', name), element('dd', value)])
document
  .querySelector('main')
  ?.append(
    element('h1', report.title),
    element('p', report.lead, 'lead'),
    element('dl', facts),
    ...report.sections.map(section),
  )
