// A table that fits a width: which columns have room, how wide each is, and the rows in order. Used by tables.ts. Pure.
import type { Column, Table } from './column.ts'
import { colourless, type Paint } from './style.ts'
import { fit } from './text.ts'

export interface Sort {
  /** Of the column. */
  readonly title: string
  readonly descending: boolean
}

/** A column that has room. */
export interface Placed<Row> {
  readonly column: Column<Row>
  readonly width: number
}

const gap = ' '

/** The columns that fit into `width`, in their order; the first ones of each rank are kept. The rest of the room goes to those that may grow. */
export function placeColumns<Row>({ columns }: Pick<Table<Row>, 'columns'>, sort: Sort, width: number): Placed<Row>[] {
  const leastOf = (column: Column<Row>): number =>
    column.title === sort.title ? Math.max(column.width, column.title.length + 1) : column.width
  const chosen = new Set<Column<Row>>()
  let used = -gap.length
  for (const column of [...columns].sort((one, other) => one.rank - other.rank)) {
    const more = leastOf(column) + gap.length
    // What comes after it is of less use: a gap in the middle would only be strange.
    if (used + more > width && chosen.size > 0) break
    used += more
    chosen.add(column)
  }
  const placed = columns.filter((column) => chosen.has(column)).map((column) => ({ column, width: leastOf(column) }))
  growColumns(placed, width - used)
  return placed
}

/** One column of the terminal at a time, so that those that grow stay alike. */
function growColumns<Row>(placed: { column: Column<Row>; width: number }[], room: number): void {
  let left = room
  let grown = true
  while (left > 0 && grown) {
    grown = false
    for (const place of placed) {
      if (left <= 0 || place.width >= (place.column.widthMax ?? 0)) continue
      place.width++
      left--
      grown = true
    }
  }
}

/** Rows in order; what is unknown comes last, whichever way. Rows that are alike stay as they come. */
export function sortRows<Row>({ columns }: Table<Row>, rows: readonly Row[], sort: Sort): Row[] {
  const column = columns.find(({ title }) => title === sort.title)
  if (column === undefined) return [...rows]
  const direction = sort.descending ? -1 : 1
  return [...rows].sort((one, other) => compare(column.value(one), column.value(other), direction))
}

function compare(one: number | string, other: number | string, direction: number): number {
  if (typeof one === 'number' && typeof other === 'number') {
    if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(one)) - Number(Number.isNaN(other))
    return (one - other) * direction
  }
  return (String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0) * direction
}

export function headerLine<Row>(placed: readonly Placed<Row>[], sort: Sort, width: number): string {
  const cells = placed.map(({ column, width: room }) => {
    const mark = column.title !== sort.title ? '' : sort.descending ? '▼' : '▲'
    return fit(column.title + mark, room, column.align)
  })
  return fit(cells.join(gap), width)
}

export function rowLine<Row>(placed: readonly Placed<Row>[], row: Row, paint: Paint = colourless): string {
  return placed
    .map(({ column, width }) => paint(fit(column.text(row, width), width, column.align), column.style?.(row) ?? null))
    .join(gap)
}
