// A race: challengers against the layout that leads so far, in interleaved rounds, from which those that fall behind are taken out. That is successive
// halving (K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016): what many share is
// spent on few. What is decided in the end is decided by at least five rounds. Used by search.ts and descent.ts.
import type { LegRunner, Phase } from './legs.ts'
import type { Layout } from './types.ts'
import { judge, savesCpu, tieShare } from './objective.ts'
import type { Comparison } from './objective.ts'

export interface RaceOptions {
  readonly phase: Phase
  readonly step: string
  /** Time that has to be left for what comes later. */
  readonly reserveSeconds: number
  /** Each round halves: there is no time to see all of them twice. */
  readonly isQuick?: boolean
}

/** Below five nothing is decided: with five, an interval holds the truth in 15 cases of 16. */
export const roundsMin = 5
/** What is open then is as good as the same, but for what looks better: that is worth some more. */
const roundsMax = { usual: 9, promising: 15 } as const
/** After this many rounds only the better half of the challengers goes on, and after one more of those at most two. */
const halvingRound = 2
/** So far behind that no noise explains it: one leg is enough. */
const hopelessShare = 0.5
const behindShare = 0.9

export interface Raced {
  readonly layout: Layout
  readonly against: Comparison
}

/**
 * Races `challengers` against `leader`. Answers with those that came through, the better first; none where all fell behind. Where the time was over
 * before, there are more of them, in fewer rounds: whoever decides looks at how many there were.
 */
export async function race(
  legs: LegRunner,
  leader: Layout,
  challengers: readonly Layout[],
  options: RaceOptions,
): Promise<Raced[]> {
  const { ledger, clock } = legs
  const { phase, step, reserveSeconds, isQuick = false } = options
  const before = ledger.lastRound
  const compared = (layout: Layout): Raced[] => {
    const against = ledger.compare(layout, leader, before)
    return against === null ? [] : [{ layout, against }]
  }
  let running = challengers.filter((layout) => !legs.isOut(layout))
  for (let round = 1; round <= roundsMax.promising && running.length > 0; round++) {
    if (!clock.hasTimeFor(running.length + 1, reserveSeconds)) break
    await legs.round([leader, ...running], phase, step)
    const ranked = running
      .filter((layout) => !legs.isOut(layout))
      .flatMap(compared)
      .sort((a, b) => b.against.score.value - a.against.score.value)
    const kept = ranked
      .filter(({ against }) => !isBehind(against))
      .slice(0, isQuick ? Math.ceil(running.length / 2) : placesAfter(round, challengers.length))
    const isPromising = kept.some(({ against }) => against.score.value > 1 + tieShare)
    if (round >= roundsMax.usual && !isPromising) return kept
    running = kept.map(({ layout }) => layout)
    if (round >= roundsMin && kept.every(({ against }) => isSettled(against))) return kept
  }
  return running.flatMap(compared).sort((a, b) => b.against.score.value - a.against.score.value)
}

/** How many legs a race of so many challengers takes where nothing stands out. */
export function legsOfRace(challengers: number): number {
  let legs = 0
  let running = challengers
  for (let round = 1; round <= roundsMin; round++) {
    legs += running + 1
    running = Math.min(running, placesAfter(round, challengers))
  }
  return legs
}

function placesAfter(round: number, challengers: number): number {
  if (round < halvingRound) return challengers
  return round === halvingRound ? Math.max(2, Math.ceil(challengers / 2)) : 2
}

function isBehind(against: Comparison): boolean {
  const { score, rounds } = against
  if (score.high < hopelessShare) return true
  if (rounds >= 3 && score.high < behindShare) return true
  return rounds >= roundsMin && judge(against) === 'worse'
}

/** Whether more rounds would change nothing. */
function isSettled(against: Comparison): boolean {
  if (against.rounds < roundsMin) return false
  const verdict = judge(against)
  if (verdict === 'open') return false
  // As much work: then CPU decides, and it varies less than work does.
  return verdict !== 'same' || savesCpu(against) || against.cpu.low > 0.95
}
