// Figures as people read them: three digits, one unit, the interval behind it. Used by text.ts, page.ts and the plots.
import type { Estimate } from '../statistics.ts'
import type { LimitFigure, LimitUnit, ReportedMapCell, ReportedSearch } from './model.ts'

const steps: readonly (readonly [from: number, letter: string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** Three digits, and no more zeros than those. */
function short(value: number): string {
  if (!Number.isFinite(value)) return '?'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}

function scaled(value: number, unit: string): string {
  // What would be rounded up to 1000 of one unit is 1 of the next.
  const step = steps.find(([from]) => Math.abs(value) >= from * 0.9995)
  return step === undefined ? `${short(value)} ${unit}`.trim() : `${short(value / step[0])} ${step[1]}${unit}`
}

export const requests = (perSecond: number): string => `${scaled(perSecond, '')}/s`
export const bytes = (perSecond: number): string => `${scaled(perSecond, 'B')}/s`

export function time(ns: number): string {
  if (ns >= 0.9995e9) return `${short(ns / 1e9)} s`
  if (ns >= 0.9995e6) return `${short(ns / 1e6)} ms`
  return ns >= 0.9995e3 ? `${short(ns / 1e3)} µs` : `${short(ns)} ns`
}

export function work(perSecond: number, unit: ReportedSearch['workUnit']): string {
  return unit === 'bytes' ? bytes(perSecond) : requests(perSecond)
}

/** Of a byte nobody can think: of a MiB then. */
export function cpu(nsPerWork: number, unit: ReportedSearch['workUnit']): string {
  return unit === 'bytes' ? time(nsPerWork * 2 ** 20) : time(nsPerWork)
}

export const workName = (unit: ReportedSearch['workUnit']): string =>
  unit === 'bytes' ? 'bytes per second' : 'operations per second'
export const cpuName = (unit: ReportedSearch['workUnit']): string =>
  unit === 'bytes' ? 'CPU per MiB' : 'CPU per operation'

/** "412 k/s (405 – 420)": the unit is said again only where it is another; without an interval where there is none. */
export function withInterval(estimate: Estimate, format: (value: number) => string): string {
  const { value, low, high, count } = estimate
  if (count < 2 || !Number.isFinite(low) || !Number.isFinite(high)) return format(value)
  const texts = [value, low, high].map(format)
  const units = new Set(texts.map((text) => text.replace(/^[\d.]+/, '')))
  const [middle, from, to] =
    units.size > 1 ? texts : [texts[0], ...texts.slice(1).map((text) => /^[\d.]+/.exec(text)?.[0])]
  return `${middle} (${from} – ${to})`
}

const limitFormats: Readonly<Record<LimitUnit, (value: number) => string>> = {
  bytesPerSecond: bytes,
  requestsPerSecond: requests,
  ns: time,
}

export const limit = (value: number, unit: LimitUnit): string => limitFormats[unit](value)

export function limitInterval({ low, high, unit }: LimitFigure): string {
  return low === null || high === null ? '' : `${limit(low, unit)} – ${limit(high, unit)}`
}

/** "p99 0.41 ms": a cell of the disk's map as a word; of a load that was too much the time says only for how long was measured. */
export const cellTime = ({ keepsUp, p99Ns }: ReportedMapCell): string => (keepsUp ? time(p99Ns) : 'too much')

/** What was written beside. */
export const writesDone = ({ writeBytesDonePerSecond: done }: ReportedMapCell): string =>
  done === null ? 'not counted' : bytes(done)

/** "45 s", "4 min 20 s". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 90) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`
}
