// What is wanted: the most work, within a bound on p99; where two do as much, the one that takes less CPU, then the one nearer to the defaults.
// Pure. Used by the ledger and by whoever decides: race.ts, descent.ts, outcome.ts.
import type { Estimate } from './statistics.ts'
import type { Sample, TunedWorkload } from './types.ts'

export interface Objective {
  readonly workload: TunedWorkload
  /** The p99 that must not be exceeded; null: any will do. */
  readonly p99NsMax: number | null
}

/** Differences below this are none. */
export const tieShare = 0.02
/** As much less CPU is worth a change where the work is the same. */
export const cpuShareMin = 0.05

/** Work per second: bytes where the size of a request is one of the knobs, else operations. */
export function workOf({ workload }: Objective, sample: Sample): number {
  return workload === 'sequential-read' ? sample.bytesPerSecond : sample.operationsPerSecond
}

/** CPU time in ns for one unit of work. */
export function cpuOf(objective: Objective, sample: Sample): number {
  return (sample.cpuNsPerOperation * sample.operationsPerSecond) / workOf(objective, sample)
}

/**
 * What missing the bound costs, as a logarithm of work. At a device that is busy, work stays and p99 falls in proportion as depth is taken away
 * (Little's law): a layout that is over the bound by a third is about as good as one within it that does a third less.
 */
export function penalty({ p99NsMax }: Objective, p99Ns: number): number {
  return p99NsMax === null ? 0 : Math.max(0, Math.log(p99Ns / p99NsMax))
}

/** How one layout compares with another, from rounds that both were in. */
export interface Comparison {
  /** Work of the one / work of the other. */
  readonly work: Estimate
  /** CPU for the same work, likewise: below 1 is less. */
  readonly cpu: Estimate
  /** Work with what missing the bound costs taken off: what decides. */
  readonly score: Estimate
  readonly p99Ns: Estimate
  readonly otherP99Ns: Estimate
  readonly rounds: number
}

export type Verdict = 'better' | 'worse' | 'same' | 'open'

/** What a comparison says about work alone: `open` where more rounds could tell. */
export function judge({ score }: Comparison): Verdict {
  if (score.low > 1 && score.value > 1 + tieShare) return 'better'
  if (score.high < 1 && score.value < 1 - tieShare) return 'worse'
  if (Math.abs(score.value - 1) < tieShare) return 'same'
  return 'open'
}

/** Whether the CPU saved is beyond doubt and worth a change. */
export function savesCpu({ cpu }: Comparison): boolean {
  return cpu.high < 1 && cpu.value < 1 - cpuShareMin
}

/** As far over the bound as this may be chance. */
const boundTolerance = 1.05

/** Whether a p99 is over the bound beyond doubt. */
export function missesBound({ p99NsMax }: Objective, p99Ns: Estimate): boolean {
  return p99NsMax !== null && (p99Ns.low > p99NsMax || p99Ns.value > p99NsMax * boundTolerance)
}
