// A report as one HTML file: no script, no request, nothing but itself, under a policy that allows no more than its own style. Pure. Called by
// services/cli/tune.ts for --html.
import { createHash } from 'node:crypto'
import { describeDifference } from '../layouts.ts'
import { counted, signed } from '../outcome.ts'
import { blocksOf, headOf, isUsed } from './blocks.ts'
import type { Block } from './blocks.ts'
import type { ReportedLimits, ReportedSearch, TuneReport } from './model.ts'
import { confirmationPlots } from './plots/confirmation.ts'
import { diskMapPlot, mapAxes, mapCaption } from './plots/disk-map.ts'
import { frontierPlot, pollerShape } from './plots/frontier.ts'
import { heatMap } from './plots/heat-map.ts'
import { rampPlots } from './plots/ramps.ts'
import { element } from './plots/svg.ts'
import type { Content, Markup } from './plots/svg.ts'
import { style } from './style.ts'
import { bytes, cpu, cpuName, requests, time, work, workName, writesDone } from './words.ts'

/** Pixels of a plot that has the column for itself, and on a telephone. Drawn twice, so that letters are never scaled. */
const wide = 866
const halfWide = 420
const narrow = 320

const pollers = ['kernel', 'worker', 'caller', 'threadpool'] as const

export function reportPage(report: TuneReport): string {
  const [limits, choice, notChosen] = blocksOf(report)
  const [what, where] = headOf(report)
  const { search } = report
  const main = element(
    'main',
    {},
    element('h1', {}, 'ringmaster tune'),
    element('p', { class: `lead ${search?.outcome.kind ?? ''}` }, choice.says),
    element('p', { class: 'facts' }, what),
    element(
      'p',
      { class: 'facts' },
      `${where}; ${report.machine.date.slice(0, 16).replace('T', ' ')} UTC; Ringmaster ${report.machine.ringmaster}`,
    ),
    section(limits, [], limitPlots(report)),
    section({ ...choice, says: '' }, [], search === null ? [] : choicePlots(search)),
    ...(search === null ? [] : [section(notChosen, ['wrap', 'because'], []), tried(search)]),
  )
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ringmaster tune: ${report.workload}</title>
<style>${style}</style>
</head>
<body>${main.markup}</body>
</html>
`
}

function section(block: Block, tableClasses: readonly string[], plots: readonly Markup[]): Markup {
  return element(
    'section',
    {},
    element('h2', {}, block.title),
    ...(block.says === '' ? [] : [element('p', {}, block.says)]),
    ...(block.rows.length === 0 ? [] : [table(block.title, block.heading, block.rows, tableClasses)]),
    ...block.warnings.map((warning) => element('p', { class: 'warning' }, `⚠ ${warning}`)),
    ...block.notes.map((note) => element('p', { class: 'note' }, note)),
    ...plots,
  )
}

/** It scrolls where it does not fit; by keys, too. */
function table(
  name: string,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  classes: readonly string[],
  marked = -1,
): Markup {
  // On a narrow window a row is a block, and each cell is told by its column (style.ts).
  const named = (column: number): { 'data-column'?: string } =>
    column === 0 || (heading[column] ?? '') === '' ? {} : { 'data-column': heading[column]! }
  const cells = (kind: 'th' | 'td', row: readonly string[]): Markup[] =>
    row.map((cell, column) => element(kind, kind === 'td' ? named(column) : {}, cell))
  const body = rows.map((row, at) => element('tr', at === marked ? { class: 'is-used' } : {}, ...cells('td', row)))
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name },
    element(
      'table',
      classes.length === 0 ? {} : { class: classes.join(' ') },
      element('thead', {}, element('tr', {}, ...cells('th', heading))),
      element('tbody', {}, ...body),
    ),
  )
}

/** The same picture for wide and for narrow windows; the style sheet shows one of them. */
function figure(title: string, caption: string, draw: (width: number) => readonly Markup[], width = wide): Markup[] {
  const drawn = draw(width)
  if (drawn.length === 0) return []
  return [
    element('h3', {}, title),
    element(
      'figure',
      {},
      element('figcaption', {}, caption),
      element('div', { class: 'wide' }, ...drawn),
      element('div', { class: 'narrow' }, ...draw(narrow)),
    ),
  ]
}

function limitPlots({ limits }: TuneReport): Markup[] {
  if (limits === null) return []
  const caption = 'Where a curve is flat, more in flight only makes each request wait. Of the last run.'
  const ramps = figure('Rate by requests in flight', caption, (width) => rampPlots(limits, width), halfWide)
  return [...ramps, ...mapFigure(limits)]
}

const mapTitle = 'How long reads take beside writes'

/** The picture, and the same as a table for who cannot see it. */
function mapFigure({ map, figures }: ReportedLimits): Markup[] {
  if (map === null) return []
  const { writes } = mapAxes(map)
  const heading = ['written beside', 'done', 'reads asked for', 'done', 'p50', 'p95', 'p99', '']
  const rows = map.cells.map((cell) => [
    bytes(cell.writeBytesPerSecond),
    writesDone(cell),
    requests(cell.readsPerSecond),
    requests(cell.readsDonePerSecond),
    ...[cell.p50Ns, cell.p95Ns, cell.p99Ns].map(time),
    cell.keepsUp ? '' : 'too much: not done as planned',
  ])
  return [
    ...figure(mapTitle, mapCaption(map, figures), (width) => [diskMapPlot(map, width)]),
    element(
      'details',
      {},
      element(
        'summary',
        {},
        `The same as a table: ${counted(rows.length, 'load')}, ${counted(writes.length, 'rate')} of writes`,
      ),
      table(mapTitle, heading, rows, []),
    ),
  ]
}

function choicePlots(search: ReportedSearch): Markup[] {
  const { change } = search
  const title = change?.from === 'confirmation' ? 'The confirmation, leg by leg' : 'Leg by leg'
  const of =
    change === null
      ? 'Legs of the layout that stays.'
      : change.from === 'confirmation'
        ? `${counted(change.rounds, 'fresh leg')} of each, in shuffled order.`
        : 'Legs of the search: nothing was confirmed.'
  const caption = `${of} Each dot is a leg; the bars are the median and its 95 % interval. The scales do not begin at 0.`
  return figure(title, caption, (width) => confirmationPlots(search, width))
}

const some = (plot: Markup | null): Markup[] => (plot === null ? [] : [plot])

/** Every layout: in two pictures, and whole in a table. */
function tried(search: ReportedSearch): Markup {
  const { workUnit } = search
  const legend = element(
    'div',
    { class: 'legend' },
    ...pollers.map((poller) =>
      element(
        'span',
        {},
        element('svg', { width: 14, height: 14, 'aria-hidden': 'true' }, pollerShape(poller, 7, 7)),
        poller,
      ),
    ),
  )
  const rows = search.tried.map((each) => [
    describeDifference(each.layout, search.used).replace(/^the same$/, 'what is used'),
    each.workPerSecond === null ? '–' : work(each.workPerSecond, workUnit),
    each.against === null ? '–' : signed(each.against),
    each.p99Ns === null ? '–' : time(each.p99Ns),
    each.cpuNsPerWork === null ? '–' : cpu(each.cpuNsPerWork, workUnit),
    String(each.legs),
    each.why,
  ])
  const heading = [
    'how it differs from what is used',
    workName(workUnit),
    'against it',
    'p99',
    cpuName(workUnit),
    'legs',
    'why',
  ]
  const used = search.tried.findIndex(({ layout }) => isUsed(search, layout))
  const frontier = figure(
    'Throughput against latency',
    [
      'Medians of every layout that was tried. Nothing that was tried lies above the line, which joins those that no other beats in both.',
      ...(search.change?.from === 'confirmation'
        ? ['The two in rings have the figures of the confirmation, all others those of the search.']
        : []),
      'They were not all measured at the same time; the tables compare what was. Point at one for its figures.',
    ].join(' '),
    (width) => some(frontierPlot(search, width)),
  )
  const heat = figure(
    'Depth and rings',
    'Of each pair the best layout that had it, as a share of the work of what is used (framed). By the legs of the search, but for what was confirmed. Empty: not tried, the search goes where it gains.',
    (width) => some(heatMap(search, width)),
  )
  const content: readonly Content[] = [
    element('h2', {}, 'What was tried'),
    element('p', {}, `${counted(search.tried.length, 'layout')} in ${counted(search.legs, 'leg')}.`),
    ...frontier,
    ...(frontier.length === 0 ? [] : [legend]),
    ...heat,
    element(
      'details',
      {},
      element('summary', {}, search.tried.length === 1 ? 'The only layout' : `All ${search.tried.length} layouts`),
      table('All layouts', heading, rows, ['wrap', 'all'], used),
    ),
  ]
  return element('section', {}, ...content)
}
