// What is printed where there is no screen: one report (--once), a line for each ring and interval, or JSON. Used by run.ts. Pure.
import { ringsTable } from './columns/rings.ts'
import { headLines } from './screen.ts'
import type { Snapshot } from './snapshot.ts'
import type { Paint } from './style.ts'
import { headerLine, placeColumns, rowLine } from './table.ts'
import { tablesOf } from './tables.ts'
import { neutraliseJson } from '../visible-text.ts'
import { firstView } from './view.ts'

/** Of the tables that may be long, all but rings. */
const rowsMax = 20

/** Head and all tables, as long as they are. */
export function reportLines(snapshot: Snapshot, width: number, intervalMs: number, paint: Paint): string[] {
  const head = headLines({ view: firstView, intervalMs, lost: null, paint }, snapshot, width)
  const body = tablesOf(snapshot).flatMap((table) => {
    const rows = Math.max(1, table.rowCount(snapshot))
    const height = 1 + (table.name === 'rings' ? rows : Math.min(rowsMax, rows))
    return ['', ...table.draw(snapshot, { width, height, sort: table.sorted, scroll: 0, paint })]
  })
  return [...head, ...body]
}

const timeWidth = 9

/** As vmstat does: a line for each ring, after its time. */
export function ringLines(snapshot: Snapshot, width: number, withHeader: boolean): string[] {
  const room = width - timeWidth
  const placed = placeColumns(ringsTable, ringsTable.sorted, room)
  const clock = new Date(snapshot.atMs).toTimeString().slice(0, 8)
  const header = `${'TIME'.padEnd(timeWidth)}${headerLine(placed, ringsTable.sorted, room)}`.trimEnd()
  return [...(withHeader ? [header] : []), ...snapshot.rings.map((row) => `${clock} ${rowLine(placed, row)}`.trimEnd())]
}

/** One line; what is not known is null. */
export const jsonLine = (snapshot: Snapshot): string => neutraliseJson(JSON.stringify(snapshot))
