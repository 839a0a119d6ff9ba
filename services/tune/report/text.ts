// A report for a terminal or a log: head, three blocks, aligned, no wider than asked. Pure. Called by services/cli/tune.ts.
import { styleText } from 'node:util'
import { blocksOf, headOf } from './blocks.ts'
import type { Block } from './blocks.ts'
import type { TuneReport } from './model.ts'

export interface TextOptions {
  readonly colour: boolean
  /** Columns. */
  readonly width: number
}

type Style = 'bold' | 'dim' | 'yellow' | 'green' | 'red'
type Paint = (style: Style, text: string) => string

const indent = '  '
const gap = '  '
/** Of a last column that is wrapped: less is no use to anybody. */
const lastColumnMin = 24

export function formatReport(report: TuneReport, { colour, width }: TextOptions): string {
  const paint: Paint = (style, text) =>
    colour && text !== '' ? styleText(style, text, { validateStream: false }) : text
  const [what, where] = headOf(report)
  const head = [
    paint('bold', 'ringmaster tune'),
    ...wrap(what, width),
    ...wrap(where, width).map((line) => paint('dim', line)),
  ]
  const blocks = blocksOf(report).map((block, place) =>
    drawBlock(block, width, paint, place === 1 ? verdictStyle(report) : null),
  )
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`
}

function verdictStyle({ search }: TuneReport): Style {
  const kind = search?.outcome.kind
  return kind === 'chosen' ? 'green' : kind === 'refused' ? 'red' : 'bold'
}

function drawBlock(block: Block, width: number, paint: Paint, saysStyle: Style | null): string {
  const { title, says, heading, rows, warnings, notes } = block
  const text = (style: Style | null, content: string, lead = ''): string[] =>
    wrap(content, width - indent.length - lead.length).map((line, at) => {
      const begun = `${indent}${at === 0 ? lead : ' '.repeat(lead.length)}${line}`
      return style === null ? begun : paint(style, begun)
    })
  return [
    paint('bold', title.toUpperCase()),
    ...text(saysStyle, says),
    ...(rows.length === 0 ? [] : table(heading, rows, width, paint)),
    ...warnings.flatMap((line) => text('yellow', line, '! ')),
    ...notes.flatMap((line) => text('dim', line)),
  ].join('\n')
}

/** Columns as wide as their cells; the last is wrapped to what is left. */
function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
  paint: Paint,
): string[] {
  const all = [heading, ...rows]
  const last = heading.length - 1
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const before = indent.length + widths.slice(0, last).reduce((sum, each) => sum + each + gap.length, 0)
  const room = width - before
  if (room < Math.min(lastColumnMin, widths[last]!)) return stacked(heading, rows, width, paint)
  return all.flatMap((row, at) => {
    const cells = widths.slice(0, last).map((each, column) => (row[column] ?? '').padEnd(each))
    const lines = wrap(row[last] ?? '', room).map((line, number) =>
      (number === 0 ? [`${indent}${cells.join(gap)}`, line].join(gap) : ' '.repeat(before) + line).trimEnd(),
    )
    return at === 0 ? lines.map((line) => paint('dim', line)) : lines
  })
}

/** Where the columns do not fit: a line for each cell, below the row's name. */
function stacked(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
  paint: Paint,
): string[] {
  return rows.flatMap(([name = '', ...cells]) => {
    const named = cells.flatMap((cell, at) => {
      const title = heading[at + 1] ?? ''
      const lead = title === '' ? '' : `${title}: `
      return cell === '' ? [] : wrap(lead + cell, width - 4).map((line) => `    ${line}`)
    })
    return [...wrap(name, width - 2).map((line) => paint('bold', indent + line)), ...named]
  })
}

/** At blanks; what has none is cut, so that nothing is ever wider. */
function wrap(text: string, width: number): string[] {
  const most = Math.max(16, width)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const next = line === '' ? word : `${line} ${word}`
    if (next.length <= most) line = next
    else {
      if (line !== '') lines.push(line)
      line = word
      while (line.length > most) {
        lines.push(line.slice(0, most))
        line = line.slice(most)
      }
    }
  }
  return [...lines, line]
}
