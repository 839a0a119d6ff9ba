// What `npm run bench -- --list` prints: one line per scenario, then its legs where it was asked for by name. Called by main.ts; pure.
import { legsIn } from './legs/index.ts'
import type { Scenario } from './model.ts'

export function formatList(chosen: readonly Scenario[], withLegs: boolean): string {
  const width = Math.max(...chosen.map(({ name }) => name.length))
  return chosen
    .map((scenario) => `${scenario.name.padEnd(width)}  ${scenario.title}${legs(scenario, withLegs)}`)
    .join('\n')
}

function legs(scenario: Scenario, withLegs: boolean): string {
  const all = legsIn(scenario)
  const times = scenario.sweep === undefined ? '' : ` × ${scenario.sweep.values.length}`
  const count = ` (${all.length}${times} legs)`
  return withLegs ? `${count}${all.map(({ name, title }) => `\n    ${name}: ${title}`).join('')}` : count
}
