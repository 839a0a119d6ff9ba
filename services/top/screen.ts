// One screen as lines: head, tables, help, keys. Used by run.ts. Pure: the same snapshot, view and size give the same lines.
import { count, rate, size, time } from './column.ts'
import type { Snapshot, StageTimes } from './snapshot.ts'
import type { Paint, Style } from './style.ts'
import { tablesOf } from './tables.ts'
import { neutralise } from '../visible-text.ts'
import { cut, fit, widthOf, wrap } from './text.ts'
import { activeTable, keys, type Shown, type View } from './view.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Screen extends Shown {
  /** As many as the terminal has; none is wider than it. */
  readonly lines: string[]
}

export interface Scene {
  /** Null: nothing has come yet. */
  readonly snapshot: Snapshot | null
  readonly view: View
  readonly intervalMs: number
  /** Why nothing comes any more, and since when; null: it does. */
  readonly lost: { readonly reason: string; readonly forSeconds: number } | null
  readonly paint: Paint
  /** Where the daemon is. */
  readonly admin: string
}

/** Below this a table has no room for what it is about. */
export const sizeMin: Size = { columns: 60, rows: 12 }

const joint = '  '
/** As wide as they get: what stands after them does not move. */
const figure = (text: string): string => text.padStart(5)
const sizeFigure = (text: string): string => text.padStart(7)
const timeFigure = (text: string): string => text.padStart(6)

export function drawScreen(scene: Scene, { columns, rows }: Size): Screen {
  const { snapshot, view, paint } = scene
  if (columns < sizeMin.columns || rows < sizeMin.rows) return tooSmall(columns, rows)
  const head =
    snapshot === null
      ? [fit(`ringmaster top: waiting for ${scene.admin}`, columns)]
      : headLines(scene, snapshot, columns)
  const lost = scene.lost === null ? [] : [paint(fit(lostWords(scene.lost), columns), 'bad')]
  const foot = paint(fit(footWords(view, columns), columns), 'inverse')
  const height = rows - head.length - lost.length - 1
  const titles = activeTable(view).titles(columns, view.sorts[activeTable(view).name]!)
  const body = bodyOf(scene, columns, height)
  const blank = Array.from({ length: Math.max(0, height - body.lines.length) }, () => '')
  return {
    lines: [...head, ...lost, ...body.lines.slice(0, height), ...blank, foot],
    titles,
    page: Math.max(1, height - 2),
    scrollMax: body.scrollMax,
  }
}

function tooSmall(columns: number, rows: number): Screen {
  const words = [
    'terminal too small:',
    `${columns}×${rows} is less`,
    `than ${sizeMin.columns}×${sizeMin.rows}`,
    'q quits',
  ]
  const lines = words.slice(0, rows).map((line) => cut(line, columns))
  return {
    lines: [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, () => '')],
    titles: [],
    page: 1,
    scrollMax: 0,
  }
}

