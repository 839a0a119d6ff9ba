// `ringmaster operations`: the table of io_uring's operations, features and registrations, as this kernel and this library have them. Added to the program
// by program.ts.
import { Command, Option } from 'commander'
import type { Features } from '../../native/features.ts'
import type { OperationEntry } from '../raw/operation-table.ts'
import type { RegistrationEntry } from '../raw/registrations/table.ts'
import { exitCodesHelp } from './exit.ts'

const details = `
Columns:
  SUPPORTED  the running kernel has it (asked of the kernel, not inferred from its version)
  API        the function of \`op\` in ringmaster/raw; - where there is none
  SINCE      the first Linux that has it
  TESTED     a test on a real kernel proves it

Features are what a kernel has beyond opcodes, each found out by one trial. Registrations are the opcodes of
io_uring_register(2); ? where the kernel does not say.

Examples:
  $ ringmaster operations
  $ ringmaster operations --features --json | jq 'map_values(.ok)'
  $ ringmaster operations --json | jq -r '.[] | select(.supported | not) | .name'`

export function operationsCommand(): Command {
  return new Command('operations')
    .summary("list io_uring's operations and which of them work here")
    .description("Lists io_uring's operations: what this kernel supports, what this library offers, what is tested.")
    .option('--json', 'an array of {opcode, name, supported, api, tested}')
    .addOption(new Option('--features', 'only the features; with --json an object of {ok, reason, since, says}'))
    .addOption(new Option('--registrations', 'only the registrations').conflicts('features'))
    .addHelpText('after', details)
    .addHelpText('after', exitCodesHelp)
    .action(async (options: Wanted) => {
      process.stdout.write(await output(options))
      const { capabilities } = await import('../../native/capabilities.ts')
      const { rings } = await capabilities()
      if (!rings.ok)
        process.stderr.write(`ringmaster: nothing is supported: ${rings.message ?? 'io_uring is denied'}\n`)
    })
}

interface Wanted {
  readonly json?: boolean
  readonly features?: boolean
  readonly registrations?: boolean
}

async function output({ json = false, features: onlyFeatures, registrations }: Wanted): Promise<string> {
  if (onlyFeatures === true) {
    const { features } = await import('../raw/support.ts')
    const found = await features()
    return json ? `${JSON.stringify(found, null, 2)}\n` : formatFeatures(found)
  }
  if (registrations === true) {
    const { registrationTable } = await import('../raw/registrations/table.ts')
    const table = registrationTable()
    return json ? `${JSON.stringify(table, null, 2)}\n` : formatRegistrations(table)
  }
  const { operationTable } = await import('../raw/operation-table.ts')
  const table = await operationTable()
  if (json) return formatJson(table)
  const { features } = await import('../raw/support.ts')
  return `${formatTable(table)}\n${formatFeatures(await features())}`
}

function formatFeatures(found: Features): string {
  const rows = Object.entries(found).map(([name, { ok, since, says, reason }]) => {
    return [name, yes(ok), since, reason === null ? says : `${says}: ${reason}`]
  })
  return formatRows([['FEATURE', 'HERE', 'SINCE', 'WHAT IT IS'], ...rows], false)
}

function formatRegistrations(table: readonly RegistrationEntry[]): string {
  const rows = table.map(({ opcode, name, supported, api, since, refused }) => {
    const here = supported === null ? '?' : yes(supported)
    return [String(opcode), name, here, since ?? '?', refused === null ? (api ?? '-') : `refused: ${refused}`]
  })
  return formatRows([['OPCODE', 'NAME', 'SUPPORTED', 'SINCE', 'API'], ...rows], true)
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
  return formatRows([['OPCODE', 'NAME', 'SUPPORTED', 'API', 'SINCE', 'TESTED'], ...rows], true)
}

function formatRows(lines: readonly string[][], numbered: boolean): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) =>
    line
      .map((cell, column) => padded(cell, numbered && column === 0, widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return `${text.join('\n')}\n`
}

/** Numbers to the right, words to the left. */
const padded = (cell: string, isNumber: boolean, width: number): string =>
  isNumber ? cell.padStart(width) : cell.padEnd(width)
