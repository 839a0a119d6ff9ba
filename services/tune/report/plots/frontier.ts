// Every layout that was tried, by its p99 and its work: what can be had together, and where the choice lies on it. Pure. Called by page.ts.
import { describeDifference, layoutKey } from '../../layouts.ts'
import { counted } from '../../outcome.ts'
import type { Layout } from '../../types.ts'
import type { ReportedLayout, ReportedSearch } from '../model.ts'
import { time, work, workName } from '../words.ts'
import { element, line, linear, logarithmic, picture, text, tickBelow } from './svg.ts'
import type { Markup } from './svg.ts'

interface Point {
  readonly tried: ReportedLayout
  readonly p99Ns: number
  readonly work: number
}

const margin = { top: 20, right: 18, bottom: 46, left: 64 }

export function frontierPlot(search: ReportedSearch, width: number): Markup | null {
  const points = search.tried.flatMap((tried): Point[] =>
    tried.p99Ns === null || tried.workPerSecond === null || tried.p99Ns <= 0
      ? []
      : [{ tried, p99Ns: tried.p99Ns, work: tried.workPerSecond }],
  )
  if (points.length < 2) return null
  const height = Math.round(Math.min(380, width * 0.85))
  const times = [...points.map(({ p99Ns }) => p99Ns), ...(search.p99NsMax === null ? [] : [search.p99NsMax])]
  const x = logarithmic(
    Math.min(...times) / 1.25,
    Math.max(...times) * 1.25,
    margin.left,
    width - margin.right,
    width / 90,
  )
  const most = Math.max(...points.map((point) => point.work))
  const y = linear(0, most * 1.12, height - margin.bottom, margin.top)
  const [bottom, right] = [height - margin.bottom, width - margin.right]
  const marks: Markup[] = [
    ...y.ticks.flatMap((tick) => [
      line(margin.left, y(tick), right, y(tick), 'grid'),
      text(margin.left - 8, y(tick) + 4, work(tick, search.workUnit).replace('.00', ''), { class: 'tick end' }),
    ]),
    ...x.ticks.flatMap((tick) => [
      line(x(tick), margin.top, x(tick), bottom, 'grid'),
      tickBelow(x(tick), bottom + 16, time(tick).replace(/\.0+ /, ' '), width),
    ]),
    text(margin.left, 12, workName(search.workUnit), { class: 'axis' }),
    text(right, height - 8, 'p99 (logarithmic; further left is better)', { class: 'axis end' }),
  ]
  if (search.p99NsMax !== null)
    marks.push(
      line(x(search.p99NsMax), margin.top, x(search.p99NsMax), bottom, 'bound'),
      text(x(search.p99NsMax) - 5, bottom - 6, 'bound', { class: 'tick end' }),
    )
  marks.push(
    element('path', {
      class: 'frontier',
      d: pathOf(frontierOf(points).map((point) => [x(point.p99Ns), y(point.work)])),
    }),
    ...points.map((point) => mark(search, point, x(point.p99Ns), y(point.work))),
    ...labels(search, points, x, y, right),
  )
  return picture(`${workName(search.workUnit)} against p99 of ${points.length} layouts`, width, height, ...marks)
}

/** Those that no other beats in both, the shortest p99 first. */
export function frontierOf<Kind extends { readonly p99Ns: number; readonly work: number }>(
  points: readonly Kind[],
): Kind[] {
  const frontier: Kind[] = []
  for (const point of [...points].sort((a, b) => a.p99Ns - b.p99Ns || b.work - a.work))
    if (point.work > (frontier.at(-1)?.work ?? 0)) frontier.push(point)
  return frontier
}

/** In steps: between two of them nothing is known to do better. */
function pathOf(corners: readonly (readonly [number, number])[]): string {
  return corners
    .map(([x, y], at) => (at === 0 ? `M${x.toFixed(1)} ${y.toFixed(1)}` : `H${x.toFixed(1)}V${y.toFixed(1)}`))
    .join('')
}

/** A shape for each poller: colours alone do not tell everybody. */
export function pollerShape(poller: Layout['poller'], x: number, y: number, radius = 5): Markup {
  const name = `point poller-${poller}`
  const r = radius
  if (poller === 'kernel') return element('circle', { cx: x, cy: y, r, class: name })
  if (poller === 'worker') return element('rect', { x: x - r, y: y - r, width: r * 2, height: r * 2, class: name })
  const corners =
    poller === 'caller'
      ? [
          [0, -r - 1],
          [r + 1, r],
          [-r - 1, r],
        ]
      : [
          [0, -r - 1],
          [r + 1, 0],
          [0, r + 1],
          [-r - 1, 0],
        ]
  return element('polygon', {
    points: corners.map(([dx, dy]) => `${(x + dx!).toFixed(1)},${(y + dy!).toFixed(1)}`).join(' '),
    class: name,
  })
}

function mark(search: ReportedSearch, { tried, p99Ns, work: rate }: Point, x: number, y: number): Markup {
  const difference = describeDifference(tried.layout, search.used)
  const name = difference === 'the same' ? 'what is used' : difference
  const says = `${name}: ${work(rate, search.workUnit)}, p99 ${time(p99Ns)}, ${counted(tried.legs, 'leg')}; ${tried.why}`
  return element('g', {}, element('title', {}, says), pollerShape(tried.layout.poller, x, y))
}

/** Of a search that refused to choose nothing was kept: it is what there is now. */
const sideNames = {
  chosen: ['before', 'chosen'],
  kept: ['kept', 'best found'],
  refused: ['now', 'best found'],
} as const

/** The two that the report is about are named in the picture. */
function labels(
  search: ReportedSearch,
  points: readonly Point[],
  x: (value: number) => number,
  y: (value: number) => number,
  right: number,
): Markup[] {
  const [beforeName, afterName] = sideNames[search.outcome.kind]
  const named: readonly (readonly [Layout | undefined, string])[] = [
    [search.before.layout, beforeName],
    [search.after?.layout, afterName],
  ]
  return named.flatMap(([layout, name]) => {
    const point = points.find(({ tried }) => layout !== undefined && layoutKey(tried.layout) === layoutKey(layout))
    if (point === undefined) return []
    const [atX, atY] = [x(point.p99Ns), y(point.work)]
    const isNearEnd = atX > right - 80
    return [
      element('circle', { cx: atX, cy: atY, r: 10, class: 'ring' }),
      text(atX + (isNearEnd ? -14 : 14), atY - 8, name, { class: isNearEnd ? 'label end' : 'label' }),
    ]
  })
}
