// What the proof says: the plan before, the table and the verdict after. Pure. Used by main.ts.
import { formatTable } from '../../../services/bench/table.ts'
import { describeDifference, layoutKey } from '../../../services/tune/layouts.ts'
import { duration } from '../../../services/tune/report/words.ts'
import type { Layout } from '../../../services/tune/types.ts'
import { withinShare } from './trial.ts'
import type { RealTrial } from './trial.ts'

/** Asked of the tuner: nine of ten runs, each in under a tenth of the sweep's time. */
const asked = { share: 0.9, timeShare: 0.1 } as const

export interface Verdict {
  readonly within: number
  readonly uncertain: number
  readonly refused: number
  /** Refusals whose present layout is as good as the best anyway. */
  readonly refusedWithin: number
  /** The tuner's time against the sweep's, of a mean run. */
  readonly timeShare: number
  readonly isProven: boolean
}

export function verdictOf(trials: readonly RealTrial[], sweepSeconds: number): Verdict {
  const within = trials.filter(({ isWithin }) => isWithin).length
  const refused = trials.filter(({ outcome }) => outcome === 'refused')
  const timeShare = trials.reduce((sum, { seconds }) => sum + seconds, 0) / trials.length / sweepSeconds
  return {
    within,
    uncertain: trials.filter(({ isCertain }) => !isCertain).length,
    refused: refused.length,
    refusedWithin: refused.filter(({ isWithin }) => isWithin).length,
    timeShare,
    isProven: within >= trials.length * asked.share && timeShare < asked.timeShare,
  }
}

export function proofTable(trials: readonly RealTrial[], best: Layout, sweepSeconds: number): string {
  const heading = ['run', 'outcome', 'against the best', 'rounds', 'within 5 %', 'tuner', 'of the sweep']
  const rows = trials.map(({ seed, outcome, against, isWithin, isCertain, seconds }) => [
    `seed ${seed}`,
    outcome,
    against === null ? 'the best' : ratio(against.score),
    against === null ? '–' : String(against.rounds),
    `${isWithin ? 'yes' : 'no'}${isCertain ? '' : ' (by the median)'}`,
    `${seconds.toFixed(1)} s`,
    `${((seconds / sweepSeconds) * 100).toFixed(1)} %`,
  ])
  const choices = trials.map(({ seed, used, outcome, why }) => {
    const difference = layoutKey(used) === layoutKey(best) ? 'the best' : describeDifference(used, best)
    return `  seed ${seed}: ${difference}${outcome === 'chosen' ? '' : `; ${outcome}: ${why}`}`
  })
  return [...formatTable(heading, rows), '', 'What is used then, against the best:', ...choices, ''].join('\n')
}

export function verdictLines(trials: readonly RealTrial[], verdict: Verdict): string {
  const { within, uncertain, refused, refusedWithin, timeShare, isProven } = verdict
  const runs = trials.length
  const percent = `${withinShare * 100} %`
  const noise = `${refused} refused for noise${refused === 0 ? '' : `, ${refusedWithin} of them with a present layout within ${percent}`}`
  const doubt = uncertain === 0 ? '' : `; of ${uncertain} the interval does not tell`
  return [
    `${within} of ${runs} within ${percent} of the best${doubt}; ${noise}`,
    `mean time 1/${(1 / timeShare).toFixed(1)} of the sweep: ${isProven ? 'as asked' : 'not as asked (nine of ten, under a tenth)'}`,
    '',
  ].join('\n')
}

export interface Plan {
  readonly layouts: number
  readonly legs: number
  readonly legsLeft: number
  /** What a leg takes, all in all; measured where a sweep has begun. */
  readonly legCostSeconds: number
  readonly tunerSeconds: number
  readonly runs: number
  readonly verifySeconds: number
}

export function planLines({
  layouts,
  legs,
  legsLeft,
  legCostSeconds,
  tunerSeconds,
  runs,
  verifySeconds,
}: Plan): string {
  const sweepSeconds = legsLeft * legCostSeconds
  return [
    `sweep    ${layouts} layouts, ${legs} legs each: ${legsLeft} legs to run, about ${duration(sweepSeconds)}`,
    `tuner    ${runs} runs of at most ${duration(tunerSeconds)}, each beside the best for ${duration(verifySeconds)} or up to three times that`,
    `in all   about ${duration(sweepSeconds + runs * (tunerSeconds + verifySeconds))}`,
    '',
  ].join('\n')
}

function ratio({ value, low, high }: { readonly value: number; readonly low: number; readonly high: number }): string {
  const percent = (share: number): string => (share * 100).toFixed(1)
  return `${percent(value)} % (${percent(low)} – ${percent(high)})`
}
