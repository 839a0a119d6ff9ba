// Which operations have a layer of their own in the chart of operations, and what they completed. Pure; used by charts.ts.

import { counterOf } from './history.ts'
import { isBookkeeping } from './operations.ts'
import type { LiveFrame } from '../live-protocol.ts'

const layersMax = 4
/** A layer gives way to another operation only where that one is so much busier: layers that come and go cannot be read. */
const keptWeight = 2

/** Completions of one operation, of all rings. */
function completionsOf(frame: LiveFrame, op: number): number {
  let sum = 0
  for (const ring of frame.rings)
    for (const operation of ring.operations) if (operation[0] === op) sum += operation[3] + operation[6]
  return sum
}

export const grown = (one: LiveFrame, two: LiveFrame, op: number): number =>
  Math.max(0, completionsOf(two, op) - completionsOf(one, op))

/** Completions of all operations; of rings that are counters only, what those say. */
export const allOf = (frame: LiveFrame): number =>
  frame.rings.reduce(
    (sum, ring) =>
      ring.operations.length === 0
        ? sum + counterOf(ring, 'completions')
        : ring.operations.reduce((part, row) => part + row[3] + row[6], sum),
    0,
  )

/** Each layer upon those that come after it: the first is the sum of all. Null, a gap, is one in every layer. */
export function stacked(layers: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const found: (number | null)[][] = []
  for (const layer of [...layers].reverse()) {
    const below = found[0]
    found.unshift(layer.map((value, at) => (value === null ? null : value + (below?.[at] ?? 0))))
  }
  return found
}

/**
 * The operations with most completions between two frames; those of `kept` stay unless others are much busier. Bookkeeping is not among
 * them: it is as much as the work that it is for, and would take its place.
 */
export function busiest(first: LiveFrame, last: LiveFrame, kept: readonly number[]): number[] {
  const ops = new Set(
    last.rings.flatMap((ring) => ring.operations.map(([op]) => op)).filter((op) => !isBookkeeping(op)),
  )
  const weights = new Map([...ops].map((op) => [op, grown(first, last, op) * (kept.includes(op) ? keptWeight : 1)]))
  return [...ops]
    .sort((one, other) => weights.get(other)! - weights.get(one)! || one - other)
    .slice(0, layersMax)
    .sort((one, other) => one - other)
}
