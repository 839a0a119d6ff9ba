// One run of the tuner against the sweep's best: side by side on fresh legs, which neither of them was found by. Used by main.ts.
import { Ledger } from '../../../services/tune/ledger.ts'
import { layoutKey } from '../../../services/tune/layouts.ts'
import { missesBound } from '../../../services/tune/objective.ts'
import type { Comparison } from '../../../services/tune/objective.ts'
import { randomFrom, shuffled } from '../../../services/tune/random.ts'
import { search } from '../../../services/tune/search.ts'
import type { SearchOptions, SearchResult } from '../../../services/tune/search.ts'
import type { Layout, Subject, TunedWorkload } from '../../../services/tune/types.ts'

/** As far below the best is as good as the best. */
export const withinShare = 0.05

export interface RealTrial {
  readonly seed: number
  readonly outcome: SearchResult['outcome']['kind']
  readonly why: string
  /** What is used from then on: chosen, or the present layout. */
  readonly used: Layout
  /** Against the sweep's best, in fresh rounds of both; null: it is the sweep's best. */
  readonly against: Comparison | null
  readonly isWithin: boolean
  /** Whether the interval says so, too, and not only the median. */
  readonly isCertain: boolean
  readonly seconds: number
  readonly legs: number
}

export interface TrialOptions {
  /** All but the seed. */
  readonly search: Omit<SearchOptions, 'seed'>
  readonly seed: number
  /** What is measured in the end: also what the search may not choose. */
  readonly subject: Subject
  readonly best: Layout
  readonly p99NsMax: number | null
  /** Fresh rounds, at least; three times as many where the interval does not tell. */
  readonly rounds: number
  readonly legSeconds: number
  readonly onRound: (what: string) => void
  readonly signal: AbortSignal
}

const patience = 3

/** @throws the signal's reason */
export async function realTrial(options: TrialOptions): Promise<RealTrial> {
  const { seed, best, signal } = options
  const { outcome, current, seconds, legs } = await search({ ...options.search, seed, signal })
  signal.throwIfAborted()
  const used = outcome.kind === 'chosen' ? outcome.layout : current
  const known = { seed, outcome: outcome.kind, why: outcome.why, used, seconds, legs }
  if (layoutKey(used) === layoutKey(best)) return { ...known, against: null, isWithin: true, isCertain: true }
  const { workload } = options.search
  const against = await sideBySide({ ...options, workload, used })
  if (against === null) return { ...known, against, isWithin: false, isCertain: false }
  const { value, low, high } = against.score
  const misses = missesBound({ workload, p99NsMax: options.p99NsMax }, against.p99Ns)
  const isWithin = value >= 1 - withinShare && !misses
  return {
    ...known,
    against,
    isWithin,
    isCertain: isWithin ? low >= 1 - withinShare : misses || high < 1 - withinShare,
  }
}

/** It is looked whether that is enough only after each multiple of `rounds`: looking after every round would sooner or later see what is not there. */
async function sideBySide(
  options: TrialOptions & { readonly workload: TunedWorkload; readonly used: Layout },
): Promise<Comparison | null> {
  const { workload, used, best, p99NsMax, subject, rounds, legSeconds, seed, signal, onRound } = options
  const ledger = new Ledger({ workload, p99NsMax })
  const random = randomFrom(seed ^ 0x5bd1e995)
  for (let round = 1; round <= rounds * patience; round++) {
    onRound(`beside the best, round ${round}`)
    for (const layout of shuffled([used, best], random)) {
      const sample = await subject.measure(layout, legSeconds, signal).catch(() => null)
      signal.throwIfAborted()
      if (sample !== null) ledger.record(round, layout, sample) // else the round does without
    }
    const score = ledger.compare(used, best)?.score
    if (round % rounds > 0 || score === undefined) continue
    if (score.low >= 1 - withinShare || score.high < 1 - withinShare) break
  }
  return ledger.compare(used, best)
}
