// All legs, in the order they run in each round. Called by main.ts.
import type { BenchContext, Leg, LegPlan, Scenario } from '../model.ts'
import { at } from '../scenarios/index.ts'
import { cLegs } from './c-legs.ts'
import { fioLegs } from './fio-legs.ts'
import { matches, nameAt } from './names.ts'
import { nodeLegs } from './node-legs.ts'
import { prototypeLegs } from './prototype-legs.ts'

const legs: readonly Leg[] = [...nodeLegs, ...prototypeLegs, ...cLegs, ...fioLegs]

export interface PlannedLeg {
  /** With the value of the sweep, where there is one. */
  readonly name: string
  readonly title: string
  readonly plan: LegPlan
}

export interface SkippedLeg {
  readonly name: string
  readonly reason: string
}

/** `*` stands for anything: `kernel*,fs-promises-*`. A pattern without any leg is a mistake worth a message. */
export function selectLegs(patterns: readonly string[]): readonly Leg[] {
  if (patterns.length === 0) return legs
  const bare = patterns.map((pattern) => pattern.split('@')[0]!)
  for (const pattern of bare) {
    if (legs.some(({ name }) => matches(name, pattern))) continue
    throw new Error(`no leg '${pattern}'; there are ${legs.map(({ name }) => name).join(', ')}`)
  }
  return legs.filter(({ name }) => bare.some((pattern) => matches(name, pattern)))
}

/** Which of the legs take part in a scenario, whether or not they can here. */
export function legsIn(scenario: Scenario, chosen: readonly Leg[] = legs): readonly Leg[] {
  return chosen.filter(
    (leg) =>
      leg.applies(scenario) &&
      (scenario.legs === undefined || scenario.legs.some((pattern) => matches(leg.name, pattern))),
  )
}

export function planLegs(
  chosen: readonly Leg[],
  scenario: Scenario,
  context: BenchContext,
): { planned: readonly PlannedLeg[]; skipped: readonly SkippedLeg[] } {
  const planned: PlannedLeg[] = []
  const skipped: SkippedLeg[] = []
  for (const leg of legsIn(scenario, chosen)) {
    for (const value of scenario.sweep?.values ?? [null]) {
      const plan = leg.plan(value === null ? scenario : at(scenario, value), context, value)
      const name = nameAt(leg.name, value)
      if ('skip' in plan) skipped.push({ name, reason: plan.skip })
      else planned.push({ name, title: leg.title, plan })
    }
  }
  return { planned, skipped }
}
