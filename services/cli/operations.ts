// `ringmaster operations`: the table of io_uring's operations, as this kernel and this library have them. Added to the program
// by main.ts.
import { Command } from 'commander'
import { capabilities } from '../../native/capabilities.ts'
import { operationTable } from '../raw/operation-table.ts'
import type { OperationEntry } from '../raw/operation-table.ts'
import { exitCodesHelp } from './exit.ts'

const details = `
Columns:
  SUPPORTED  the running kernel has it (asked of the kernel, not inferred from its version)
  API        the function of \`op\` in ringmaster/raw; - where there is none
  SINCE      the first Linux that has it
  TESTED     a test on a real kernel proves it

Examples:
  $ ringmaster operations
  $ ringmaster operations --json | jq -r '.[] | select(.supported | not) | .name'`

export function operationsCommand(): Command {
  return new Command('operations')
    .summary("list io_uring's operations and which of them work here")
    .description("Lists io_uring's operations: what this kernel supports, what this library offers, what is tested.")
    .option('--json', 'an array of {opcode, name, supported, api, tested}')
    .addHelpText('after', details)
    .addHelpText('after', exitCodesHelp)
    .action(async ({ json = false }: { json?: boolean }) => {
      const table = await operationTable()
      process.stdout.write(json ? formatJson(table) : formatTable(table))
      const { rings } = await capabilities()
      if (!rings.ok)
        process.stderr.write(`ringmaster: nothing is supported: ${rings.message ?? 'io_uring is denied'}\n`)
    })
}

function formatJson(table: readonly OperationEntry[]): string {
  const rows = table.map(({ opcode, name, supported, api, tested }) => {
    return { opcode, name, supported, api: api !== null, tested }
  })
  return `${JSON.stringify(rows, null, 2)}\n`
}

const yes = (value: boolean): string => (value ? 'yes' : 'no')

function formatTable(table: readonly OperationEntry[]): string {
  const rows = table.map(({ opcode, name, supported, api, since, tested }) => {
    return [String(opcode), name, yes(supported), api ?? '-', since ?? '?', yes(tested)]
  })
  const lines = [['OPCODE', 'NAME', 'SUPPORTED', 'API', 'SINCE', 'TESTED'], ...rows]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) =>
    line
      .map((cell, column) => padded(cell, column, widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return `${text.join('\n')}\n`
}

/** Numbers to the right, words to the left. */
const padded = (cell: string, column: number, width: number): string =>
  column === 0 ? cell.padStart(width) : cell.padEnd(width)
