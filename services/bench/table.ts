// Aligned columns: the first to the left, figures to the right. Called by services/bench/, and by the reports of test/bench.

export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const lines = all.map((row) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? ''
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return `  ${cells.join('  ')}`.trimEnd()
  })
  const rule = `  ${widths.map((width) => '─'.repeat(width)).join('  ')}`
  return [lines[0]!, rule, ...lines.slice(1)]
}
