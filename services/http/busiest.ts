// The busiest of very many names, in a table of fixed size. Used by traffic.ts for files and for clients. Pure.
//
// Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005): a name that
// finds no room takes the place of the one with the least weight and inherits its weight. So whatever makes up more than one part in
// `namesMax` of all requests has a place. Weights are halved now and then: what was busy long ago gives way. What is told is not the
// weight but what was counted since the name has its place, which is exact.
import type { TrafficRow } from '../../metrics/traffic-report.ts'

/** A name's place. Who holds one may go on counting after it was given away: nobody sees it then. */
export interface BusyName {
  readonly id: number
  readonly name: string
  open: number
  requests: number
  bytes: number
  weight: number
}

export interface WeighedRow extends TrafficRow {
  readonly weight: number
}

/** The busiest first. */
export const top = (rows: readonly WeighedRow[], rowsMax: number): TrafficRow[] =>
  [...rows]
    .sort((one, other) => other.weight - one.weight || one.id - other.id)
    .slice(0, rowsMax)
    .map(({ id, name, open, requests, bytes }) => ({ id, name, open, requests, bytes }))

export class Busiest {
  private readonly namesMax: number
  private readonly names = new Map<string, BusyName>()
  private made = 0

  constructor(namesMax: number) {
    this.namesMax = namesMax
  }

  /** One more request for `name`. */
  begin(name: string): BusyName {
    let found = this.names.get(name)
    if (found === undefined) {
      const inherited = this.names.size < this.namesMax ? 0 : this.giveAway()
      found = { id: ++this.made, name, open: 0, requests: 0, bytes: 0, weight: inherited }
      this.names.set(name, found)
    }
    found.open++
    found.requests++
    found.weight++
    return found
  }

  /** All that have a place, as they are now. */
  rows(): WeighedRow[] {
    return [...this.names.values()].map((row) => ({ ...row }))
  }

  halve(): void {
    for (const name of this.names.values()) name.weight /= 2
  }

  clear(): void {
    this.names.clear()
  }

  /** Makes room; returns the weight of what was there. What is being answered stays while there is something else. */
  private giveAway(): number {
    let least: BusyName | undefined
    for (const name of this.names.values()) {
      if (least === undefined || rank(name) < rank(least)) least = name
    }
    if (least === undefined) return 0
    this.names.delete(least.name)
    return least.weight
  }
}

const rank = ({ open, weight }: BusyName): number => (open > 0 ? Number.MAX_SAFE_INTEGER / 2 + weight : weight)
