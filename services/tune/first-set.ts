// The layouts that a search begins with: different in what they are, not in a knob. From the best of them the descent starts. Used by search.ts.
import { knobNamed } from './knobs.ts'
import type { KnobName, KnobValue, TunedMachine } from './knobs.ts'
import { layoutKey, normaliseLayout, withValue } from './layouts.ts'
import type { Knob } from './knobs.ts'
import type { Layout } from './types.ts'

/**
 * A short search hardly comes to turn the batch, which is the last of the knobs that matter, and on real rings the largest was best or near it: on 2 CPUs
 * with data in the page cache 1.96 M reads/s, and 1.84 M with 16 (`npm run proof:real`). A long one begins in the middle and turns it both ways.
 */
export const firstBatch = { short: 64, usual: 16 } as const

/**
 * The current layout with each poller; then each poller with much in flight, from several threads and from one. The most telling come first: a short
 * search leaves out the last. Only `knobs` are turned.
 */
export function firstSet(
  current: Layout,
  machine: TunedMachine,
  knobs: readonly Knob[],
  batch: (typeof firstBatch)[keyof typeof firstBatch],
): Layout[] {
  const turned = new Set(knobs.map(({ name }) => name))
  const turn = (layout: Layout, name: KnobName, value: KnobValue | undefined): Layout =>
    value !== undefined && turned.has(name) ? withValue(layout, name, value) : layout
  const scale = (name: KnobName): readonly KnobValue[] => knobNamed(name).candidates(machine)
  const last = (name: KnobName): KnobValue | undefined => scale(name).at(-1)
  const middle = (name: KnobName): KnobValue | undefined => scale(name)[scale(name).length >> 1]
  const deep = (layout: Layout): Layout => turn(turn(layout, 'depth', 128), 'batch', batch)
  const shapes: ((layout: Layout) => Layout)[] = [
    (layout) => layout,
    (layout) => turn(turn(deep(layout), 'clients', middle('clients')), 'rings', middle('rings')),
    deep,
    (layout) => turn(turn(deep(layout), 'clients', last('clients')), 'rings', middle('rings')),
  ]
  const pollers: readonly KnobValue[] = turned.has('poller')
    ? knobNamed('poller').candidates(machine)
    : [current.poller]
  const layouts = shapes.flatMap((shape) => pollers.map((poller) => shape(turn(current, 'poller', poller))))
  const different = new Map(layouts.map(normaliseLayout).map((layout) => [layoutKey(layout), layout]))
  different.delete(layoutKey(current))
  return [...different.values()]
}
