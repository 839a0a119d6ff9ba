// How long threads look before they sleep. One of placement's rules; called by place() with what is known before rings are open, and
// by Ringmaster.start() once the wake-up cost is measured.
import { spinBudgetNs, spinNsMax, spinNsMin } from '../../workers/wake-cost.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { count, setByOption } from './types.ts'
import type { Choice, Decision, Placement, PlacementFacts, PlacementWishes } from './types.ts'

const sqThreadIdleMsDefault = 50
/** Where every spin is paid for out of a quota. */
const sqThreadIdleMsUnderQuota = 10

export function chooseSqThreadIdle(facts: PlacementFacts, wishes: PlacementWishes): Decision<number> {
  const { sqThreadIdleMs = 'auto' } = wishes
  if (sqThreadIdleMs !== 'auto') return { value: sqThreadIdleMs, reason: setByOption }
  if (facts.quotaCpus >= facts.affinity.length)
    return { value: sqThreadIdleMsDefault, reason: 'the default: longer than most pauses between requests' }
  const reason = `looking for work is paid for out of a quota of ${count(facts.quotaCpus, 'CPU')}`
  return { value: sqThreadIdleMsUnderQuota, reason }
}

/** The client spins for as long as a wake-up costs, unless it would spin on the CPU that others need to complete its requests. */
export function chooseSpinMaxNs({ effectiveCpus }: PlacementFacts, poller: Poller): number {
  if (poller === Poller.threadpool) return 0 // threads do the work: a client that spins takes their CPU
  return effectiveCpus < 2 ? spinNsMin : spinNsMax
}

/** The spin budget, now that the wake-up cost is known. A whole number of nanoseconds. */
export function chooseSpin(
  placement: Placement,
  wish: number | 'auto',
  wakeCostNs: number,
): Choice & { value: number } {
  const name = 'spinNs'
  if (wish !== 'auto') return { name, value: wish, reason: setByOption }
  const value = Math.min(placement.spinNsMax, spinBudgetNs(wakeCostNs))
  const measured = `a wake-up takes ${(wakeCostNs / 1000).toFixed(1)} µs here`
  if (value < wakeCostNs) {
    const limit =
      placement.spinNsMax < spinNsMax
        ? 'spinning would take the CPU from those who complete requests'
        : 'longer would hold up the event loop'
    return { name, value, reason: `${measured}; ${limit}` }
  }
  return {
    name,
    value,
    reason: value > wakeCostNs ? `${measured}; less would not outlast one turn of the event loop` : measured,
  }
}
