// All legs, in the order they run in each round. Called by main.ts.
import type { BenchContext, Leg, LegPlan, Scenario } from '../model.ts'
import { cLegs } from './c-legs.ts'
import { nodeLegs } from './node-legs.ts'
import { prototypeLegs } from './prototype-legs.ts'

export const legs: readonly Leg[] = [...nodeLegs, ...prototypeLegs, ...cLegs]

export interface PlannedLeg {
  readonly leg: Leg
  readonly plan: LegPlan
}

export interface SkippedLeg {
  readonly leg: Leg
  readonly reason: string
}

/** `*` stands for anything: `kernel*,fs-promises-*`. A pattern without any leg is a mistake worth a message. */
export function selectLegs(patterns: readonly string[]): readonly Leg[] {
  if (patterns.length === 0) return legs
  for (const pattern of patterns) {
    if (legs.some(({ name }) => matches(name, pattern))) continue
    throw new Error(`no leg '${pattern}'; there are ${legs.map(({ name }) => name).join(', ')}`)
  }
  return legs.filter(({ name }) => patterns.some((pattern) => matches(name, pattern)))
}

export function matches(name: string, pattern: string): boolean {
  const expression = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, '\\$&'))
  return new RegExp(`^${expression.join('.*')}$`).test(name)
}

export function planLegs(
  chosen: readonly Leg[],
  scenario: Scenario,
  context: BenchContext,
): { planned: readonly PlannedLeg[]; skipped: readonly SkippedLeg[] } {
  const planned: PlannedLeg[] = []
  const skipped: SkippedLeg[] = []
  for (const leg of chosen) {
    if (!leg.applies(scenario)) continue
    const plan = leg.plan(scenario, context)
    if ('skip' in plan) skipped.push({ leg, reason: plan.skip })
    else planned.push({ leg, plan })
  }
  return { planned, skipped }
}
