// The exhaustive sweep on a machine that is measured: every layout of the grid once in each round, in an order drawn for that round, then more rounds of
// those that look best, from which alone the best is named: the largest of many noisy figures flatters whoever has it. Used by main.ts.
import type { Ledger } from '../../../services/tune/ledger.ts'
import { layoutKey } from '../../../services/tune/layouts.ts'
import { missesBound, workOf } from '../../../services/tune/objective.ts'
import { randomFrom, shuffled } from '../../../services/tune/random.ts'
import { median, medianEstimate } from '../../../services/tune/statistics.ts'
import { LayoutImpossibleError } from '../../../services/tune/types.ts'
import type { Layout, Sample, Subject } from '../../../services/tune/types.ts'

export interface SweepOptions {
  readonly subject: Subject
  readonly grid: readonly Layout[]
  /** What is known already; gets what is found out. */
  readonly ledger: Ledger
  /** Legs of each layout. */
  readonly legs: number
  readonly legSeconds: number
  /** How many go on into the last rounds. */
  readonly finalists: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly onLeg: (what: string, layout: Layout) => void
  /** Called after every leg with what it took, in seconds. */
  readonly afterLeg: (seconds: number, isFinal: boolean) => Promise<void> | void
  readonly now: () => number
}

const attemptsMax = 2
/** Rounds of the finalists have higher numbers, however many the sweep has. */
const finalsFrom = 1000
/** Legs of each finalist, against those of the sweep. */
const finalsTimes = 2

/** Legs that are still to be run, those of the finalists among them. */
export function legsLeft(options: Pick<SweepOptions, 'grid' | 'ledger' | 'legs' | 'finalists'>): number {
  const { grid, ledger, legs, finalists } = options
  const missing = grid.reduce((sum, layout) => {
    const entry = ledger.known(layout)
    if (entry !== undefined && entry.impossible !== null) return sum
    return sum + legs - roundsOf(entry?.rounds, false).length
  }, 0)
  const finals = ledger.entries.reduce((sum, { rounds }) => sum + roundsOf(rounds, true).length, 0)
  return missing + Math.max(0, Math.min(finalists, grid.length) * legs * finalsTimes - finals)
}

/** @throws the signal's reason */
export async function sweepGrid(options: SweepOptions): Promise<void> {
  const { grid, legs } = options
  for (let round = 1; round <= legs; round++) await runRound(options, grid, round, `round ${round} of ${legs}`)
}

/**
 * The best that keeps the bound, from legs of the finalists that did not decide who is one.
 * @throws Error where no layout keeps it; the signal's reason
 */
export async function bestOf(options: SweepOptions): Promise<Layout> {
  const { legs, finalists, ledger } = options
  const among = ranked(ledger, false).slice(0, finalists)
  const rounds = legs * finalsTimes
  for (let round = 1; round <= rounds; round++)
    await runRound(options, among, finalsFrom + round, `the best ${among.length}, round ${round} of ${rounds}`)
  const best = ranked(ledger, true).find((layout) => among.some((each) => layoutKey(each) === layoutKey(layout)))
  if (best === undefined) throw new Error('no layout keeps the bound on p99: allow more with --p99')
  return best
}

/** Those that keep the bound, the most work first. */
function ranked(ledger: Ledger, finals: boolean): Layout[] {
  const { objective } = ledger
  const scored = ledger.entries.flatMap(({ layout, rounds, impossible }) => {
    const samples = roundsOf(rounds, finals)
    if (impossible !== null || samples.length === 0) return []
    if (missesBound(objective, medianEstimate(samples.map(({ p99Ns }) => p99Ns)))) return []
    return [{ layout, work: median(samples.map((sample) => workOf(objective, sample))) }]
  })
  return scored.sort((a, b) => b.work - a.work).map(({ layout }) => layout)
}

function roundsOf(rounds: ReadonlyMap<number, Sample> | undefined, finals: boolean): Sample[] {
  return [...(rounds ?? [])].flatMap(([round, sample]) => (round > finalsFrom === finals ? [sample] : []))
}

/** The order is the round's own: a sweep that was interrupted goes on as it would have. */
async function runRound(options: SweepOptions, layouts: readonly Layout[], round: number, what: string): Promise<void> {
  const { ledger, seed } = options
  for (const layout of shuffled(layouts, randomFrom(seed * 10_007 + round))) {
    const entry = ledger.entry(layout)
    if (entry.impossible === null && !entry.rounds.has(round)) await runLeg(options, layout, round, what)
  }
}

async function runLeg(options: SweepOptions, layout: Layout, round: number, what: string): Promise<void> {
  const { subject, ledger, legSeconds, signal, onLeg, afterLeg, now } = options
  onLeg(what, layout)
  const startedSeconds = now()
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      const sample = await subject.measure(layout, legSeconds, signal)
      if (sample.operations === 0) throw new Error('no operation was finished in the time of a leg')
      ledger.record(round, layout, sample)
      break
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof LayoutImpossibleError) && attempt < attemptsMax) continue
      ledger.entry(layout).impossible = error instanceof Error ? error.message : String(error)
      break
    }
  }
  await afterLeg(now() - startedSeconds, round > finalsFrom)
}
