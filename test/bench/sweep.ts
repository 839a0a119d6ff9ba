// What a sweep says: for each leg, how the cost of an operation changes with the parameter. Called by summary.ts; pure.
import { withoutValue } from './legs/names.ts'
import type { LegRounds } from './runner.ts'
import type { Ratio } from '../../services/measure/statistics.ts'

export interface SweepPoint {
  readonly value: number
  readonly cpuUsPerOperation: number
}

/** Between the value of the parameter at which an operation costs the most CPU and the one at which it costs the least. */
export interface SweepSummary {
  readonly leg: string
  readonly points: readonly SweepPoint[]
  readonly dearestAt: number
  readonly cheapestAt: number
  /** How many times the cheapest the dearest costs: 1 is flat. */
  readonly maxOverMin: Ratio
}

interface Cost {
  readonly cpuUs: (leg: LegRounds) => number
  /** How many times the CPU of the second the first one needs. */
  readonly ratio: (dear: LegRounds, cheap: LegRounds) => Ratio | null
}

/** Of legs that ran at two values or more. */
export function summarizeSweep(ran: readonly LegRounds[], cost: Cost): readonly SweepSummary[] {
  const names = [...new Set(ran.map(({ name }) => withoutValue(name)))]
  return names.flatMap((leg) => {
    const variants = ran
      .filter(({ name }) => withoutValue(name) === leg && name !== leg)
      .map((outcome) => ({ outcome, value: Number(outcome.name.split('@')[1]), cpuUs: cost.cpuUs(outcome) }))
    const byCost = [...variants].sort((a, b) => a.cpuUs - b.cpuUs)
    const [cheapest, dearest] = [byCost[0], byCost.at(-1)]
    if (cheapest === undefined || dearest === undefined || cheapest === dearest) return []
    const maxOverMin = cost.ratio(dearest.outcome, cheapest.outcome)
    if (maxOverMin === null) return []
    const points = variants.map(({ value, cpuUs }) => ({ value, cpuUsPerOperation: cpuUs }))
    return { leg, points, dearestAt: dearest.value, cheapestAt: cheapest.value, maxOverMin }
  })
}