/** What is said of all rings together. */
export function headLines(
  { view, lost, intervalMs, paint }: Pick<Scene, 'view' | 'lost' | 'intervalMs' | 'paint'>,
  snapshot: Snapshot,
  columns: number,
): string[] {
  const { daemon, rates, stages, atMs } = snapshot
  const state: readonly [string, Style] =
    lost !== null ? ['LOST', 'bad'] : view.frozen ? ['FROZEN', 'warning'] : [`every ${intervalMs / 1000} s`, 'faint']
  const { version, host, pid, startedMs, kernel, effectiveCpus } = daemon
  const facts = [
    `ringmaster ${cut(neutralise(version), 24)}`,
    `pid ${pid} on ${cut(neutralise(host), 24)}`,
    `up ${elapsed((atMs - startedMs) / 1000)}`,
    `${count(effectiveCpus)} CPUs`,
    `Linux ${neutralise(kernel)}`,
  ]
  const room = columns - widthOf(state[0]) - 1
  const numbers: readonly (readonly [string, Style | null])[] = [
    readiness(snapshot),
    [`${figure(rate(rates.operationsPerSecond))} op/s`, 'strong'],
    [`${sizeFigure(size(rates.bytesPerSecond))}/s`, null],
    [`${figure(rate(rates.enterCallsPerSecond))} enter/s`, null],
    [`${figure(rate(rates.wakeupsPerSecond))} wake-ups/s`, null],
    [`${figure(rate(rates.errorsPerSecond))} errors/s`, rates.errorsPerSecond > 0 ? 'bad' : null],
    [`${figure(count(snapshot.inFlight))} in flight`, null],
    ...leftOut(snapshot),
  ]
  const stage = (name: string, { p50Ns, p99Ns }: StageTimes): readonly [string, Style | null] => [
    `${name} ${timeFigure(time(p50Ns))} ${timeFigure(time(p99Ns))}`,
    null,
  ]
  return [
    `${paint(fit(wholeParts(facts, room), room), 'strong')} ${paint(state[0], state[1])}`,
    joined(numbers, columns, paint),
    joined(
      [
        ['p50 p99:', 'faint'],
        stage('queued', stages.queued),
        stage('kernel', stages.kernel),
        stage('delivered', stages.delivered),
      ],
      columns,
      paint,
    ),
  ]
}

/** As many as have room. */
function wholeParts(parts: readonly string[], columns: number): string {
  let line = parts[0]!
  for (const part of parts.slice(1)) {
    if (widthOf(line) + joint.length + widthOf(part) > columns) break
    line += joint + part
  }
  return line
}

function readiness({ ready }: Snapshot): readonly [string, Style | null] {
  if (ready === null) return ['attached', 'good']
  return ready.ok ? ['ready', 'good'] : [`not ready: ${cut(neutralise(ready.reason), 30)}`, 'bad']
}

function leftOut({ ringsLeftOut, ringsCountersOnly }: Snapshot): (readonly [string, Style | null])[] {
  if (ringsLeftOut > 0) return [[`${ringsLeftOut} rings not told`, 'warning']]
  return ringsCountersOnly > 0 ? [[`${ringsCountersOnly} rings: counters only`, 'faint']] : []
}

/** As many parts as have room, whole, the first ones before others. */
function joined(parts: readonly (readonly [string, Style | null])[], columns: number, paint: Paint): string {
  let line = ''
  let used = 0
  for (const [text, style] of parts) {
    const more = widthOf(text) + (used === 0 ? 0 : joint.length)
    if (used + more > columns) continue
    line += (used === 0 ? '' : joint) + paint(text, style)
    used += more
  }
  return line
}

/** 45 s, 12 min, 3 h 5 min, 2 d 4 h */
function elapsed(seconds: number): string {
  const [s, min, h, d] = [seconds, seconds / 60, seconds / 3600, seconds / 86_400].map((one) =>
    Math.max(0, Math.floor(one)),
  )
  if (min! === 0) return `${s!} s`
  if (h! === 0) return `${min!} min`
  return d! === 0 ? `${h!} h ${min! % 60} min` : `${d!} d ${h! % 24} h`
}

/** The first sentence says what is wrong; what to do is: wait. */
const lostWords = ({ reason, forSeconds }: { reason: string; forSeconds: number }): string =>
  `${neutralise(reason).split(/[.](?: |$)/, 1)[0]!}. Tried again every second, for ${elapsed(forSeconds)}.`

function footWords(view: View, columns: number): string {
  const table = activeTable(view)
  const { title, descending } = view.sorts[table.name]!
  const shown = view.help ? 'help' : (view.only ?? 'all')
  const words = [
    'q quit',
    view.help ? '? back' : '? help',
    view.frozen ? 'space go on' : 'space freeze',
    `Tab view: ${shown}`,
    `←→ ${table.name} by ${title}${descending ? '▼' : '▲'}`,
    'r reverse',
    ...(view.only !== null || view.help ? ['↑↓ scroll'] : []),
  ]
  let line = ''
  for (const word of words) if (widthOf(line) + widthOf(word) + 2 <= columns) line += ` ${word} `
  return line
}

