// When the map of the disk (services/measure/disk-map.ts) is measured within a run of `ringmaster tune`, and why not. Called by tune.ts; planMap() also for
// --dry-run.
import type { MeasuredLimits } from './report/limits.ts'
import type { ReportedLimits, ReportedMap } from './report/model.ts'

/** What the map's rates are shares of. */
export interface MapLimits {
  readonly readsPerSecondMax: number
  readonly writeBytesPerSecondMax: number
}

export type MeasureMap = (
  seconds: number,
  limits: MapLimits,
  onProgress: (share: number) => void,
  signal: AbortSignal,
) => Promise<ReportedMap>

/** Below, the search needs the time. */
const fromBudgetSeconds = 120
const budgetShare = 0.1
const secondsMax = 60
/** A machine on which it takes as much longer has no time for it. */
const latenessMax = 2.5

/** Seconds for the map; 0: none. */
export const planMap = (budgetSeconds: number): number =>
  budgetSeconds < fromBudgetSeconds ? 0 : Math.min(secondsMax, budgetSeconds * budgetShare)

type FoundMap = Pick<ReportedLimits, 'map' | 'mapMissing'>

export interface MapRequest {
  readonly measure: MeasureMap
  readonly budgetSeconds: number
  readonly runs: readonly MeasuredLimits[]
  readonly signal: AbortSignal
  readonly onProgress: (share: number) => void
}

/** What cannot be measured is said: the search does not need it. */
export async function mapOf({ measure, budgetSeconds, runs, signal, onProgress }: MapRequest): Promise<FoundMap> {
  const seconds = planMap(budgetSeconds)
  const missing = (why: string): FoundMap => ({ map: null, mapMissing: why })
  const last = runs.at(-1)
  if (seconds === 0)
    return missing(`Not measured: from --budget-seconds ${fromBudgetSeconds} on there is time for the map of the disk.`)
  if (last === undefined) return missing('Not measured: the rates would be shares of limits that are not known.')
  const late = AbortSignal.timeout(seconds * latenessMax * 1000)
  const limits = {
    readsPerSecondMax: last.randomRead.perSecond,
    writeBytesPerSecondMax: last.sequentialWrite.perSecond,
  }
  try {
    const map = await measure(seconds, limits, onProgress, AbortSignal.any([signal, late]))
    return { map, mapMissing: null }
  } catch (error) {
    if (signal.aborted) return missing('Not measured: it was stopped before.')
    if (late.aborted) return missing('Not measured: on this machine, now, it takes too long.')
    return missing(`Not measured: ${error instanceof Error ? error.message : String(error)}.`)
  }
}
