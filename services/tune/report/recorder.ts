// Keeps every leg that counted, with the phase it was run in: for the sparkline, the dots of the confirmation, and intervals of absolute figures. Stands
// between the search and what it measures. Made by services/tune/tune.ts.
import type { Phase, Progress } from '../legs.ts'
import { layoutKey } from '../layouts.ts'
import type { Layout, Sample, Subject } from '../types.ts'

export interface RecordedLeg {
  readonly phase: Phase
  readonly step: string
  readonly round: number
  readonly layout: Layout
  readonly sample: Sample
}

const takenBy = ({ noise }: Sample): number => noise.stealShare + noise.otherShare

export class Recorder implements Subject {
  readonly legs: RecordedLeg[] = []
  readonly #subject: Subject
  readonly #onLeg: (leg: RecordedLeg) => void
  #progress: Progress | null = null
  /** Whether the last leg belongs to the turn that is on: a disturbed leg is run again, and the quieter of the two counts (services/tune/legs.ts). */
  #isAgain = false

  constructor(subject: Subject, onLeg: (leg: RecordedLeg) => void) {
    this.#subject = subject
    this.#onLeg = onLeg
  }

  /** To be told of every turn, before it. */
  readonly onProgress = (progress: Progress): void => {
    this.#progress = progress
    this.#isAgain = false
  }

  async measure(layout: Layout, seconds: number, signal?: AbortSignal): Promise<Sample> {
    const sample = await this.#subject.measure(layout, seconds, signal)
    const progress = this.#progress
    if (progress === null || sample.operations === 0) return sample
    const { phase, step, round } = progress
    const leg = { phase, step, round, layout, sample }
    const last = this.legs.at(-1)
    if (!this.#isAgain || last === undefined) this.legs.push(leg)
    else if (takenBy(sample) < takenBy(last.sample)) this.legs[this.legs.length - 1] = leg
    this.#isAgain = true
    this.#onLeg(leg)
    return sample
  }

  of(layout: Layout, phase?: Phase): RecordedLeg[] {
    const key = layoutKey(layout)
    return this.legs.filter((leg) => layoutKey(leg.layout) === key && (phase === undefined || leg.phase === phase))
  }
}
