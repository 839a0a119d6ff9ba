// The benchmark: scenarios × legs, each leg in a fresh process, rounds interleaved. `npm run bench -- --help`.
import { availableParallelism, loadavg, release } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { ensureDataFile, ensureSmallFiles, privateDirectory } from './data.ts'
import { planLegs, selectLegs } from './legs/index.ts'
import type { BenchContext, Scenario } from './model.ts'
import { Progress } from './progress.ts'
import { formatReport, toJson } from './report.ts'
import { runScenario } from './runner.ts'
import { scenarios, selectScenarios } from './scenarios/index.ts'
import { summarize } from './summary.ts'

interface Options {
  readonly json: boolean
  readonly rounds: number
  readonly seconds: number
  readonly warmup: number
  readonly legs?: readonly string[]
  readonly prototype?: string
  readonly file?: string
  readonly dir?: string
  readonly data?: string
}

const EXIT_INTERRUPTED = 130

const examples = `
Scenarios: ${scenarios.map(({ name }) => name).join(', ')} (read4k means both of its kind)

Examples:
  npm run bench                                              everything
  npm run bench -- read4k --rounds 7                         one family, more certainty
  npm run bench -- nop --legs 'kernel*,caller*,c-*' --json   some legs, for a program
  npm run bench -- --prototype ../shared/prototypes/ring-in-sab
  npm run bench -- read4k --file /mnt/disk/large.bin         your own data (then only lengths are checked)

Reading the table: medians over the rounds; CPU counts all threads of the process, the kernel's iou-* threads among them;
'inconclusive' means that the spread between rounds is larger than the difference. The exit code is 1 if any leg failed.`

const program: Command = new Command('bench')
  .description('Measures Ringmaster side by side with node:fs, C on the raw ring, and the prototype.')
  .argument('[scenarios...]', 'which to run; without any, all')
  .option('--json', 'print one line of JSON per scenario instead of tables', false)
  .option('--rounds <n>', 'how often each leg runs; below 3 nothing is concluded', wholeAtLeast(1), 5)
  .option('--seconds <s>', 'the timed window of each leg', atLeast(0.1), 3)
  .option('--warmup <s>', 'the warm-up inside each leg, before the window', atLeast(0), 1)
  .option('--legs <names>', 'only these legs, separated by commas; * stands for anything', commaSeparated)
  .option('--prototype <dir>', 'also run the prototype in this folder (addon.c, bench.cjs)')
  .option('--file <path>', 'read blocks of this file instead of our own')
  .option('--dir <dir>', 'read the files below this folder instead of our own')
  .option('--data <dir>', 'where to keep our own test data (1.2 GB) and what is compiled')
  .addHelpText('after', examples)
  .action(main)

await program.parseAsync()

async function main(names: string[], options: Options): Promise<void> {
  let chosen: readonly Scenario[]
  let chosenLegs: ReturnType<typeof selectLegs>
  try {
    chosen = selectScenarios(names)
    chosenLegs = selectLegs(options.legs ?? [])
  } catch (error) {
    program.error(`error: ${error instanceof Error ? error.message : String(error)}`)
  }
  const context = prepareContext(chosen, options)
  const plans = chosen.map((scenario) => ({ scenario, ...planLegs(chosenLegs, scenario, context) }))
  const steps = plans.reduce((sum, { planned }) => sum + planned.length * options.rounds, 0)
  const progress = new Progress(steps, options.rounds)
  const interruption = new AbortController()
  process.once('SIGINT', () => interruption.abort(new Error('interrupted')))

  if (!options.json) console.log(`${environmentLine()}\n`)
  for (const { scenario, planned, skipped } of plans) {
    const outcomes = await runScenario(scenario, planned, context, {
      rounds: options.rounds,
      signal: interruption.signal,
      progress,
    })
    progress.clear()
    const report = { scenario, summary: summarize(scenario, outcomes), outcomes, skipped }
    console.log(options.json ? toJson(report) : formatReport(report))
    if (outcomes.some(({ failures }) => failures.length > 0)) process.exitCode = 1
    if (!interruption.signal.aborted) continue
    console.error('interrupted: the last scenario is not complete')
    process.exitCode = EXIT_INTERRUPTED
    return
  }
}

function prepareContext(chosen: readonly Scenario[], options: Options): BenchContext {
  const dataRoot = privateDirectory('data', options.data)
  const needs = (workload: string): boolean => chosen.some((scenario) => scenario.workload === workload)
  const ownFile = (needs('read') || needs('blocks')) && options.file === undefined
  const ownFiles = (needs('readfile') || needs('chain-read')) && options.dir === undefined
  if (ownFile || ownFiles) process.stderr.write(`test data in ${dataRoot}\n`)
  return {
    dataFile: options.file ?? (ownFile ? ensureDataFile(dataRoot) : ''),
    dataDirectory: options.dir ?? (ownFiles ? ensureSmallFiles(dataRoot) : ''),
    stamped: new Set([
      ...(ownFile ? (['read', 'blocks'] as const) : []),
      ...(ownFiles ? (['readfile', 'chain-read'] as const) : []),
    ]),
    seconds: options.seconds,
    warmupSeconds: options.warmup,
    buildDirectory: privateDirectory('build', options.data),
    ...(options.prototype === undefined ? {} : { prototypeDirectory: options.prototype }),
  }
}

function environmentLine(): string {
  const [load = 0] = loadavg()
  const busy = load > availableParallelism() / 4 ? ': BUSY, expect inconclusive ratios' : ''
  const node = `Node ${process.versions.node}, libuv ${process.versions.uv}`
  return `${availableParallelism()} CPUs, Linux ${release()}, ${node}, load ${load.toFixed(1)}${busy}`
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= least) return value
    throw new InvalidArgumentError(`It must be a number of at least ${least}.`)
  }
}

function wholeAtLeast(least: number): (text: string) => number {
  return (text) => {
    const value = atLeast(least)(text)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError('It must be a whole number.')
  }
}

function commaSeparated(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim())
}
