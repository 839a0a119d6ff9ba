// The layouts that a search begins with: different in what they are, not in a knob. From the best of them the descent starts. Used by search.ts.
import { knobNamed } from './knobs.ts'
import type { KnobName, KnobValue, TunedMachine } from './knobs.ts'
import { layoutKey, normaliseLayout, withValue } from './layouts.ts'
import type { Knob } from './knobs.ts'
import type { Layout } from './types.ts'

/**
 * The current layout with each poller; then each poller with much in flight, from several threads and from one. The most telling come first: a short
 * search leaves out the last. Only `knobs` are turned.
 */
export function firstSet(current: Layout, machine: TunedMachine, knobs: readonly Knob[]): Layout[] {
  const turned = new Set(knobs.map(({ name }) => name))
  const turn = (layout: Layout, name: KnobName, value: KnobValue | undefined): Layout =>
    value !== undefined && turned.has(name) ? withValue(layout, name, value) : layout
  const scale = (name: KnobName): readonly KnobValue[] => knobNamed(name).candidates(machine)
  const last = (name: KnobName): KnobValue | undefined => scale(name).at(-1)
  const middle = (name: KnobName): KnobValue | undefined => scale(name)[scale(name).length >> 1]
  const deep = (layout: Layout): Layout => turn(turn(layout, 'depth', 128), 'batch', 16)
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
