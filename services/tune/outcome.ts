// What comes of a search: the layout that is chosen, the present one that is kept, or the refusal to choose. Pure. Called by search.ts.
import type { Ledger } from './ledger.ts'
import { describeDifference, layoutKey } from './layouts.ts'
import { noiseOf, systematicError } from './noise.ts'
import type { Noise } from './noise.ts'
import { missesBound, penalty, savesCpu, tieShare } from './objective.ts'
import type { Comparison, Objective } from './objective.ts'
import { roundsMin } from './race.ts'
import { halfWidth } from './statistics.ts'
import type { Estimate } from './statistics.ts'
import type { Layout } from './types.ts'

/** A change for less than this is not worth it. */
export const gainShareMin = 0.05

/** Where differences below this cannot be seen, nothing was found out. */
const detectableMax = 4 * gainShareMin

export type Outcome =
  | {
      readonly kind: 'chosen'
      readonly layout: Layout
      /** More work; as much work for less CPU; or a p99 within the bound, which the present one misses. */
      readonly decidedBy: 'work' | 'cpu' | 'p99'
      /** Of the confirmation: fresh legs, against the present layout. */
      readonly gain: Comparison
      readonly why: string
    }
  | { readonly kind: 'kept'; readonly why: string; readonly best: Comparison | null }
  | { readonly kind: 'refused'; readonly noise: Noise['source']; readonly why: string; readonly figures: Noise }

export interface Decided {
  readonly current: Layout
  readonly leader: Layout
  readonly ledger: Ledger
  /** Of the confirmation; null where there was none. */
  readonly confirmed: Comparison | null
  /** What the search, without the confirmation, says of the leader. */
  readonly searched: Comparison | null
  /** Why the search ended before its end; null: it did not. */
  readonly stopped: 'aborted' | 'budget' | null
}

/** Noise, as far as the rounds that decide go. */
export const decisiveNoise = (ledger: Ledger, confirmed: Comparison | null): Noise =>
  noiseOf(ledger, Math.max(roundsMin, confirmed?.rounds ?? 0))

export function outcomeOf(decided: Decided): Outcome {
  const { current, leader, ledger, confirmed, searched, stopped } = decided
  const noise = decisiveNoise(ledger, confirmed)
  const refused = (why: string): Outcome => ({
    kind: 'refused',
    noise: noise.source,
    why: `${why}: ${noise.says}`,
    figures: noise,
  })
  const kept = (why: string): Outcome => ({ kind: 'kept', why, best: confirmed ?? searched })
  const wrongBy = systematicError(noise)

  if (layoutKey(leader) === layoutKey(current)) {
    if (stopped === 'aborted') return kept('stopped before anything better was found')
    if (wrongBy > 0) return refused(wrong(wrongBy))
    if (!Number.isFinite(noise.detectable))
      return kept(
        stopped === null
          ? 'nothing that was tried gains: all of it fell far behind at once'
          : 'what time was left is too little for a decision, which takes some dozen legs: give it more (--budget-seconds)',
      )
    if (noise.detectable > detectableMax) return refused(unseen(noise.detectable))
    return kept(`nothing that was tried gains; a difference of ${percent(noise.detectable)} would have been seen`)
  }
  const name = describeDifference(leader, current)
  if (confirmed === null || confirmed.rounds < roundsMin) {
    const reason = stopped === 'aborted' ? 'stopped' : 'the time was over'
    const few = confirmed === null ? [] : [`${madeBy(confirmed)} in ${counted(confirmed.rounds, 'fresh leg')}`]
    const parts = [...(searched === null ? [] : [`${madeBy(searched)} in the search`]), ...few]
    const found = parts.length === 0 ? '' : ` (${parts.join(', ')})`
    const why = `${reason} before the best so far, ${name}${found}, could be confirmed`
    const isNoisy = wrongBy > 0 || noise.detectable > detectableMax
    return isNoisy && stopped !== 'aborted' ? refused(why) : kept(why)
  }
  const { score, work, cpu } = confirmed
  const { p99NsMax } = ledger.objective
  if (p99NsMax !== null && missesBound(ledger.objective, confirmed.p99Ns) && confirmed.otherP99Ns.value <= p99NsMax)
    return kept(
      `${name} does not keep the p99 within ${milliseconds(p99NsMax)}: ${milliseconds(confirmed.p99Ns.value)} in fresh legs`,
    )
  const gained = score.value - 1
  const makes = `${name} makes ${madeBy(confirmed)} in fresh legs`
  const isMore = gained > gainShareMin && score.low > 1
  // As much work: less of it by more than counts is ruled out.
  const isCheaper =
    gained < gainShareMin && score.low > 1 - 2 * gainShareMin && gained > -tieShare && savesCpu(confirmed)
  if (wrongBy > 0 && !(isMore && gained > wrongBy) && !(isCheaper && 1 - cpu.value > wrongBy))
    return refused(`${makes}, and ${wrong(wrongBy)}`)
  const decidedBy = isCheaper ? 'cpu' : work.value > 1 + gainShareMin && work.low > 1 ? 'work' : 'p99'
  if (isMore && decidedBy === 'p99' && (wrongBy > 0 || leastGain(confirmed, ledger.objective) <= 0))
    return refused(
      `${makes}, all of it by p99, and p99 varies by more: ${span(confirmed.otherP99Ns)} → ${span(confirmed.p99Ns)}`,
    )
  if (isMore && noise.detectable > detectableMax && gained < noise.detectable)
    return refused(`${makes}, and ${unseen(noise.detectable)}`)
  if (isMore || isCheaper) {
    return {
      kind: 'chosen',
      layout: leader,
      decidedBy,
      gain: confirmed,
      why: `${name}: ${whatGained(confirmed, decidedBy)}`,
    }
  }
  // What is not there is said only where it would have been seen.
  if (score.high > 1 + gainShareMin && score.low <= 1 && halfWidth(score) > gainShareMin)
    return refused(`${makes}: the noise is larger than the difference`)
  if (noise.detectable > detectableMax) return refused(`${makes}, and ${unseen(noise.detectable)}`)
  const before = searched === null ? '' : ` (${madeBy(searched)} in the search)`
  if (gained <= gainShareMin && (searched?.score.value ?? 1) > 1 + gainShareMin)
    return kept(`the gain of ${name} did not hold: ${madeBy(confirmed)} in fresh legs${before}`)
  return kept(`${makes}, too little for a change (${percent(gainShareMin)})`)
}

