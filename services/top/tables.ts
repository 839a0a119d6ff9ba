// The tables of `top`, each with where its rows come from. Used by screen.ts, view.ts and lines.ts. Pure. To add a table: a file in columns/, a row
// here.
import type { Table } from './column.ts'
import { clientsTable } from './columns/clients.ts'
import { filesTable } from './columns/files.ts'
import { jobsTable } from './columns/jobs.ts'
import { operationsTable } from './columns/operations.ts'
import { ringsTable } from './columns/rings.ts'
import type { Snapshot } from './snapshot.ts'
import type { Paint } from './style.ts'
import { headerLine, placeColumns, rowLine, sortRows, type Sort } from './table.ts'
import { cut, fit } from './text.ts'

export interface TableRoom {
  readonly width: number
  /** Lines, the header among them. */
  readonly height: number
  readonly sort: Sort
  /** Rows above the first one that is shown. */
  readonly scroll: number
  readonly paint: Paint
}

/** A table with its rows, whatever they are. */
export interface TopTable {
  readonly name: string
  readonly sorted: Sort
  /** Of every column, where it may be sorted by and what it means. */
  readonly columns: readonly { readonly title: string; readonly about: string }[]
  /** Titles of the columns that have room. */
  titles(width: number, sort: Sort): string[]
  rowCount(snapshot: Snapshot): number
  /** Exactly `height` lines, or fewer where there are fewer rows. */
  draw(snapshot: Snapshot, room: TableRoom): string[]
}

const notTold = 'this process does not tell'

function bind<Row>(table: Table<Row>, rowsOf: (snapshot: Snapshot) => readonly Row[] | null): TopTable {
  const { name, sorted, columns } = table
  return {
    name,
    sorted,
    columns,
    titles: (width, sort) => placeColumns(table, sort, width).map(({ column }) => column.title),
    rowCount: (snapshot) => rowsOf(snapshot)?.length ?? 0,
    draw: (snapshot, { width, height, sort, scroll, paint }) => {
      const rows = rowsOf(snapshot)
      const placed = placeColumns(table, sort, width)
      const header = paint(headerLine(placed, sort, width), 'inverse')
      if (rows === null || rows.length === 0) {
        const words = rows === null ? `${name}: ${notTold}` : table.empty
        return [header, paint(fit(words, width), 'faint')].slice(0, height)
      }
      const room = Math.max(0, height - 1)
      const shown = sortRows(table, rows, sort).slice(scroll)
      const isCut = shown.length > room
      const lines = shown.slice(0, isCut ? room - 1 : room).map((row) => rowLine(placed, row, paint))
      if (isCut && room > 0) lines.push(paint(cut(`… ${shown.length - lines.length} more ${name}`, width), 'faint'))
      return [header, ...lines].slice(0, height)
    },
  }
}

/** Those that are shown together: most processes have no jobs, and need no room for none. */
export const tablesOf = (snapshot: Snapshot): TopTable[] =>
  tables.filter((table) => table.name !== jobsTable.name || table.rowCount(snapshot) > 0)

export const tables: readonly TopTable[] = [
  bind(ringsTable, ({ rings }) => rings),
  bind(operationsTable, ({ operations }) => operations),
  bind(filesTable, ({ files }) => files),
  bind(clientsTable, ({ clients }) => clients),
  bind(jobsTable, ({ jobs }) => jobs),
]
