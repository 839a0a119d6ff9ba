// Coordinate descent: one knob after the other, in the order of what they are expected to matter, each by a race of its values; pass after pass until
// none gains. Used by search.ts.
import { isHeld } from './knobs.ts'
import type { Knob, KnobName, KnobValue, TunedMachine } from './knobs.ts'
import type { LegRunner } from './legs.ts'
import { distance, layoutKey, normaliseLayout, withValue } from './layouts.ts'
import { judge, savesCpu, tieShare } from './objective.ts'
import { gainShareMin } from './outcome.ts'
import { legsOfRace, race, roundsMin } from './race.ts'
import type { Raced } from './race.ts'
import type { Layout } from './types.ts'

export interface DescentOptions {
  readonly machine: TunedMachine
  readonly knobs: readonly Knob[]
  /** Near to what ties are decided. */
  readonly defaults: Layout
  readonly reserveSeconds: number
}

const passesMax = 4
/** A value that was this far behind is not tried again: what other knobs do to it is not as much. */
const hopelessShare = 0.7
/** Steps along a scale that are tried at first, and in later passes. */
const reach = { first: 2, later: 1 } as const
/** Turned together: more of the one alone may gain nothing without more of the other. */
const partners: readonly (readonly KnobName[])[] = [
  ['clients', 'rings'],
  ['clients', 'depth'],
]

export class Descent {
  readonly #legs: LegRunner
  readonly #options: DescentOptions
  /** Of values, by how they did when they were turned alone: at best this share of the leader's work. */
  readonly #shares = new Map<string, number>()
  #leader: Layout
  /** Work given up for less CPU or simplicity since the leader was last found by work, as a logarithm: small losses must not add up. */
  #given = 0
  #outOfTime = false

  constructor(legs: LegRunner, start: Layout, options: DescentOptions) {
    this.#legs = legs
    this.#leader = start
    this.#options = options
  }

  /** Whether it was ended by the time, and not because nothing gained any more. */
  get outOfTime(): boolean {
    return this.#outOfTime
  }

  get leader(): Layout {
    return this.#leader
  }

