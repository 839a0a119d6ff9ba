// Runs legs one at a time, in rounds: each layout of a round once, in an order drawn anew, so that a machine that slows down or a neighbour that
// comes and goes hits all of them alike. Knows what cannot be had. Used by race.ts and search.ts.
import type { SearchClock } from './clock.ts'
import type { Ledger } from './ledger.ts'
import { differingKnobs, layoutKey, normaliseLayout, withValue } from './layouts.ts'
import type { KnobName, KnobValue } from './knobs.ts'
import { shuffled } from './random.ts'
import { LayoutImpossibleError } from './types.ts'
import { median } from './statistics.ts'
import type { Layout, Sample, Subject } from './types.ts'

export type Phase = 'calibration' | 'screening' | 'descent' | 'confirmation'

export interface Progress {
  readonly phase: Phase
  /** What is being found out, for people. */
  readonly step: string
  /** Legs of one round are compared with each other. */
  readonly round: number
  /** What is measured next. */
  readonly layout: Layout
  /** Legs so far. */
  readonly samplesSoFar: number
  /** Of the budget: the search may well be over before. */
  readonly secondsLeft: number
}

/** A knob's value that the machine cannot have. */
export interface ImpossibleValue {
  readonly knob: KnobName
  readonly value: KnobValue
  readonly reason: string
}

export interface LegRunnerOptions {
  readonly subject: Subject
  readonly ledger: Ledger
  readonly clock: SearchClock
  readonly random: () => number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** A leg that fails for another reason than its layout is run again this often. */
const attemptsMax = 2
/** As much more of the machine's time than usual in the hands of others is a leg worth running again. */
const disturbedFrom = 0.1

const takenBy = ({ noise }: Sample): number => noise.stealShare + noise.otherShare

export class LegRunner {
  readonly ledger: Ledger
  readonly clock: SearchClock
  readonly impossible: ImpossibleValue[] = []
  /** Time that is not for running legs again. */
  keepSeconds = 0
  readonly #options: LegRunnerOptions
  #toMirror: readonly Layout[] = []
  /** Of each leg. */
  readonly #taken: number[] = []

  constructor(options: LegRunnerOptions) {
    this.#options = options
    this.ledger = options.ledger
    this.clock = options.clock
  }

  /** Throws the signal's reason. */
  checkSignal(): void {
    this.#options.signal?.throwIfAborted()
  }

  /** Measures each of the layouts once. Those that prove impossible are marked so in the ledger. */
  async round(layouts: readonly Layout[], phase: Phase, step: string): Promise<void> {
    const round = this.ledger.beginRound()
    for (const layout of this.#orderOf(layouts)) {
      if (!this.isOut(layout)) await this.#leg(round, layout, phase, step)
    }
  }

  /** Every second round of the same layouts is run backwards: what a drift gave to one of two it takes away again. */
  #orderOf(layouts: readonly Layout[]): readonly Layout[] {
    const before = this.#toMirror
    const isSame = before.length === layouts.length && layouts.every((layout) => before.includes(layout))
    const order = isSame ? [...before].reverse() : shuffled(layouts, this.#options.random)
    this.#toMirror = isSame ? [] : order
    return order
  }

  /** Whether it is known that the machine cannot have it. */
  isOut(layout: Layout): boolean {
    const known = this.ledger.known(layout)?.impossible ?? null
    return known !== null || this.impossible.some(({ knob, value }) => layout[knob] === value)
  }

  async #leg(round: number, layout: Layout, phase: Phase, step: string): Promise<void> {
    const { ledger, signal } = this.#options
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      this.checkSignal()
      this.#options.onProgress?.({
        phase,
        step,
        round,
        layout,
        samplesSoFar: ledger.legs,
        secondsLeft: this.clock.leftSeconds,
      })
      try {
        const sample = await this.#measure(layout)
        const again =
          this.#isDisturbed(sample) && this.clock.hasTimeFor(2, this.keepSeconds) ? await this.#measure(layout) : sample
        ledger.record(round, layout, takenBy(again) < takenBy(sample) ? again : sample)
        return
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof LayoutImpossibleError) && attempt < attemptsMax) continue
        this.#exclude(layout, error)
        return
      }
    }
  }

  async #measure(layout: Layout): Promise<Sample> {
    const { subject, clock, signal } = this.#options
    const startedSeconds = clock.now()
    const sample = await subject.measure(layout, clock.legSeconds, signal)
    clock.legTook(clock.now() - startedSeconds)
    if (sample.operations === 0) throw new Error('no operation was finished in the time of a leg')
    this.#taken.push(takenBy(sample))
    return sample
  }

  /** Whether somebody took much more of the machine than usual: such a leg is run again, once, and the quieter one counts. */
  #isDisturbed(sample: Sample): boolean {
    return takenBy(sample) > median(this.#taken) + disturbedFrom
  }

  /**
   * A layout is out. Where a single knob's value makes it differ from one that works, and no layout works that has the value, the value is out.
   * One that has worked and now fails goes on: something else was wrong.
   */
  #exclude(layout: Layout, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const entry = this.ledger.entry(layout)
    if (entry.rounds.size > 0) return
    entry.impossible = reason
    if (!(error instanceof LayoutImpossibleError) || this.impossible.some(({ knob, value }) => layout[knob] === value))
      return
    const works = this.ledger.entries.filter(({ rounds }) => rounds.size > 0).map((each) => each.layout)
    for (const other of works) {
      const turned = differingKnobs(layout, other).find(({ name }) => {
        const single = normaliseLayout(withValue(other, name, layout[name]))
        return layoutKey(single) === entry.key && works.every((each) => each[name] !== layout[name])
      })
      if (turned === undefined) continue
      this.impossible.push({ knob: turned.name, value: layout[turned.name], reason })
      return
    }
  }
}
