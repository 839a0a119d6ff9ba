// Depth against rings: of each pair the best layout that had it, against what is used. Empty where none was tried: the search goes where it gains.
// Pure. Called by page.ts.
import { describeDifference } from '../../layouts.ts'
import type { ReportedLayout, ReportedSearch } from '../model.ts'
import { element, heats, onHeat, picture, text } from './svg.ts'
import type { Markup } from './svg.ts'

const margin = { top: 22, right: 8, bottom: 40, left: 44 }

export interface HeatCell {
  readonly depth: number
  readonly rings: number
  /** Its work / that of what is used. */
  readonly ratio: number
  readonly tried: ReportedLayout
}

/** Of each pair the best that was tried. */
export function heatCells({ tried, used }: ReportedSearch): HeatCell[] {
  const best = new Map<string, HeatCell>()
  for (const each of tried) {
    const { depth, rings } = each.layout
    const ratio = each.against?.value ?? (describeDifference(each.layout, used) === 'the same' ? 1 : NaN)
    if (each.legs === 0 || !(ratio > 0)) continue
    const key = `${depth} ${rings}`
    if (ratio > (best.get(key)?.ratio ?? 0)) best.set(key, { depth, rings, ratio, tried: each })
  }
  return [...best.values()]
}

const ascending = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b)

export function heatMap(search: ReportedSearch, width: number): Markup | null {
  const cells = heatCells(search)
  const depths = ascending(cells.map(({ depth }) => depth))
  const rings = ascending(cells.map((cell) => cell.rings))
  if (depths.length * rings.length < 2) return null
  const cellWidth = Math.min(86, (width - margin.left - margin.right) / depths.length)
  const cellHeight = 34
  const height = margin.top + margin.bottom + rings.length * cellHeight
  const most = Math.max(...cells.map(({ ratio }) => ratio))
  const marks: Markup[] = [
    ...depths.map((depth, column) =>
      text(margin.left + (column + 0.5) * cellWidth, height - margin.bottom + 16, String(depth), {
        class: 'tick middle',
      }),
    ),
    ...rings.map((count, row) =>
      text(margin.left - 8, height - margin.bottom - (row + 0.5) * cellHeight + 4, String(count), {
        class: 'tick end',
      }),
    ),
    text(margin.left, height - 6, 'depth →', { class: 'axis' }),
    text(0, 12, 'rings ↑', { class: 'axis' }),
  ]
  for (const [row, count] of rings.entries())
    for (const [column, depth] of depths.entries()) {
      const cell = cells.find((each) => each.depth === depth && each.rings === count)
      const x = margin.left + column * cellWidth
      const y = height - margin.bottom - (row + 1) * cellHeight
      const box = { x: x + 1, y: y + 1, width: cellWidth - 2, height: cellHeight - 2, rx: 3 }
      if (cell === undefined) marks.push(element('rect', { ...box, class: 'heat-none' }))
      else marks.push(drawCell(search, cell, box, most))
    }
  return picture(
    `work of the best layout for each of ${depths.length} depths and ${rings.length} numbers of rings`,
    width,
    height,
    ...marks,
  )
}

function drawCell(
  search: ReportedSearch,
  { depth, rings, ratio, tried }: HeatCell,
  box: { x: number; y: number; width: number; height: number; rx: number },
  most: number,
): Markup {
  const heat = Math.max(0, Math.min(heats - 1, Math.round((ratio / most) * (heats - 1))))
  const percent = `${(ratio * 100).toFixed(0)}${box.width > 44 ? ' %' : ''}`
  const isUsed = depth === search.used.depth && rings === search.used.rings
  const says = `depth ${depth}, rings ${rings}: ${(ratio * 100).toFixed(1)} % of what is used; best with ${describeDifference(tried.layout, search.used)}`
  return element(
    'g',
    {},
    element('title', {}, says),
    element('rect', { ...box, class: `heat-${heat}${isUsed ? ' used' : ''}` }),
    text(box.x + box.width / 2, box.y + box.height / 2 + 4, percent, {
      class: `${onHeat(heat)} middle${box.width < 30 ? ' small' : ''}`,
    }),
  )
}