  /** Until nothing gains or the time is over. Throws the signal's reason; `leader` is then the best so far. */
  async run(): Promise<void> {
    for (let pass = 1; pass <= passesMax; pass++) {
      const before = layoutKey(this.#leader)
      for (const knob of this.#options.knobs) await this.#turn(knob, pass)
      for (const names of partners) await this.#turnTogether(names, pass)
      await this.#turnPollers(pass)
      if (layoutKey(this.#leader) === before) await this.#simplify()
      if (layoutKey(this.#leader) === before) return
    }
  }

  /** What a knob was turned to for nothing is turned back: in a race of many the default may have been left behind by chance. */
  async #simplify(): Promise<void> {
    const { knobs, defaults } = this.#options
    for (const knob of knobs) {
      const back = normaliseLayout(withValue(this.#leader, knob.name, defaults[knob.name]))
      await this.#raceFor([back], `simpler: ${knob.title} ${knob.format(back[knob.name])}`)
    }
  }

  /** Races the values of one knob; along a scale it goes on for as long as the best is the farthest that was tried. */
  async #turn(knob: Knob, pass: number): Promise<void> {
    for (;;) {
      const values = this.#valuesToTry(knob, pass)
      const layouts = values.map((value) => normaliseLayout(withValue(this.#leader, knob.name, value)))
      const step = `pass ${pass}: ${knob.title} ${values.map(knob.format).join(', ')}`
      const before = this.#leader
      const round = this.#legs.ledger.lastRound
      const turned = await this.#raceFor(layouts, step)
      if (knob.name === 'poller' && turned) this.#shares.clear()
      for (const [at, value] of values.entries()) {
        const against = this.#legs.ledger.compare(layouts[at]!, before, round)
        if (against !== null && against.rounds >= 2)
          this.#shares.set(`${knob.name} ${String(value)}`, against.score.high)
      }
      if (!turned || !knob.scale) return
      const steps = Math.abs(this.#indexOf(knob, this.#leader) - this.#indexOf(knob, before))
      if (steps < (pass === 1 ? reach.first : reach.later)) return
    }
  }

  async #turnTogether(names: readonly KnobName[], pass: number): Promise<void> {
    const knobs = this.#options.knobs.filter(({ name }) => names.includes(name))
    if (knobs.length < names.length) return
    for (const step of [1, -1]) {
      const title = `pass ${pass}: ${step > 0 ? 'more' : 'less'} ${knobs.map((knob) => knob.title).join(' and ')}`
      for (;;) {
        const moved = this.#movedAlong(knobs, step)
        if (moved === null || !(await this.#raceFor([moved], title))) break
      }
    }
  }

  /** Another poller may need other numbers of clients, and is no better with those of this one. */
  async #turnPollers(pass: number): Promise<void> {
    const [poller, clients] = (['poller', 'clients'] as const).map((name) =>
      this.#options.knobs.find((knob) => knob.name === name),
    )
    if (poller === undefined || clients === undefined) return
    const layouts = [1, -1].flatMap((step) => {
      const moved = this.#movedAlong([clients], step)
      const others = this.#scaleOf(poller).filter((value) => value !== this.#leader.poller)
      return moved === null ? [] : others.map((value) => withValue(moved, 'poller', value))
    })
    await this.#raceFor(layouts.map(normaliseLayout), `pass ${pass}: other pollers with more or fewer clients`)
  }

  #movedAlong(knobs: readonly Knob[], step: number): Layout | null {
    let moved = this.#leader
    for (const knob of knobs) {
      const value = this.#scaleOf(knob)[this.#indexOf(knob, this.#leader) + step]
      if (value === undefined) return null
      moved = withValue(moved, knob.name, value)
    }
    return normaliseLayout(moved)
  }

  /** Whether another layout leads now. */
  async #raceFor(layouts: readonly Layout[], step: string): Promise<boolean> {
    const leader = this.#leader
    const challengers = different(layouts).filter(
      (layout) => layoutKey(layout) !== layoutKey(leader) && !this.#isKnown(layout) && !this.#legs.isOut(layout),
    )
    if (challengers.length === 0) return false
    const { reserveSeconds } = this.#options
    if (!this.#legs.clock.hasTimeFor(legsOfRace(challengers.length), reserveSeconds)) this.#outOfTime = true
    const raced = await race(this.#legs, leader, challengers, { phase: 'descent', step, reserveSeconds })
    const next = this.#best(raced)
    if (next === null) return false
    this.#leader = next
    return true
  }

  /** Whether it was decided against this leader before. */
  #isKnown(layout: Layout): boolean {
    const against = this.#legs.ledger.compare(layout, this.#leader)
    return (
      against !== null && (against.rounds >= roundsMin || (against.rounds >= 2 && against.score.high < hopelessShare))
    )
  }

  /** The challenger to go on with: what does more, else what does as much and is cheaper or simpler; null: the leader stays. */
  #best(raced: readonly Raced[]): Layout | null {
    const [first] = raced
    // The time is over: what looks better is for the confirmation to decide.
    if (first !== undefined && this.#outOfTime && first.against.score.value > 1 + gainShareMin) return first.layout
    const decided = raced.filter(({ against }) => against.rounds >= roundsMin)
    const gained = decided.find(({ against }) => judge(against) === 'better')
    if (gained !== undefined) {
      this.#given = 0
      return gained.layout
    }
    const byCpu = [...decided].sort((a, b) => a.against.cpu.value - b.against.cpu.value)
    const preferred = byCpu.find((each) => this.#isPreferable(each))
    if (preferred === undefined) return null
    this.#given = Math.max(0, this.#given - Math.log(preferred.against.score.value))
    return preferred.layout
  }

  /** As much work for less CPU, or for no more and nearer to the defaults: as much, where a loss that counts is ruled out and not only not seen. */
  #isPreferable({ layout, against }: Raced): boolean {
    const { score, cpu } = against
    if (score.value < 1 - tieShare || score.low < 1 - gainShareMin) return false
    if (this.#given - Math.log(score.value) > Math.log(1 + tieShare)) return false
    if (savesCpu(against)) return true
    const { defaults } = this.#options
    return cpu.value < 1 + tieShare && distance(layout, defaults) < distance(this.#leader, defaults)
  }

  #valuesToTry(knob: Knob, pass: number): KnobValue[] {
    if (isHeld(knob, this.#leader)) return []
    const scale = this.#scaleOf(knob)
    const at = this.#indexOf(knob, this.#leader)
    const near = !knob.scale ? Infinity : pass === 1 ? reach.first : reach.later
    const isHopeless = (value: KnobValue): boolean =>
      (this.#shares.get(`${knob.name} ${String(value)}`) ?? 1) < hopelessShare
    return scale.filter((value, index) => index !== at && Math.abs(index - at) <= near && !isHopeless(value))
  }

  #indexOf(knob: Knob, layout: Layout): number {
    return this.#scaleOf(knob).indexOf(layout[knob.name])
  }

  /** The candidates and, in its place, the value that the leader has. */
  #scaleOf(knob: Knob): KnobValue[] {
    const candidates = knob.candidates(this.#options.machine)
    const current = this.#leader[knob.name]
    if (candidates.includes(current)) return [...candidates]
    return [...candidates, current].sort((a, b) => Number(a) - Number(b))
  }
}

function different(layouts: readonly Layout[]): Layout[] {
  return [...new Map(layouts.map((layout) => [layoutKey(layout), layout])).values()]
}
