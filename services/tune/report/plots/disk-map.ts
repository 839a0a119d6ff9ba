// The disk as ScyllaDB's diskplorer draws it: how long reads take (p99, and p95) for each pair of a read rate and a write bandwidth. The stronger the colour, the longer;
// what the disk could not do is hatched. The figures are in the cells: colours alone tell nobody enough. Pure. Called by page.ts.
import type { LimitFigure, ReportedMap, ReportedMapCell } from '../model.ts'
import { bytes, cellTime, requests, time, writesDone } from '../words.ts'
import { element, heats, line, onHeat, picture, text } from './svg.ts'
import type { Markup } from './svg.ts'

const margin = { top: 24, right: 8, bottom: 58, left: 62 }
const cellHeight = 44
/** As long as a p99 may be apart from the shortest to be worth a colour of its own. */
const leastSpan = Math.log(2)

const ascending = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b)

export function mapAxes({ cells }: ReportedMap): { readonly reads: number[]; readonly writes: number[] } {
  return {
    reads: ascending(cells.map(({ readsPerSecond }) => readsPerSecond)),
    writes: ascending(cells.map(({ writeBytesPerSecond }) => writeBytesPerSecond)),
  }
}

export function mapCaption({ cells, cellSeconds }: ReportedMap, figures: readonly LimitFigure[]): string {
  const isCache = figures.some(({ name, from }) => /^random read|^sequential write/.test(name) && from !== 'device')
  const tooMuch = cells.filter(({ keepsUp }) => !keepsUp).length
  return [
    `p99 of 4 KiB reads (below it p95) from when each was due, beside writes of 128 KiB; about ${short(cellSeconds)} s each.`,
    'The rates are shares of the limits above. The stronger the colour, the longer.',
    ...(tooMuch > 0
      ? [`Hatched: ${tooMuch} of ${cells.length} loads were too much, not all was done as planned.`]
      : []),
    ...(isCache ? ['A cache answers here, not the device alone.'] : []),
  ].join(' ')
}

const short = (seconds: number): string => seconds.toFixed(seconds < 1 ? 2 : 1)

export function diskMapPlot(map: ReportedMap, width: number): Markup {
  const { reads, writes } = mapAxes(map)
  const cellWidth = Math.min(110, (width - margin.left - margin.right) / writes.length)
  const bottom = margin.top + reads.length * cellHeight
  const right = margin.left + writes.length * cellWidth
  const heatOf = heatScale(map.cells)
  const marks: Markup[] = [
    text(0, 12, 'reads asked for ↑', { class: 'axis' }),
    ...reads.map((rate, row) =>
      text(margin.left - 8, bottom - (row + 0.5) * cellHeight + 4, requests(rate), { class: 'tick end' }),
    ),
    ...writes.map((rate, column) =>
      text(margin.left + (column + 0.5) * cellWidth, bottom + 16, rate === 0 ? 'none' : bytes(rate), {
        class: `tick middle${cellWidth < 60 ? ' small' : ''}`,
      }),
    ),
    text(margin.left, bottom + 34, 'written beside →', { class: 'axis' }),
    ...map.cells.flatMap((cell) => {
      const x = margin.left + writes.indexOf(cell.writeBytesPerSecond) * cellWidth
      const y = bottom - (reads.indexOf(cell.readsPerSecond) + 1) * cellHeight
      return [drawCell(cell, { x: x + 1, y: y + 1, width: cellWidth - 2, height: cellHeight - 2 }, heatOf(cell))]
    }),
  ]
  const height = bottom + margin.bottom - 16
  return picture(nameOf(map), Math.max(right + margin.right, Math.min(width, 240)), height, ...marks)
}

/** What the picture says, for who cannot see it. */
function nameOf({ cells }: ReportedMap): string {
  const within = cells.filter(({ keepsUp }) => keepsUp).sort((a, b) => a.p99Ns - b.p99Ns)
  const [shortest, longest] = [within[0], within.at(-1)]
  const name = `p99 of reads for ${cells.length} pairs of read and write rates`
  if (shortest === undefined || longest === undefined) return `${name}: all of them were too much`
  return `${name}: from ${said(shortest)} to ${said(longest)}; ${cells.length - within.length} were too much. The table below has them all`
}

const said = (cell: ReportedMapCell): string =>
  `${time(cell.p99Ns)} at ${requests(cell.readsPerSecond)} beside ${bytes(cell.writeBytesPerSecond)} written`

/** Logarithmic from the shortest p99 to the longest; null for what was too much. */
function heatScale(cells: readonly ReportedMapCell[]): (cell: ReportedMapCell) => number | null {
  const logs = cells.filter(({ keepsUp }) => keepsUp).map(({ p99Ns }) => Math.log(p99Ns))
  const least = Math.min(...logs)
  const span = Math.max(leastSpan, Math.max(...logs) - least)
  return ({ keepsUp, p99Ns }) => (keepsUp ? Math.round(((Math.log(p99Ns) - least) / span) * (heats - 1)) : null)
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function drawCell(cell: ReportedMapCell, box: Box, heat: number | null): Markup {
  const { x, y, width, height } = box
  const centre = x + width / 2
  const says = `${requests(cell.readsPerSecond)} beside ${bytes(cell.writeBytesPerSecond)} written: p50 ${time(cell.p50Ns)}, p95 ${time(cell.p95Ns)}, p99 ${time(cell.p99Ns)}; done: ${requests(cell.readsDonePerSecond)}, ${writesDone(cell)}`
  const title = element('title', {}, says)
  if (heat === null)
    return element(
      'g',
      {},
      title,
      element('rect', { ...box, rx: 3, class: 'heat-none' }),
      ...hatching(box),
      ...lines(cellTime(cell), width).map((said, at, all) =>
        text(centre, y + height / 2 + 4 + (at - (all.length - 1) / 2) * 13, said, { class: 'tick label middle' }),
      ),
    )
  const on = onHeat(heat)
  return element(
    'g',
    {},
    title,
    element('rect', { ...box, rx: 3, class: `heat-${heat}` }),
    text(centre, y + height / 2 - 1, cellTime(cell), { class: `${on} middle${width < 50 ? ' small' : ''}` }),
    text(centre, y + height / 2 + 13, time(cell.p95Ns), { class: `${on} small middle` }),
  )
}

/** A word a line where there is no room for two. */
const lines = (words: string, width: number): readonly string[] => (width < 64 ? words.split(' ') : [words])

/** A pattern by hand: one by reference (url(#…)) would need a name of its own for each picture of the page. */
function hatching({ x, y, width, height }: Box): Markup[] {
  const step = 9
  const count = Math.floor((width + height) / step)
  return Array.from({ length: count }, (_, index) => {
    const at = (index + 1) * step
    const [fromX, fromY] = at <= height ? [x, y + at] : [x + at - height, y + height]
    const [toX, toY] = at <= width ? [x + at, y] : [x + width, y + at - width]
    return line(fromX, fromY, toX, toY, 'grid')
  })
}
