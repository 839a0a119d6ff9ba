// The legs that decide, each a dot, with the median and its interval: whoever looks can judge alone. Pure. Called by page.ts.
import { layoutKey } from '../../layouts.ts'
import type { Estimate } from '../../statistics.ts'
import type { ReportedSearch, ReportedSide, RunLeg } from '../model.ts'
import { cpu, cpuName, time, work, workName } from '../words.ts'
import { element, line, linear, picture, text, tickBelow } from './svg.ts'
import type { Markup } from './svg.ts'

const margin = { top: 22, right: 14, bottom: 24, left: 92 }
const rowHeight = 34

interface Strip {
  readonly title: string
  readonly of: (leg: RunLeg) => number
  readonly estimate: (side: ReportedSide) => Estimate
  readonly format: (value: number) => string
}

/** The legs of a layout that its figures are from. */
export function legsOf(search: ReportedSearch, side: ReportedSide): RunLeg[] {
  const place = search.tried.findIndex(({ layout }) => layoutKey(layout) === layoutKey(side.layout))
  const own = search.legsRun.filter(({ layout }) => layout === place)
  const fresh = search.change?.from === 'confirmation' ? own.filter(({ phase }) => phase === 'confirmation') : own
  return fresh.slice(-side.workPerSecond.count)
}

export function confirmationPlots(search: ReportedSearch, width: number): Markup[] {
  const { workUnit } = search
  const strips: readonly Strip[] = [
    {
      title: `${workName(workUnit)} (more is better)`,
      of: (leg) => leg.workPerSecond,
      estimate: (side) => side.workPerSecond,
      format: (value) => work(value, workUnit),
    },
    { title: 'p99 (less is better)', of: (leg) => leg.p99Ns, estimate: (side) => side.p99Ns, format: time },
    {
      title: `${cpuName(workUnit)} (less is better)`,
      of: (leg) => leg.cpuNsPerWork,
      estimate: (side) => side.cpuNsPerWork,
      format: (value) => cpu(value, workUnit),
    },
  ]
  return strips.map((strip) => drawStrip(search, strip, width))
}

function drawStrip(search: ReportedSearch, { title, of, estimate, format }: Strip, width: number): Markup {
  const afterName = search.outcome.kind === 'chosen' ? 'after' : 'best found'
  const rows: readonly (readonly [string, ReportedSide, string])[] = [
    [search.after === null ? 'now' : 'before', search.before, 'before'],
    ...(search.after === null ? [] : [[afterName, search.after, 'after'] as const]),
  ]
  const all = rows.flatMap(([, side]) => legsOf(search, side).map(of))
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const padding = Math.max((most - least) * 0.08, most * 0.01)
  const x = linear(least - padding, most + padding, margin.left, width - margin.right, Math.max(3, width / 130))
  const height = margin.top + margin.bottom + rows.length * rowHeight
  const bottom = height - margin.bottom
  const marks: Markup[] = [
    text(0, 12, title, { class: 'axis' }),
    ...x.ticks.flatMap((tick) => [
      line(x(tick), margin.top, x(tick), bottom, 'grid'),
      tickBelow(x(tick), bottom + 15, format(tick), width),
    ]),
  ]
  for (const [row, [name, side, className]] of rows.entries()) {
    const y = margin.top + (row + 0.5) * rowHeight
    const { value, low, high } = estimate(side)
    marks.push(
      text(margin.left - 10, y + 4, name, { class: 'label end' }),
      ...legsOf(search, side).map((leg, at) =>
        element(
          'circle',
          // A little up and down, so that dots of the same value are seen to be several.
          { cx: x(of(leg)), cy: y + (((at * 7) % 5) - 2) * 2.5, r: 3.5, class: `dot ${className}` },
          element('title', {}, format(of(leg))),
        ),
      ),
      element(
        'g',
        { class: `interval ${className}` },
        element('title', {}, `${name}: ${format(value)} (${format(low)} – ${format(high)})`),
        line(x(low), y, x(high), y, 'bar'),
        line(x(low), y - 5, x(low), y + 5, 'bar'),
        line(x(high), y - 5, x(high), y + 5, 'bar'),
        line(x(value), y - 11, x(value), y + 11, 'median'),
      ),
    )
  }
  return picture(`${title}: legs before and after`, width, height, ...marks)
}
