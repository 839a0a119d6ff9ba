// What whoever looks has chosen, and what a key changes of it. Used by run.ts; screen.ts draws it. Pure. To add a key, add it to `keys` and to `press`.
import type { Sort } from './table.ts'
import { tables, type TopTable } from './tables.ts'

export interface View {
  /** Null: all tables, as far as they have room. */
  readonly only: string | null
  /** By a table's name. */
  readonly sorts: Readonly<Record<string, Sort>>
  readonly frozen: boolean
  readonly help: boolean
  /** Rows, or lines of the help, above the first one that is shown. */
  readonly scroll: number
}

export const firstView: View = {
  only: null,
  sorts: Object.fromEntries(tables.map(({ name, sorted }) => [name, sorted])),
  frozen: false,
  help: false,
  scroll: 0,
}

/** A key as node:readline names it. */
export interface Key {
  readonly name: string
  readonly ctrl: boolean
}

export const keys: readonly (readonly [key: string, about: string])[] = [
  ['q, Ctrl-C', 'quit'],
  ['? or h', 'this help, and back'],
  ['space', 'freeze what is shown, and go on'],
  ['Tab, Shift-Tab', 'the next view: all tables, or one of them alone'],
  [`0 to ${tables.length}`, `all tables, or ${tables.map(({ name }) => name).join(', ')} alone`],
  ['← →', 'sort by the column to the left, to the right'],
  ['r', 'reverse the order'],
  ['↑ ↓ PgUp PgDn Home End', 'scroll a table that is alone, or this help'],
]

/** The table that sorting is about: the one that is alone, or the first. */
export const activeTable = ({ only }: View): TopTable => tables.find(({ name }) => name === only) ?? tables[0]!

/** What is drawn, as far as keys have to know. */
export interface Shown {
  /** Titles of the active table's columns. */
  readonly titles: readonly string[]
  /** Lines of a page. */
  readonly page: number
  /** How far it can be scrolled. */
  readonly scrollMax: number
}

/** The view after a key. Null: quit. */
export function press(view: View, key: Key, shown: Shown): View | null {
  if (key.name === 'q' || (key.ctrl && (key.name === 'c' || key.name === 'd'))) return null
  if (key.ctrl) return view
  const sort = view.sorts[activeTable(view).name]!
  switch (key.name) {
    case '?':
    case 'h':
      return { ...view, help: !view.help, scroll: 0 }
    case 'escape':
      return { ...view, help: false, scroll: 0 }
    case 'space':
      return { ...view, frozen: !view.frozen }
    case 'tab':
      return show(view, nextName(view.only, 1))
    case 'backtab':
      return show(view, nextName(view.only, -1))
    case 'left':
      return sortBy(view, neighbourOf(shown.titles, sort.title, -1))
    case 'right':
      return sortBy(view, neighbourOf(shown.titles, sort.title, 1))
    case 'r':
      return withSort(view, { ...sort, descending: !sort.descending })
    default:
      return /^\d$/.test(key.name) && Number(key.name) <= tables.length
        ? show(view, tables[Number(key.name) - 1]?.name ?? null)
        : scrolled(view, key, shown)
  }
}

const show = (view: View, only: string | null): View => ({ ...view, only, help: false, scroll: 0 })

function nextName(only: string | null, step: 1 | -1): string | null {
  const names = [null, ...tables.map(({ name }) => name)]
  return names[(names.indexOf(only) + step + names.length) % names.length]!
}

/** Where the column has no room any more, the first. */
function neighbourOf(titles: readonly string[], title: string, step: 1 | -1): string | undefined {
  const at = titles.indexOf(title)
  return at < 0 ? titles[0] : titles[Math.min(titles.length - 1, Math.max(0, at + step))]
}

function sortBy(view: View, title: string | undefined): View {
  const { columns, name } = activeTable(view)
  if (title === undefined || title === view.sorts[name]!.title) return view
  // The first column is a name: from A to Z. Of numbers one wants the largest.
  return withSort(view, { title, descending: title !== columns[0]!.title })
}

const withSort = (view: View, sort: Sort): View => ({
  ...view,
  scroll: 0,
  sorts: { ...view.sorts, [activeTable(view).name]: sort },
})

function scrolled(view: View, { name }: Key, { page, scrollMax }: Shown): View {
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    down: 1,
    pageup: -page,
    pagedown: page,
    home: -Infinity,
    end: Infinity,
  }
  const step = steps[name]
  if (step === undefined || (view.only === null && !view.help)) return view
  return { ...view, scroll: Math.max(0, Math.min(scrollMax, view.scroll + step)) }
}
