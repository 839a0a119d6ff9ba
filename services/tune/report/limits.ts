// The machine's limits as they are reported: several runs put together, and whose figures they are. Pure. Called by build.ts.
import type { LimitFigure, LimitRamp, LimitUnit, ReportedLimits } from './model.ts'

interface Ramp {
  readonly perSecond: number
  readonly depth: number
  readonly points: readonly { readonly depth: number; readonly perSecond: number }[]
}

/** What one run of measureLimits() (services/measure/limits.ts) answers, as far as it is reported. */
export interface MeasuredLimits {
  readonly sequentialRead: Ramp
  readonly sequentialWrite: Ramp
  readonly randomRead: Ramp
  readonly randomWrite: Ramp
  readonly datasyncP50Ns: number
  readonly datasyncP99Ns: number
  readonly memoryCopyPerSecond: number
  readonly cachedReadPerSecond: number
  readonly direct: boolean
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly says: string }[]
}

interface Row {
  readonly name: string
  readonly unit: LimitUnit
  readonly read: (run: MeasuredLimits) => number
  readonly ramp?: (run: MeasuredLimits) => Ramp
  /** `memory`, or the checks that all have to hold if the figure is to be the device's. */
  readonly from: 'memory' | readonly string[]
}

const readChecks = ['reads reach the device', 'sequential read not above memory']
const writeChecks = ['writes reach the device', 'sequential write not above memory', "writes are the device's"]

const rampRow = (name: string, unit: LimitUnit, ramp: (run: MeasuredLimits) => Ramp, from: Row['from']): Row => {
  return { name, unit, ramp, from, read: (run) => ramp(run).perSecond }
}

/** iotune's four numbers first (Seastar, apps/iotune), then what a sync takes, then what memory gives. */
const rows: readonly Row[] = [
  rampRow('sequential read', 'bytesPerSecond', (run) => run.sequentialRead, readChecks),
  rampRow('sequential write', 'bytesPerSecond', (run) => run.sequentialWrite, writeChecks),
  rampRow('random read', 'requestsPerSecond', (run) => run.randomRead, readChecks),
  rampRow('random write', 'requestsPerSecond', (run) => run.randomWrite, writeChecks),
  { name: 'fdatasync p50', unit: 'ns', read: (run) => run.datasyncP50Ns, from: ['fdatasync is plausible'] },
  { name: 'fdatasync p99', unit: 'ns', read: (run) => run.datasyncP99Ns, from: ['fdatasync is plausible'] },
  { name: 'memory copy', unit: 'bytesPerSecond', read: (run) => run.memoryCopyPerSecond, from: 'memory' },
  { name: 'page cache read', unit: 'bytesPerSecond', read: (run) => run.cachedReadPerSecond, from: 'memory' },
]

/** Medians over the runs, from the least to the largest. Null without a run. */
export function reportLimits(
  runs: readonly MeasuredLimits[],
  { map, mapMissing }: Pick<ReportedLimits, 'map' | 'mapMissing'>,
): ReportedLimits | null {
  const last = runs.at(-1)
  if (last === undefined) return null
  const figures = rows.map(({ name, unit, read, ramp, from }): LimitFigure => {
    const sorted = [...runs].sort((a, b) => read(a) - read(b))
    const middle = sorted[(sorted.length - 1) >> 1]!
    const several = runs.length > 1
    return {
      name,
      unit,
      value: read(middle),
      low: several ? read(sorted[0]!) : null,
      high: several ? read(sorted.at(-1)!) : null,
      depth: ramp?.(middle).depth ?? null,
      from: from === 'memory' ? 'memory' : holdAll(runs, from) ? 'device' : 'cache',
    }
  })
  const ramps = rows.flatMap(({ name, unit, ramp }): LimitRamp[] =>
    ramp === undefined ? [] : [{ name, unit, points: ramp(last).points }],
  )
  const direct = runs.every((run) => run.direct)
  return { runs: runs.length, direct, figures, ramps, map, mapMissing, checks: last.checks }
}

const holdAll = (runs: readonly MeasuredLimits[], names: readonly string[]): boolean =>
  runs.every(({ checks }) => checks.every(({ name, ok }) => ok || !names.includes(name)))
