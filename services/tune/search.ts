// The search for the best layout: calibration, a race of layouts that differ in what they are, a descent knob by knob, and a confirmation on fresh
// legs. Knows nothing of rings: it is given something that can be measured, the real machine or a simulated one. Called by `ringmaster tune`.
import { SearchClock } from './clock.ts'
import { Descent } from './descent.ts'
import { explain } from './explain.ts'
import type { Explained } from './explain.ts'
import { firstBatch, firstSet } from './first-set.ts'
import type { KnobName, TunedMachine } from './knobs.ts'
import { knobsFor, layoutKey, normaliseLayout } from './layouts.ts'
import { Ledger } from './ledger.ts'
import { LegRunner } from './legs.ts'
import type { ImpossibleValue, Progress } from './legs.ts'
import type { Noise } from './noise.ts'
import { judge, missesBound, savesCpu } from './objective.ts'
import type { Comparison, Objective } from './objective.ts'
import { decisiveNoise, gainShareMin, outcomeOf } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { legsOfRace, race, roundsMin } from './race.ts'
import { randomFrom } from './random.ts'
import { median } from './statistics.ts'
import { LayoutImpossibleError } from './types.ts'
import type { Layout, Subject, TunedWorkload } from './types.ts'

export interface SearchOptions {
  readonly subject: Subject
  readonly machine: TunedMachine
  readonly workload: TunedWorkload
  /** What is used now: kept unless something is worth the change. Ties go to what is nearer to it. */
  readonly current: Layout
  /** How long all of it may take. */
  readonly budgetSeconds: number
  /** The window of one leg. Default: a 600th of the budget, 0.25–2 s. */
  readonly legSeconds?: number
  /** The p99 that must not be exceeded, in ns, or as a multiple of the current layout's; null: any. Default: twice the current one's. */
  readonly p99?: { readonly nsMax: number } | { readonly timesCurrentMax: number } | null
  /** The only knobs to turn. Default: all that matter to the workload. */
  readonly knobs?: readonly KnobName[]
  /** Decides the order of legs. The same seed and the same measurements give the same result. */
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** Seconds from any origin; default the monotonic clock. */
  readonly now?: () => number
}

export interface SearchResult extends Explained {
  readonly outcome: Outcome
  readonly objective: Objective
  readonly current: Layout
  /** The best that was found, whether it was chosen or not. */
  readonly leader: Layout
  /** The leader against the current layout: in the search, and in fresh legs. */
  readonly searched: Comparison | null
  readonly confirmed: Comparison | null
  readonly impossible: readonly ImpossibleValue[]
  readonly noise: Noise
  readonly legs: number
  readonly seconds: number
  readonly seed: number
  /** Why it ended early; null: it did not. */
  readonly stopped: 'aborted' | 'budget' | null
}

const calibrationRounds = 3
/** A search of fewer legs sees each layout once or twice, and decides by the confirmation alone. */
const quickSearchLegs = 60
const quickCalibrationRounds = 2
/** Of the budget. What a phase does not need is there for the next. */
const screeningShare = { usual: 0.35, short: 0.55 } as const
/** A search of fewer legs has no time to turn many knobs: it had better begin with what differs most. */
const shortSearchLegs = 120
/** Legs that are kept for the confirmation: at least what a decision takes, at most a fifth of all. */
const confirmationLegs = { quick: 2 * roundsMin, min: 3 * roundsMin, max: 60 } as const
const confirmationShare = 0.2
const confirmationRoundsMax = 25
/** After how many rounds it is looked whether that is enough: looking after each would sooner or later see what is not there. */
const confirmationLooks: ReadonlySet<number> = new Set([roundsMin, 9, 15])
/** In the search a little is left to the bound: what only just keeps it in the search does not in the confirmation. */
const p99Margin = 0.95
/** What is this far below it keeps it on a bad day, too. */
const p99Comfort = 0.85
/** What has missed it is cut by at least this much. */
const p99CutMax = 0.9

/**
 * Searches for the best layout, for at most about `budgetSeconds`. With an aborted signal it resolves with what is known so far.
 * @throws LayoutImpossibleError where the machine cannot have the current layout; what the subject throws where that never runs
 */
export async function search(options: SearchOptions): Promise<SearchResult> {
  return new Search(options).run()
}

class Search {
  readonly #options: SearchOptions
  readonly #current: Layout
  readonly #legs: LegRunner
  readonly #ledger: Ledger
  readonly #clock: SearchClock
  #leader: Layout
  #searched: Comparison | null = null
  #confirmed: Comparison | null = null
  /** Whose p99 was too long in the confirmation. */
  readonly #missed: Layout[] = []

