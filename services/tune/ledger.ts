// Every leg that was run, by round: what the search decides from, and what the report shows. Used by the race, the descent and the outcome.
import { layoutKey } from './layouts.ts'
import { cpuOf, penalty, workOf } from './objective.ts'
import type { Comparison, Objective } from './objective.ts'
import { fromLogarithms, medianEstimate, pairedRatio } from './statistics.ts'
import type { Layout, Sample } from './types.ts'

export interface Entry {
  readonly key: string
  readonly layout: Layout
  /** By number of the round. */
  readonly rounds: Map<number, Sample>
  /** Why the machine cannot have it, or why its legs fail; null: it can. */
  impossible: string | null
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()
  #objective: Objective
  #legs = 0
  #rounds = 0

  constructor(objective: Objective) {
    this.#objective = objective
  }

  get objective(): Objective {
    return this.#objective
  }

  /** The bound may be relative to what the first legs show. */
  set p99NsMax(value: number | null) {
    this.#objective = { ...this.#objective, p99NsMax: value }
  }

  get legs(): number {
    return this.#legs
  }

  get entries(): Entry[] {
    return [...this.#entries.values()]
  }

  get samples(): Sample[] {
    return this.entries.flatMap(({ rounds }) => [...rounds.values()])
  }

  /** The number of a round that begins: rounds are told apart, and later ones have higher numbers. */
  beginRound(): number {
    return ++this.#rounds
  }

  /** The number of the last round. */
  get lastRound(): number {
    return this.#rounds
  }

  entry(layout: Layout): Entry {
    const key = layoutKey(layout)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const made: Entry = { key, layout, rounds: new Map(), impossible: null }
    this.#entries.set(key, made)
    return made
  }

  known(layout: Layout): Entry | undefined {
    return this.#entries.get(layoutKey(layout))
  }

  record(round: number, layout: Layout, sample: Sample): void {
    this.entry(layout).rounds.set(round, sample)
    this.#legs++
  }

  samplesOf(layout: Layout, afterRound = 0): Sample[] {
    const rounds = this.known(layout)?.rounds ?? new Map<number, Sample>()
    return [...rounds].flatMap(([round, sample]) => (round > afterRound ? [sample] : []))
  }

  /** Compares by the rounds that both were in; null where there is none. */
  compare(one: Layout, other: Layout, afterRound = 0): Comparison | null {
    const ours = this.known(one)?.rounds
    const theirs = this.known(other)?.rounds
    if (ours === undefined || theirs === undefined) return null
    const pairs = [...ours].flatMap(([round, a]) => {
      const b = theirs.get(round)
      return b === undefined || round <= afterRound ? [] : [[a, b] as const]
    })
    if (pairs.length === 0) return null
    const { objective } = this
    const p99Ns = medianEstimate(pairs.map(([a]) => a.p99Ns))
    const otherP99Ns = medianEstimate(pairs.map(([, b]) => b.p99Ns))
    const penalties = penalty(objective, otherP99Ns.value) - penalty(objective, p99Ns.value)
    const works = pairs.map(([a, b]) => [workOf(objective, a), workOf(objective, b)] as const)
    return {
      work: pairedRatio(works),
      cpu: pairedRatio(pairs.map(([a, b]) => [cpuOf(objective, a), cpuOf(objective, b)])),
      score: fromLogarithms(medianEstimate(works.map(([a, b]) => Math.log(a / b) + penalties))),
      p99Ns,
      otherP99Ns,
      rounds: pairs.length,
    }
  }
}
