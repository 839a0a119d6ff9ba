// Every layout of some knobs, each once, and a machine that has those alone. Used by the proof on real rings (main.ts).
import { layoutKey, normaliseLayout, withValue } from '../../../services/tune/layouts.ts'
import { knobs as allKnobs } from '../../../services/tune/knobs.ts'
import type { Knob, TunedMachine } from '../../../services/tune/knobs.ts'
import { LayoutImpossibleError } from '../../../services/tune/types.ts'
import type { Layout, Subject } from '../../../services/tune/types.ts'

/** The knobs with only those depths. */
export function withDepths(knobs: readonly Knob[], depths: readonly number[] | null): readonly Knob[] {
  if (depths === null) return knobs
  return knobs.map((knob) => (knob.name === 'depth' ? { ...knob, candidates: () => depths } : knob))
}

/** All combinations of the knobs' values, and of those that the present layout has, in one form. */
export function gridOf(knobs: readonly Knob[], machine: TunedMachine, current: Layout): Layout[] {
  let layouts = [current]
  for (const { name, candidates } of knobs) {
    const values = new Set([...candidates(machine), current[name]])
    layouts = layouts.flatMap((layout) => [...values].map((value) => withValue(layout, name, value)))
  }
  return [...new Map(layouts.map(normaliseLayout).map((layout) => [layoutKey(layout), layout])).values()]
}

/**
 * What the search is given: where the grid has only some of the depths, the others are impossible, or it might choose one that the sweep did not try. Depths that
 * no knob has, by which the search only keeps a bound, stay possible.
 */
export function onlyDepths(
  subject: Subject,
  knobs: readonly Knob[],
  machine: TunedMachine,
  grid: readonly Layout[],
): Subject {
  const inGrid = new Set(grid.map(({ depth }) => depth))
  const isTurned = knobs.some(({ name }) => name === 'depth')
  const usual = isTurned ? (allKnobs.find(({ name }) => name === 'depth')?.candidates(machine) ?? []) : []
  return {
    measure: (layout, seconds, signal) => {
      if (usual.includes(layout.depth) && !inGrid.has(layout.depth))
        return Promise.reject(new LayoutImpossibleError(`depth ${layout.depth} is not part of this proof`))
      return subject.measure(layout, seconds, signal)
    },
  }
}
