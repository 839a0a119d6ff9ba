// The best layout of a simulated machine, found by trying every one there is: what the search is held against. Used by the tests of the search.
import { knobsFor, normaliseLayout } from '../../services/tune/layouts.ts'
import { isHeld } from '../../services/tune/knobs.ts'
import type { Knob, KnobName, KnobValue } from '../../services/tune/knobs.ts'
import type { Layout, WorkloadName } from '../../services/tune/types.ts'
import { facts, overheadSeconds, truth } from './simulated-machine.ts'
import type { MachineModel, Truth } from './simulated-machine.ts'

export interface Sweep {
  readonly best: Layout
  readonly bestWork: number
  readonly layouts: number
}

export const workOfTruth = (workload: WorkloadName, found: Truth): number =>
  workload === 'sequential-read' ? found.bytesPerSecond : found.operationsPerSecond

/** Every layout of the knobs' candidates and, in their place, the values of `current`; each once. */
export function sweep(
  machine: MachineModel,
  workload: WorkloadName,
  current: Layout,
  options: { readonly p99NsMax: number; readonly only?: readonly KnobName[] },
): Sweep {
  let best = current
  let bestWork = 0
  let layouts = 0
  forEachLayout(knobsFor(workload, options.only), facts(machine), current, (layout) => {
    if (layout.poller === 'kernel' && machine.sqThreadsDenied !== undefined) return
    layouts++
    const found = truth(machine, workload, layout)
    const work = workOfTruth(workload, found)
    if (found.p99Ns <= options.p99NsMax && work > bestWork) [best, bestWork] = [{ ...layout }, work]
  })
  return { best, bestWork, layouts }
}

/** How long a sweep takes with as many legs of each layout as the search decides by. */
export const sweepSeconds = ({ layouts }: Sweep, legSeconds: number): number =>
  layouts * 5 * (legSeconds + overheadSeconds)

function forEachLayout(
  knobs: readonly Knob[],
  machine: ReturnType<typeof facts>,
  current: Layout,
  visit: (layout: Layout) => void,
): void {
  const layout: Layout & Record<string, KnobValue> = { ...current }
  const turn = (at: number): void => {
    const knob = knobs[at]
    if (knob === undefined) {
      const normal = normaliseLayout(layout)
      // The same layout under another name comes by as itself, too.
      if (normal.batch === layout.batch && normal.clients === layout.clients) visit(layout)
      return
    }
    const candidates = knob.candidates(machine)
    const before = layout[knob.name]
    const all = candidates.includes(before) ? candidates : [...candidates, before]
    for (const value of isHeld(knob, layout) ? [knob.rest] : all) {
      Object.assign(layout, { [knob.name]: value })
      turn(at + 1)
    }
    Object.assign(layout, { [knob.name]: before })
  }
  turn(0)
}