  constructor(options: SearchOptions) {
    const { workload, budgetSeconds, seed, subject, signal, onProgress } = options
    const { now = (): number => performance.now() / 1000 } = options
    const { legSeconds = Math.min(2, Math.max(0.25, budgetSeconds / 600)) } = options
    this.#options = options
    this.#current = normaliseLayout(options.current)
    this.#leader = this.#current
    this.#ledger = new Ledger({ workload, p99NsMax: null })
    this.#clock = new SearchClock(budgetSeconds, legSeconds, now)
    const { random, ledger, clock } = { random: randomFrom(seed), ledger: this.#ledger, clock: this.#clock }
    this.#legs = new LegRunner({ subject, ledger, clock, random, signal, onProgress })
  }

  async run(): Promise<SearchResult> {
    const stopped = await this.#search().catch((error: unknown) => {
      if (this.#options.signal?.aborted === true) return 'aborted' as const
      throw error
    })
    const { workload, seed, machine, knobs: only } = this.#options
    const [ledger, current, leader, confirmed] = [this.#ledger, this.#current, this.#leader, this.#confirmed]
    const searched = this.#searched ?? ledger.compare(leader, current)
    const outcome = outcomeOf({ current, leader, ledger, confirmed, searched, stopped })
    const noise = decisiveNoise(ledger, confirmed)
    const chosen = outcome.kind === 'chosen' ? outcome.layout : current
    const { impossible } = this.#legs
    const knobs = knobsFor(workload, only)
    return {
      ...explain(ledger, { chosen, knobs, machine, impossible, missed: this.#missed, deviation: noise.deviation }),
      ...{
        outcome,
        objective: ledger.objective,
        current,
        leader,
        searched,
        confirmed,
        impossible,
        noise,
        seed,
        stopped,
      },
      legs: ledger.legs,
      seconds: this.#clock.spentSeconds,
    }
  }

  /** All phases; answers with why it ended before the end of the last. */
  async #search(): Promise<'budget' | null> {
    await this.#calibrate()
    await this.#screen()
    const { machine, workload, knobs: only } = this.#options
    const defaults = this.#current
    const reserveSeconds = this.#reserveSeconds
    const descent = new Descent(this.#legs, this.#leader, {
      machine,
      knobs: knobsFor(workload, only),
      defaults,
      reserveSeconds,
    })
    await descent.run().finally(() => {
      this.#leader = descent.leader
    })
    this.#searched = this.#ledger.compare(this.#leader, this.#current)
    await this.#confirm()
    return descent.outOfTime ? 'budget' : null
  }

  get #reserveSeconds(): number {
    const { budgetSeconds } = this.#options
    const { legCost } = this.#clock
    const { quick, min, max } = confirmationLegs
    if (this.#isQuick) return legCost * quick
    return legCost * Math.min(max, Math.max(min, (budgetSeconds / legCost) * confirmationShare))
  }

  get #isQuick(): boolean {
    return this.#options.budgetSeconds < quickSearchLegs * this.#clock.legCost
  }

