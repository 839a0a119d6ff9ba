// What several threads have counted of who asks for which files, as one report. Used by services/blob/service.ts, whose instances each count
// for themselves.
import { trafficRowsMax, trafficVersion, type TrafficReport } from '../../metrics/traffic-report.ts'
import { top, type WeighedRow } from './busiest.ts'
import type { TrafficPart } from './traffic.ts'

/** A name in the sum: its rows in the parts, by part. */
interface Known {
  id: number
  rows: ReadonlyMap<number, WeighedRow>
}

/** Of one list. Whoever reads takes a row's counters for growing while its id is the same. */
class SummedRows {
  private known = new Map<string, Known>()
  private made = 0

  add(parts: ReadonlyMap<number, readonly WeighedRow[]>): WeighedRow[] {
    const names = new Map<string, Map<number, WeighedRow>>()
    for (const [part, rows] of parts) {
      for (const row of rows) {
        const found = names.get(row.name)
        if (found === undefined) names.set(row.name, new Map([[part, row]]))
        else found.set(part, row)
      }
    }
    const before = this.known
    this.known = new Map()
    return [...names].map(([name, rows]) => {
      const known = before.get(name)
      const id = known !== undefined && goesOn(known.rows, rows) ? known.id : ++this.made
      this.known.set(name, { id, rows })
      const sum = { id, name, open: 0, requests: 0, bytes: 0, weight: 0 }
      for (const row of rows.values()) {
        sum.open += row.open
        sum.requests += row.requests
        sum.bytes += row.bytes
        sum.weight += row.weight
      }
      return sum
    })
  }
}

/** Whether no part has begun anew: a place that was given away and taken again has another id. */
const goesOn = (before: Known['rows'], rows: Known['rows']): boolean =>
  [...before].every(([part, { id }]) => rows.get(part)?.id === id)

export class TrafficSum {
  private readonly files = new SummedRows()
  private readonly clients = new SummedRows()

  /** By the number of the thread. */
  report(parts: ReadonlyMap<number, TrafficPart>): TrafficReport {
    const list = (rowsOf: (part: TrafficPart) => readonly WeighedRow[]): Map<number, readonly WeighedRow[]> =>
      new Map([...parts].map(([number, part]) => [number, rowsOf(part)]))
    const atMs = Date.now()
    return {
      trafficVersion,
      atMs,
      sinceMs: Math.min(atMs, ...[...parts.values()].map(({ sinceMs }) => sinceMs)),
      files: top(this.files.add(list(({ files }) => files)), trafficRowsMax),
      clients: top(this.clients.add(list(({ clients }) => clients)), trafficRowsMax),
    }
  }
}
