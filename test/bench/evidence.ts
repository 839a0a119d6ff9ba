// The proofs that need no stopwatch: system calls, growth, leftovers, idleness. `npm run evidence -- --help`.
import { Command, InvalidArgumentError } from 'commander'
import { ensureDataFile, privateDirectory, warmFile } from './data.ts'
import { proveGrowth } from './evidence/growth.ts'
import { proveIdle } from './evidence/idle.ts'
import { proveLeftovers } from './evidence/leftovers.ts'
import { proveSyscalls } from './evidence/syscalls.ts'
import { formatVerdict, type Verdict } from './evidence/verdict.ts'

interface Options {
  readonly poller: readonly string[]
  readonly reads: number
  readonly operations: number
  readonly rounds: number
  readonly seconds: number
  readonly data?: string
}

type Proof = (options: Options, file: string) => readonly (() => Promise<Verdict>)[]

const pollers = ['kernel', 'worker', 'caller'] as const

const proofs: Readonly<Record<string, Proof>> = {
  syscalls: ({ reads }, file) => [() => proveSyscalls(reads, file)],
  growth: ({ poller, operations }, file) => poller.map((one) => () => proveGrowth(one, operations, file)),
  leftovers: ({ poller, rounds }, file) => poller.map((one) => () => proveLeftovers(one, rounds, file)),
  idle: ({ poller, seconds }, file) => ['none', ...poller].map((one) => () => proveIdle(one, seconds, file)),
}

const examples = `
Proofs: ${Object.keys(proofs).join(', ')}

Examples:
  npm run evidence                                  all of them, with every poller
  npm run evidence -- idle --poller kernel          one, with one poller
  npm run evidence -- growth --operations 1000000   a shorter one

Prints one line beginning with PASS or FAIL for each; the exit code is 1 if any failed.`

const program: Command = new Command('evidence')
  .description('Shows what Ringmaster costs the system besides time.')
  .argument('[proofs...]', 'which; without any, all')
  .option('--poller <names>', 'pollers, separated by commas (syscalls: always kernel)', toPollers, pollers)
  .option('--reads <n>', 'syscalls: reads under strace', toCount, 1_000_000)
  .option('--operations <n>', 'growth: operations, measured at ten points', toCount, 10_000_000)
  .option('--rounds <n>', 'leftovers: how often to start and close', toCount, 20)
  .option('--seconds <n>', 'idle: how long to look', toCount, 5)
  .option('--data <dir>', 'where to keep the test data (1 GiB)')
  .addHelpText('after', examples)
  .action(main)

await program.parseAsync()

async function main(names: string[], options: Options): Promise<void> {
  const chosen = (names.length === 0 ? Object.keys(proofs) : names).map((name) => {
    return proofs[name] ?? program.error(`error: no proof '${name}'; there are ${Object.keys(proofs).join(', ')}`)
  })
  const file = ensureDataFile(privateDirectory('data', options.data))
  for (const prove of chosen.flatMap((proof) => proof(options, file))) {
    warmFile(file)
    const verdict = await prove().catch(toFailure)
    console.log(formatVerdict(verdict))
    if (!verdict.holds) process.exitCode = 1
  }
}

/** A subject that breaks is a failed proof; the others still run. */
function toFailure(error: unknown): Verdict {
  const [figures = '', ...details] = (error instanceof Error ? error.message : String(error)).split('\n')
  return { claim: 'it did not run to its end', holds: false, figures, details }
}

function toPollers(text: string): readonly string[] {
  const chosen = text.split(',').map((name) => name.trim())
  if (chosen.every((name) => pollers.some((poller) => poller === name))) return chosen
  throw new InvalidArgumentError(`There are ${pollers.join(', ')}.`)
}

function toCount(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