  /** What a leg takes, and what the current layout's p99 is: the bound may be a multiple of it. */
  async #calibrate(): Promise<void> {
    const step = 'the current layout, by itself'
    for (let round = 0; round < calibrationRounds; round++) {
      // One has to be; of more there are no more than leave time for a decision.
      if (round > 0 && !this.#clock.hasTimeFor(1 + 2 * roundsMin, 0)) break
      if (round === quickCalibrationRounds && this.#isQuick) break
      await this.#legs.round([this.#current], 'calibration', step)
    }
    const { impossible } = this.#ledger.entry(this.#current)
    if (impossible !== null) throw new LayoutImpossibleError(`the current layout cannot be measured: ${impossible}`)
    this.#setBound(p99Margin)
  }

  #p99NsMax: number | null = null

  /** One that is relative goes by all legs of the current layout so far: where p99 varies, that of the first three is chance. */
  #setBound(margin: number): void {
    const { p99 = { timesCurrentMax: 2 } } = this.#options
    if (p99 === null) return
    const currentNs = median(this.#ledger.samplesOf(this.#current).map(({ p99Ns }) => p99Ns))
    this.#p99NsMax = 'nsMax' in p99 ? p99.nsMax : currentNs * p99.timesCurrentMax
    this.#ledger.p99NsMax = this.#p99NsMax * margin
  }

  /** Layouts that differ in what they are, as many as there is time for. The best of them, if any is better, leads from then on. */
  async #screen(): Promise<void> {
    const { machine, workload, knobs: only, budgetSeconds } = this.#options
    const legs = budgetSeconds / this.#clock.legCost
    const length = legs < shortSearchLegs ? 'short' : 'usual'
    const layouts = firstSet(this.#current, machine, knobsFor(workload, only), firstBatch[length])
    const affordable = legs * screeningShare[length]
    const reserveSeconds = this.#reserveSeconds
    const isQuick = this.#isQuick
    let count = layouts.length
    if (isQuick) while (count > 3 && !this.#clock.hasTimeFor(count + 1, reserveSeconds)) count--
    else while (count > 3 && legsOfRace(count) > affordable) count--
    const step = `${count} layouts that differ in what they are`
    this.#legs.keepSeconds = reserveSeconds
    const challengers = layouts.slice(0, count)
    const racing = { phase: 'screening', step, reserveSeconds, isQuick } as const
    const [best] = await race(this.#legs, this.#current, challengers, racing)
    if (best !== undefined && best.against.score.value > 1) this.#leader = best.layout
    this.#setBound(p99Margin)
  }

  /**
   * Fresh legs of the leader and the current layout; of one with less in flight, where the leader is near the bound on p99 and may prove to miss it; and
   * as far as there is time of the best with each other poller, for the record.
   */
  async #confirm(): Promise<void> {
    const { current, ledger } = { current: this.#current, ledger: this.#ledger }
    this.#setBound(1)
    if (layoutKey(this.#leader) === layoutKey(current)) return
    const before = ledger.lastRound
    const step = 'the best against the current layout, once more'
    let reserve = this.#withLowerP99(1)
    if (reserve !== null && !this.#clock.hasTimeFor(3 * roundsMin, 0)) [this.#leader, reserve] = [reserve, null]
    const others = bestOfOtherPollers(ledger, this.#leader, current)
    for (let round = 1; round <= confirmationRoundsMax; round++) {
      const needed = [this.#leader, current, ...(reserve === null ? [] : [reserve])]
      const legsLeft = others.length * (roundsMin + 1 - round) + needed.length * (2 * roundsMin + 1 - round)
      const withOthers = round <= roundsMin && this.#clock.hasTimeFor(legsLeft, 0)
      if (!this.#clock.hasTimeFor(needed.length, 0)) return
      this.#legs.keepSeconds = needed.length * Math.max(0, roundsMin + 1 - round) * this.#clock.legCost
      await this.#legs.round(withOthers ? [...needed, ...others] : needed, 'confirmation', step)
      this.#setBound(1)
      this.#confirmed = ledger.compare(this.#leader, current, before)
      while (this.#confirmed !== null && this.#isTooSlow(this.#confirmed)) {
        const lower = reserve ?? this.#withLowerP99(p99CutMax)
        if (lower === null) return
        this.#missed.push(this.#leader)
        this.#leader = lower
        reserve = null
        this.#confirmed = ledger.compare(lower, current, before)
      }
      if (this.#confirmed === null || !confirmationLooks.has(this.#confirmed.rounds)) continue
      if (isDecided(this.#confirmed, ledger.objective)) return
    }
  }

  #isTooSlow({ rounds, p99Ns }: Comparison): boolean {
    return rounds >= roundsMin && missesBound(this.#ledger.objective, p99Ns)
  }

  /**
   * The leader with less in flight, so that p99 is less in proportion (Little's law): at most `shareMax` of it; null where that is none less, or where
   * there is nothing to cut.
   */
  #withLowerP99(shareMax: number): Layout | null {
    const leader = this.#leader
    const { workload, knobs: only } = this.#options
    const p99Ns = median(this.#ledger.samplesOf(leader).map((sample) => sample.p99Ns))
    const share = Math.min(((this.#p99NsMax ?? Infinity) * p99Comfort) / p99Ns, shareMax)
    const isTurned = knobsFor(workload, only).some(({ name }) => name === 'depth')
    if (!isTurned || leader.depth === 1 || share >= 1) return null
    const lower = normaliseLayout({ ...leader, depth: Math.max(1, Math.floor(leader.depth * share)) })
    return layoutKey(lower) === layoutKey(this.#current) ? null : lower
  }
}

/** By what is known of each against `other`; null where nothing is known. */
function bestAgainst(ledger: Ledger, layouts: readonly Layout[], other: Layout): Layout | null {
  const scored = layouts.flatMap((layout) => {
    const score = ledger.compare(layout, other)?.score.value
    return score === undefined || layoutKey(layout) === layoutKey(other) ? [] : [{ layout, score }]
  })
  return scored.sort((a, b) => b.score - a.score)[0]?.layout ?? null
}

function bestOfOtherPollers(ledger: Ledger, leader: Layout, current: Layout): Layout[] {
  const ran = ledger.entries.filter(({ rounds }) => rounds.size > 0).map(({ layout }) => layout)
  const pollers = new Set(ran.map(({ poller }) => poller))
  pollers.delete(leader.poller)
  return [...pollers].flatMap((poller) => {
    const best = bestAgainst(
      ledger,
      ran.filter((layout) => layout.poller === poller),
      current,
    )
    return best === null ? [] : [best]
  })
}

/** Whether more rounds would not change the outcome. */
function isDecided(comparison: Comparison, objective: Objective): boolean {
  const { score, rounds, p99Ns } = comparison
  if (rounds < roundsMin || (p99Ns.value > (objective.p99NsMax ?? Infinity) && !missesBound(objective, p99Ns)))
    return false
  if (score.low > 1 && score.value > 1 + gainShareMin) return true
  if (score.high < 1 + gainShareMin)
    return judge(comparison) !== 'same' || savesCpu(comparison) || rounds >= 2 * roundsMin
  return false
}
