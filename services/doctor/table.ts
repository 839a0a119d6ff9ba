// Findings as a table for people: check, need, have, verdict; below a row why, and what mends it. Used by services/cli/doctor.ts. Written by hand: a
// library for tables does not know lines that belong to a row.
import util from 'node:util'
import { doctorExitCodes, groupOf, overall } from './finding.ts'
import type { Finding, Verdict } from './finding.ts'

/** How much is shown. `quiet`: only what is not fine; `verbose`: why, also of what is fine, and each operation of the kernel. */
export type Detail = 'quiet' | 'usual' | 'verbose'

export interface TableOptions {
  readonly detail: Detail
  /** Of the terminal. */
  readonly columns: number
  readonly hasColor: boolean
}

const groupTitles: Readonly<Record<string, string>> = {
  runtime: 'Node.js and the addon',
  rings: 'Rings',
  policy: 'Who may use them',
  kernel: 'Kernel',
  layout: 'The plan',
  memory: 'Memory',
  cpu: 'CPUs',
  storage: 'Storage',
  surroundings: 'Surroundings',
  ports: 'Ports',
}

const colors: Readonly<Record<Verdict, 'green' | 'cyan' | 'magenta' | 'yellow' | 'red'>> = {
  ok: 'green',
  info: 'cyan',
  unknown: 'magenta',
  degraded: 'yellow',
  broken: 'red',
}

/** Lines of at most `width`; a word that is longer stands alone, and whole: paths and commands are copied. Names of files may move the cursor: not here. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD').split(/ +/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** What comes of the kernel's plain yeses: one row for each of these beginnings. */
const folded: readonly (readonly [string, string, string])[] = [
  ['kernel.operation.', 'operations', 'those of files'],
  ['kernel.feature.', 'features', 'those of rings'],
]

function fold(findings: readonly Finding[]): Finding[] {
  const fine = (finding: Finding, beginning: string): boolean =>
    finding.id.startsWith(beginning) && finding.verdict === 'ok'
  const rows: Finding[] = []
  for (const finding of findings) {
    const kind = folded.find(([beginning]) => fine(finding, beginning))
    if (kind === undefined) {
      rows.push(finding)
      continue
    }
    const [beginning, title, need] = kind
    const id = `${beginning}all`
    if (rows.some((row) => row.id === id)) continue
    const count = findings.filter((other) => fine(other, beginning)).length
    rows.push({ ...finding, id, title, need, have: `${count} supported`, why: '--verbose lists them', fix: null })
  }
  return rows
}

const isFine = ({ verdict }: Finding): boolean => verdict === 'ok' || verdict === 'info'

function chosen(findings: readonly Finding[], detail: Detail): Finding[] {
  if (detail === 'verbose') return [...findings]
  return detail === 'quiet' ? findings.filter((finding) => !isFine(finding)) : fold(findings)
}

const indent = '    '
const gap = '  '
const columnsMin = 60
const columnsMax = 140
/** With fewer the cells would be a word wide: what is needed and what there is stand below the check then. */
const columnsOfTable = 80

export function formatFindings(findings: readonly Finding[], { detail, columns, hasColor }: TableOptions): string {
  const rows = chosen(findings, detail)
  const width = Math.min(columnsMax, Math.max(columnsMin, columns))
  const paint = (verdict: Verdict, text: string): string =>
    // Not before Node 20.12.
    hasColor && typeof util.styleText === 'function'
      ? util.styleText(colors[verdict], text, { validateStream: false })
      : text
  const widest = (header: string, cells: readonly string[]): number =>
    Math.max(header.length, ...cells.map((cell) => cell.length))
  const titleWidth = Math.min(
    30,
    widest(
      'CHECK',
      rows.map(({ title }) => title),
    ),
  )
  const verdictWidth = 'degraded'.length
  const rest = width - titleWidth - verdictWidth - 3 * gap.length
  const needWidth = Math.floor(rest * 0.4)
  const haveWidth = rest - needWidth
  const line = (cells: readonly string[], verdict: Verdict | null): string => {
    const [title = '', need = '', have = '', last = ''] = cells
    const text = [title.padEnd(titleWidth), need.padEnd(needWidth), have.padEnd(haveWidth)].join(gap)
    return `${text}${gap}${verdict === null || last === '' ? last : paint(verdict, last)}`.trimEnd()
  }
  const lines: string[] = []
  const note = (label: string, text: string): void => {
    wrap(text, width - indent.length - label.length - 2).forEach((part, index) => {
      lines.push(`${indent}${index === 0 ? `${label}: ` : ' '.repeat(label.length + 2)}${part}`)
    })
  }
  const stacked = ({ title, need, have, verdict }: Finding): void => {
    lines.push(`${title.padEnd(width - verdictWidth - gap.length)}${gap}${paint(verdict, verdict)}`)
    note('need', need)
    note('have', have)
  }
  const row = (finding: Finding): void => {
    const cells = [wrap(finding.title, titleWidth), wrap(finding.need, needWidth), wrap(finding.have, haveWidth)]
    const height = Math.max(...cells.map((cell) => cell.length))
    for (let at = 0; at < height; at++) {
      lines.push(line([...cells.map((cell) => cell[at] ?? ''), at === 0 ? finding.verdict : ''], finding.verdict))
    }
  }
  const isTable = width >= columnsOfTable
  let group = ''
  for (const finding of rows) {
    if (groupOf(finding) !== group) {
      if (group === '' && isTable) lines.push(line(['CHECK', 'NEED', 'HAVE', 'VERDICT'], null))
      group = groupOf(finding)
      if (lines.length > 0) lines.push('')
      lines.push(groupTitles[group] ?? group)
    }
    if (isTable) row(finding)
    else stacked(finding)
    if (detail === 'verbose' || finding.verdict !== 'ok') note('why', finding.why)
    if (finding.fix !== null) note('fix', finding.fix)
  }
  return `${[...lines, ...(lines.length > 0 ? [''] : []), summary(findings)].join('\n')}\n`
}

function summary(findings: readonly Finding[]): string {
  const verdict = overall(findings)
  const counts = (['broken', 'degraded', 'unknown'] as const)
    .map((each) => [each, findings.filter((finding) => finding.verdict === each).length] as const)
    .filter(([, count]) => count > 0)
    .map(([each, count]) => `${count} ${each}`)
  const detail = counts.length === 0 ? '' : ` (${counts.join(', ')})`
  return `${findings.length} check${findings.length === 1 ? '' : 's'}: ${verdict}${detail}. Exit code ${doctorExitCodes[verdict]}.`
}