interface Body {
  readonly lines: readonly string[]
  readonly scrollMax: number
}

function bodyOf({ snapshot, view, paint }: Scene, columns: number, height: number): Body {
  if (view.help) return helpBody(view, paint, columns, height)
  if (snapshot === null) return { lines: [], scrollMax: 0 }
  if (view.only === null) return { lines: overview(snapshot, view, paint, columns, height), scrollMax: 0 }
  const table = activeTable(view)
  const scrollMax = Math.max(0, table.rowCount(snapshot) - (height - 1))
  const scroll = Math.min(view.scroll, scrollMax)
  const sort = view.sorts[table.name]!
  return { lines: table.draw(snapshot, { width: columns, height, sort, scroll, paint }), scrollMax }
}

function overview(snapshot: Snapshot, view: View, paint: Paint, columns: number, height: number): string[] {
  const shown = tablesOf(snapshot)
  const needed = shown.map((table) => 1 + Math.max(1, table.rowCount(snapshot)))
  const share = (lines: number): number[] => shareRows(needed, lines, Math.floor(lines * ringsShare))
  const all = share(height)
  const isAll = all.every((lines) => lines > 0)
  const heights = isAll ? all : share(height - 1)
  const isRoomy = isAll && heights.reduce((sum, one) => sum + one, 0) + shown.length <= height
  const hidden = shown.filter((_, index) => heights[index] === 0).map(({ name }) => name)
  const tables = shown.flatMap((table, index) => [
    ...(isRoomy ? [''] : []),
    ...table.draw(snapshot, {
      width: columns,
      height: heights[index]!,
      sort: view.sorts[table.name]!,
      scroll: 0,
      paint,
    }),
  ])
  return isAll ? tables : [...tables, paint(fit(`no room for ${hidden.join(', ')}: Tab shows each`, columns), 'faint')]
}

/** Of the lines, so many are for rings before others have any: they are what one looks for. */
const ringsShare = 0.35

/** Lines for each table: what it needs, or as many as the others that need more, too. The first has up to `firstMin` in any case. */
export function shareRows(needed: readonly number[], height: number, firstMin: number): number[] {
  for (let tablesShown = needed.length; tablesShown > 0; tablesShown--) {
    const given = shareEvenly(needed.slice(0, tablesShown), height, firstMin)
    // A header, and how many rows there would be, is of no use to anybody: one table less.
    if (given.every((lines, index) => lines >= Math.min(3, needed[index]!)))
      return needed.map((_, index) => given[index] ?? 0)
  }
  return needed.map(() => 0)
}

function shareEvenly(needed: readonly number[], height: number, firstMin: number): number[] {
  const given = needed.map((lines, index) => (index === 0 ? Math.min(lines, firstMin, height) : 0))
  for (let left = height - given[0]!; left > 0; left--) {
    const hungry = given.filter((lines, index) => lines < needed[index]!)
    if (hungry.length === 0) break
    const least = Math.min(...hungry)
    given[given.findIndex((lines, index) => lines === least && lines < needed[index]!)]!++
  }
  return given
}

function helpBody(view: View, paint: Paint, columns: number, height: number): Body {
  const widest = Math.max(...keys.map(([key]) => widthOf(key)))
  const table = activeTable(view)
  const rowsOf = (term: string, about: string): string[] =>
    wrap(about, columns - widest - 2).map(
      (line, index) => `${paint(fit(index === 0 ? term : '', widest), 'accent')}  ${line}`,
    )
  const lines = [
    ...keys.flatMap(([key, about]) => rowsOf(key, about)),
    paint(fit(`Columns of ${table.name} (wide terminals show more of them):`, columns), 'strong'),
    ...table.columns.flatMap(({ title, about }) => rowsOf(title, about)),
  ]
  const scrollMax = Math.max(0, lines.length - height)
  return { lines: lines.slice(Math.min(view.scroll, scrollMax)), scrollMax }
}
