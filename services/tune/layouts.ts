// Layouts as the search handles them: brought into one form, named, compared, told in words. Used by all of services/tune and by the profile.
import { isHeld, knobs } from './knobs.ts'
import type { Knob, KnobName, KnobValue } from './knobs.ts'
import { plainLayout } from './plain-layout.ts'
import type { Layout, TunedWorkload } from './types.ts'

/** What placement decides by itself; the rest is what most programs do. */
export interface PlacedRings {
  readonly poller: Layout['poller']
  readonly rings: number
  readonly sqThreads: 'own' | 'shared' | 'none'
  readonly sqThreadIdleMs: number
}

/** What a program has that uses Ringmaster without options, with this many requests in flight. */
export function defaultLayout(placed: PlacedRings, depth = 32): Layout {
  const { poller, rings, sqThreadIdleMs } = placed
  const sqThreads = placed.sqThreads === 'shared' ? 'shared' : 'own'
  return normaliseLayout({ ...plainLayout, poller, rings, sqThreads, sqThreadIdleMs, depth })
}

/**
 * The same layout in one form: knobs that make no difference have their resting value, and what cannot be is cut down to what can. A thread that
 * sends has at least one request in flight, and a batch is no larger than what one thread may have in flight.
 */
export function normaliseLayout(layout: Layout): Layout {
  const clients = Math.min(layout.clients, layout.depth)
  const batch = Math.min(layout.batch, Math.floor(layout.depth / clients))
  let normal: Layout = { ...layout, clients, batch }
  for (const knob of knobs) if (isHeld(knob, normal)) normal = withValue(normal, knob.name, knob.rest)
  return normal
}

export function withValue(layout: Layout, name: KnobName, value: KnobValue): Layout {
  return { ...layout, [name]: value }
}

/** Equal for layouts that are the same; short enough for logs. */
export function layoutKey(layout: Layout): string {
  return knobs.map(({ name }) => `${name}=${String(layout[name])}`).join(' ')
}

/** The knobs that may matter: to this workload, and of those that the search is limited to. */
export function knobsFor(workload: TunedWorkload, only: readonly KnobName[] | undefined): readonly Knob[] {
  return knobs.filter(({ name, workloads }) => workloads.includes(workload) && (only?.includes(name) ?? true))
}

export function differingKnobs(a: Layout, b: Layout): readonly Knob[] {
  return knobs.filter(({ name }) => a[name] !== b[name])
}

/** How far from the defaults: each knob that somebody has to know of counts, however far it is turned. */
export function distance(layout: Layout, defaults: Layout): number {
  return differingKnobs(layout, defaults).length
}

/** "poller kernel (SQPOLL), rings 4": what differs from another layout, or "the same". */
export function describeDifference(layout: Layout, from: Layout): string {
  const parts = differingKnobs(layout, from).map(({ name, title, format }) => `${title} ${format(layout[name])}`)
  return parts.length === 0 ? 'the same' : parts.join(', ')
}

/** All that somebody needs to set up the same by hand. With a workload: of the knobs that it has. */
export function describeLayout(layout: Layout, workload?: TunedWorkload): string {
  return knobs
    .filter(({ moot, workloads }) => moot(layout) === null && (workload === undefined || workloads.includes(workload)))
    .map(({ name, title, format }) => `${title} ${format(layout[name])}`)
    .join(', ')
}
