// Which operations have a line of their own in the chart of operations, and what they completed. Pure; used by charts.ts.

import type { LiveFrame } from '../live-protocol.ts'

const linesMax = 4
/** A line gives way to another operation only where that one is so much busier: lines that come and go cannot be read. */
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

/** Completions of all operations. */
export const allOf = (frame: LiveFrame): number =>
  frame.rings.reduce((sum, ring) => ring.operations.reduce((part, row) => part + row[3] + row[6], sum), 0)

/** The operations with most completions between two frames; those of `kept` stay unless others are much busier. */
export function busiest(first: LiveFrame, last: LiveFrame, kept: readonly number[]): number[] {
  const ops = new Set(last.rings.flatMap((ring) => ring.operations.map(([op]) => op)))
  const weights = new Map([...ops].map((op) => [op, grown(first, last, op) * (kept.includes(op) ? keptWeight : 1)]))
  return [...ops]
    .sort((one, other) => weights.get(other)! - weights.get(one)! || one - other)
    .slice(0, linesMax)
    .sort((one, other) => one - other)
}
