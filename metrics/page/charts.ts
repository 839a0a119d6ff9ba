// The two charts, by uPlot: operations a second in layers, and system calls made against avoided. Fed by main.ts once a second at most.

import UPlot from 'uplot'
import { blend, type ColourScheme } from './colours.ts'
import { allOf, busiest, grown, stacked } from './busiest.ts'
import { callsOf } from './calls.ts'
import { short } from './format.ts'
import { isGap, seriesMs } from './history.ts'
import { lookOf, type Family } from './operations.ts'
import type { LiveFrame } from '../live-protocol.ts'

const heightPx = 190
/** Rates are of the time between frames that are so far apart. */
const rateMs = 800

interface Line {
  readonly label: string
  readonly stroke: () => string
  readonly dash?: number[]
  /** The area below it, down to the axis: what comes after it is drawn over it. */
  readonly fill?: () => string
  /** What the legend says of it, where that is not where the line is. */
  readonly own?: readonly (number | null)[]
}

class Chart {
  private plot: UPlot | null = null
  private key = ''
  private own: readonly (readonly (number | null | undefined)[])[] = []
  private readonly area: HTMLElement
  private readonly scheme: ColourScheme

  constructor(area: HTMLElement, scheme: ColourScheme) {
    this.area = area
    this.scheme = scheme
    new ResizeObserver(() => this.plot?.setSize({ width: area.clientWidth, height: heightPx })).observe(area)
    scheme.onChange(() => this.plot?.redraw())
  }

  show(lines: readonly Line[], data: UPlot.AlignedData): void {
    // The legend takes its colours once.
    const key = [this.scheme.scheme, ...lines.map(({ label }) => label)].join()
    this.own = lines.map(({ own }, index) => own ?? [...data[index + 1]!])
    if (this.plot === null || key !== this.key) {
      this.plot?.destroy()
      this.key = key
      this.plot = new UPlot(this.options(lines), data, this.area)
      return
    }
    this.plot.setData(data)
  }

  private options(lines: readonly Line[]): UPlot.Options {
    const { scheme } = this
    const axis: UPlot.Axis = {
      stroke: () => scheme.colours.quiet,
      font: '11px system-ui, sans-serif',
      grid: { stroke: () => scheme.colours.line, width: 1 },
      ticks: { show: false },
    }
    return {
      width: this.area.clientWidth,
      height: heightPx,
      padding: [8, 16, 0, 0],
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: [-seriesMs / 1000, 0] },
        y: { range: (_, __, most) => [0, Math.max(10, most * 1.08)] },
      },
      axes: [
        { ...axis, size: 24, values: (_, values) => values.map((value) => (value === 0 ? 'now' : `${-value} s ago`)) },
        { ...axis, size: 48, values: (_, values) => values.map((value) => short(value)) },
      ],
      series: [
        { label: 'time', value: (_, value) => (value === null ? '–' : `${(-value).toFixed(1)} s ago`) },
        ...lines.map(({ label, stroke, dash, fill }): UPlot.Series => ({
          label,
          stroke,
          width: fill === undefined ? 2 : 1,
          points: { show: false },
          value: (_, __, line, point) => this.figure(line - 1, point),
          ...(dash === undefined ? {} : { dash }),
          ...(fill === undefined ? {} : { fill }),
        })),
      ],
    }
  }

  /** Of the moment that is pointed at, or else of now. */
  private figure(line: number, point: number | null | undefined): string {
    const value = this.own[line]?.at(point ?? -1)
    return value === null || value === undefined ? '–' : `${short(value)}/s`
  }
}

interface LayerColour {
  readonly family: Family
  /** How often the family was there before: each time it is paler. */
  readonly paler: number
}

/** A colour means one family all over the page: operations of one family differ by how pale they are. */
function coloursOf(ops: readonly number[]): LayerColour[] {
  const seen = new Map<Family, number>()
  return [...ops.map((op) => lookOf(op).family), 'other' as const].map((family) => {
    const paler = seen.get(family) ?? 0
    seen.set(family, paler + 1)
    return { family, paler }
  })
}

const layerColour = ({ colours }: ColourScheme, { family, paler }: LayerColour): string =>
  blend(colours.families[family], colours.card, 1 - 0.6 ** paler)

export class Charts {
  private readonly throughput: Chart
  private readonly calls: Chart
  private readonly scheme: ColourScheme
  /** Those with a layer of their own. */
  private ops: readonly number[] = []

  constructor(throughput: HTMLElement, calls: HTMLElement, scheme: ColourScheme) {
    this.scheme = scheme
    this.throughput = new Chart(throughput, scheme)
    this.calls = new Chart(calls, scheme)
  }

  /** `frames`: of a minute, the oldest first. */
  show(frames: readonly LiveFrame[]): void {
    const last = frames.at(-1)
    if (last === undefined) return
    // Null: there was a gap, and no line leads over it.
    const points: [LiveFrame, LiveFrame | null][] = []
    let from = 0
    for (const [index, frame] of frames.entries()) {
      const before = frames[index - 1]
      if (before !== undefined && isGap(before, frame)) {
        points.push([before, null])
        from = index
      }
      while (frames[from + 1] !== undefined && frame.atMs - frames[from + 1]!.atMs >= rateMs) from++
      if (frame.atMs - frames[from]!.atMs >= rateMs / 4) points.push([frames[from]!, frame])
    }
    const times = points.map(([first, frame]) => ((frame?.atMs ?? first.atMs + 1) - last.atMs) / 1000)
    const rates = (of: (first: LiveFrame, frame: LiveFrame) => number): (number | null)[] =>
      points.map(([first, frame]) => (frame === null ? null : of(first, frame) / ((frame.atMs - first.atMs) / 1000)))

    const ops = (this.ops = busiest(frames[0]!, last, this.ops))
    const sums = new Map(frames.map((frame) => [frame, allOf(frame)]))
    const colours = coloursOf(ops)
    const layers = [
      ...ops.map((op) => rates((one, two) => grown(one, two, op))),
      rates((one, two) => {
        const own = ops.reduce((sum, op) => sum + grown(one, two, op), 0)
        return Math.max(0, sums.get(two)! - sums.get(one)! - own)
      }),
    ]
    const tops = stacked(layers)
    const { scheme } = this
    this.throughput.show(
      [
        ...layers.map((own, index) => ({
          label: ops[index] === undefined ? 'other' : lookOf(ops[index]).name,
          stroke: () => scheme.colours.card,
          fill: () => layerColour(scheme, colours[index]!),
          own,
        })),
        { label: 'all', stroke: () => scheme.colours.text },
      ],
      [times, ...tops, tops[0]!],
    )
    this.calls.show(
      [
        { label: 'avoided', stroke: () => this.scheme.colours.families.path },
        { label: 'made', stroke: () => this.scheme.colours.families.write, dash: [8, 4] },
      ],
      [
        times,
        rates((first, frame) => callsOf({ first, last: frame }).avoided),
        rates((first, frame) => callsOf({ first, last: frame }).made),
      ],
    )
  }
}