/** What others took away, as far as that is a figure: who had less than half of the machine knows nothing. */
const wrong = (share: number): string =>
  share < 1
    ? `what was measured may be wrong by ${percent(share)}`
    : 'it was too noisy to tell anything: most of the machine was not ours while it was measured'

/** What scatter hides. */
const unseen = (share: number): string =>
  share < 1
    ? `differences below ${percent(share)} could not be seen`
    : 'not even twice the work could be told from chance'

/** Less than this between two figures is none. */
const sameShare = 0.005

/** The work, as in the tables; and what decides beside it where p99 is over the bound. */
function madeBy({ work, score }: Comparison): string {
  const isAlike = Math.abs(Math.log(score.value / work.value)) < sameShare
  return isAlike ? signed(work) : `${signed(work)} work, ${signed(score)} once its p99 is held against the bound,`
}

/** What is left of a gain where p99 is as unkind as it may be: the interval of the score has only the work's own noise in it. */
function leastGain({ work, p99Ns, otherP99Ns }: Comparison, objective: Objective): number {
  const penalties = penalty(objective, otherP99Ns.low) - penalty(objective, p99Ns.high)
  return Math.log(work.low) + penalties
}

function whatGained({ work, cpu, p99Ns, otherP99Ns }: Comparison, by: 'work' | 'cpu' | 'p99'): string {
  const p99 = `p99 ${milliseconds(otherP99Ns.value)} → ${milliseconds(p99Ns.value)}`
  const cpuText = `CPU for the same work ${signed(cpu)}`
  if (by === 'cpu') return `as much work (${signed(work)}), ${cpuText}, ${p99}`
  return `${signed(work)} work, ${cpuText}, ${p99}`
}

/** An interval whose one side is this many times the other has no ±. */
const skewMin = 1.5
/** Sides narrower than this are the same to whoever reads. */
const evenBelow = 2

/** "+12 % ± 3", and "+61 % (−20 to +180)" where one side is wider: a ratio as people say it. */
export function signed(estimate: Estimate): string {
  const [change, low, high] = [estimate.value, estimate.low, estimate.high].map((ratio) => (ratio - 1) * 100) as [
    number,
    number,
    number,
  ]
  const value = `${signedPercent(change)} %`
  // One pair has no width, which is not certainty.
  if (estimate.count < 2 || !Number.isFinite(low) || !Number.isFinite(high)) return value
  const [narrow, wide] = [change - low, high - change].sort((a, b) => a - b) as [number, number]
  if (wide >= evenBelow && wide > narrow * skewMin) return `${value} (${signedPercent(low)} to ${signedPercent(high)})`
  const width = halfWidth(estimate) * estimate.value * 100
  return `${value} ± ${width.toFixed(digitsOf(width))}`
}

const digitsOf = (percents: number): number => (Math.abs(percents) < 9.95 ? 1 : 0)
const signedPercent = (percents: number): string =>
  `${percents < 0 ? '−' : '+'}${Math.abs(percents).toFixed(digitsOf(percents))}`

/** "1 leg", "2 legs". */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`
const span = ({ low, high }: Estimate): string => `${milliseconds(low)} – ${milliseconds(high)}`
export const milliseconds = (ns: number): string => `${(ns / 1e6).toFixed(ns < 1e6 ? 3 : ns < 1e7 ? 2 : 1)} ms`
