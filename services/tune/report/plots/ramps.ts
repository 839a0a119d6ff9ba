// What the disk does with more and more in flight, in the machine's own limits: where the curve is flat, depth only makes requests wait. Pure. Called by page.ts.
import type { LimitRamp, LimitUnit, ReportedLimits } from '../model.ts'
import { limit } from '../words.ts'
import { element, line, linear, logarithmic, picture, text, tickBelow } from './svg.ts'
import type { Markup } from './svg.ts'

const margin = { top: 22, right: 18, bottom: 40, left: 64 }

/** One picture for each unit: bytes of the sequential ones, requests of the random ones. */
export function rampPlots({ ramps }: ReportedLimits, width: number): Markup[] {
  const units: readonly LimitUnit[] = ['bytesPerSecond', 'requestsPerSecond']
  return units.flatMap((unit) => {
    const own = ramps.filter((ramp) => ramp.unit === unit && ramp.points.length > 1)
    return own.length === 0 ? [] : [drawRamps(own, unit, width)]
  })
}

function drawRamps(ramps: readonly LimitRamp[], unit: LimitUnit, width: number): Markup {
  const height = Math.round(Math.min(260, width * 0.7))
  const points = ramps.flatMap((ramp) => ramp.points)
  const depths = [...new Set(points.map(({ depth }) => depth))].sort((a, b) => a - b)
  const [bottom, right] = [height - margin.bottom, width - margin.right]
  const x = logarithmic(depths[0]!, depths.at(-1)!, margin.left + 8, right - 8)
  const y = linear(0, Math.max(...points.map(({ perSecond }) => perSecond)) * 1.1, bottom, margin.top, 4)
  return picture(
    `${ramps.map(({ name }) => name).join(' and ')} by requests in flight`,
    width,
    height,
    text(0, 12, unit === 'bytesPerSecond' ? 'sequential, 1 MiB requests' : 'random, 4 KiB requests', { class: 'axis' }),
    text(right, height - 6, 'requests in flight (logarithmic)', { class: 'axis end' }),
    ...y.ticks.flatMap((tick) => [
      line(margin.left, y(tick), right, y(tick), 'grid'),
      text(margin.left - 8, y(tick) + 4, limit(tick, unit).replace('.00', ''), { class: 'tick end' }),
    ]),
    ...depths.map((depth) => tickBelow(x(depth), bottom + 15, String(depth), width)),
    ...ramps.flatMap((ramp) => drawRamp(ramp, unit, x, y)),
  )
}

function drawRamp(
  { name, points }: LimitRamp,
  unit: LimitUnit,
  x: (value: number) => number,
  y: (value: number) => number,
): Markup[] {
  const kind = name.includes('write') ? 'after' : 'before'
  const last = points.at(-1)!
  const corners = points.map(({ depth, perSecond }) => `${x(depth).toFixed(1)},${y(perSecond).toFixed(1)}`)
  const isWrite = kind === 'after'
  return [
    element('polyline', { points: corners.join(' '), class: `ramp ${kind}` }),
    ...points.map(({ depth, perSecond }) =>
      element(
        'circle',
        { cx: x(depth), cy: y(perSecond), r: 3.5, class: `dot ${kind}` },
        element('title', {}, `${name}, ${depth} in flight: ${limit(perSecond, unit)}`),
      ),
    ),
    text(x(last.depth), y(last.perSecond) + (isWrite ? 18 : -9), isWrite ? 'write' : 'read', { class: `label end` }),
  ]
}
