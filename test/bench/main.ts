// The benchmark: scenarios × legs, each leg in a fresh process, rounds interleaved. `npm run bench -- --help`.
import { availableParallelism, loadavg, release } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { prepareContext, type ContextOptions } from './context.ts'
import { planLegs, selectLegs } from './legs/index.ts'
import { formatList } from './list.ts'
import type { Scenario, Target } from './model.ts'
import { Progress } from './progress.ts'
import { formatReport, toJson } from './report.ts'
import { runScenario } from './runner.ts'
import { selectScenarios } from './scenarios/index.ts'
import { summarize } from './summary.ts'
import { formatTargets, judgements, targetsExitCode, type JudgedScenario } from './targets-report.ts'
import { hasTargets, legsOf, targetsOf } from './targets.ts'

interface Options extends ContextOptions {
  readonly json: boolean
  readonly list: boolean
  readonly targets: boolean
  readonly rounds: number
  readonly legs?: readonly string[]
}

const EXIT_INTERRUPTED = 130

const examples = `
Scenarios and legs: --list. A name means all scenarios that begin with it: read4k is read4k-depth1, read4k-depth8, …
Legs of Ringmaster are called <poller>-<api>: kernel, kernel-batch, caller-chain, auto-group. caller@64 is caller at 64 of a sweep.

Examples:
  npm run bench                                              everything: hours
  npm run bench -- read4k --rounds 7                         one family, more certainty
  npm run bench -- nop --legs 'kernel*,caller*,c-*' --json   some legs, for a program
  npm run bench -- --targets                                 what is asked of the project, and whether it is met
  npm run bench -- --targets readfile statx                  some of it
  npm run bench -- --prototype ../shared/prototypes/ring-in-sab
  npm run bench -- read4k --file /mnt/disk/large.bin         your own data (then only lengths are checked)

Reading the table: medians over the rounds; CPU counts all threads of the process, the kernel's iou-* threads among them;
'inconclusive' means that the spread between rounds is larger than the difference. A target is met or missed when the whole
spread lies on one side of it.

Exit code: 1 if any leg failed, or with --targets if any is missed; 2 if none is missed and some are inconclusive.`

const program: Command = new Command('bench')
  .description('Measures Ringmaster side by side with node:fs, C on the raw ring, fio, and the prototype.')
  .argument('[scenarios...]', 'which to run; without any, all')
  .option('--json', 'print one line of JSON per scenario instead of tables', false)
  .option('--list', 'say which scenarios and legs there are, and run nothing', false)
  .option('--targets', 'run what the targets need, and judge them', false)
  .option('--rounds <n>', 'how often each leg runs; below 3 nothing is concluded', wholeAtLeast(1), 5)
  .option('--seconds <s>', 'the timed window of each leg', atLeast(0.1), 3)
  .option('--warmup <s>', 'the warm-up inside each leg, before the window', atLeast(0), 1)
  .option('--legs <names>', 'only these legs, separated by commas; * stands for anything', commaSeparated)
  .option('--prototype <dir>', 'also run the prototype in this folder (addon.c, bench.cjs)')
  .option('--file <path>', 'read blocks of this file instead of our own')
  .option('--dir <dir>', 'read the files below this folder instead of our own')
  .option('--data <dir>', 'where to keep our own test data (1.5 GB) and what is compiled')
  .addHelpText('after', examples)
  .action(main)

await program.parseAsync()

async function main(names: string[], options: Options): Promise<void> {
  const chosen = orRefuse(() => selectScenarios(names))
  if (options.list) {
    console.log(formatList(chosen, names.length > 0))
    return
  }
  const withTargets = chosen.map((scenario) => ({
    scenario,
    targets: targetsOf(scenario, options.prototype !== undefined),
  }))
  const judged = options.targets
    ? withTargets.filter(({ scenario, targets }) => hasTargets(scenario, targets))
    : withTargets
  const legsFor = (scenario: Scenario, targets: readonly Target[]): ReturnType<typeof selectLegs> =>
    orRefuse(() => selectLegs(options.legs ?? (options.targets ? legsOf(scenario, targets) : [])))
  const context = prepareContext(
    judged.map(({ scenario }) => scenario),
    options,
  )
  const plans = judged.map(({ scenario, targets }) => {
    return { scenario, targets, ...planLegs(legsFor(scenario, targets), scenario, context) }
  })
  const steps = plans.reduce((sum, { planned }) => sum + planned.length * options.rounds, 0)
  const progress = new Progress(steps, options.rounds)
  const interruption = new AbortController()
  process.once('SIGINT', () => interruption.abort(new Error('interrupted')))

  if (!options.json) console.log(`${environmentLine()}\n`)
  const results: JudgedScenario[] = []
  let failed = false
  for (const { scenario, targets, planned, skipped } of plans) {
    const outcomes = await runScenario(scenario, planned, context, {
      rounds: options.rounds,
      signal: interruption.signal,
      progress,
    })
    progress.clear()
    const report = { scenario, summary: summarize(scenario, outcomes, targets), outcomes, skipped }
    results.push(report)
    console.log(options.json ? toJson(report) : formatReport(report))
    failed ||= outcomes.some(({ failures }) => failures.length > 0)
    if (!interruption.signal.aborted) continue
    console.error('interrupted: the last scenario is not complete')
    process.exitCode = EXIT_INTERRUPTED
    return
  }
  const verdicts = judgements(results)
  if (options.targets) console.log(options.json ? JSON.stringify({ targets: verdicts }) : formatTargets(verdicts))
  process.exitCode = failed ? 1 : options.targets ? targetsExitCode(verdicts) : 0
}

function orRefuse<T>(choose: () => T): T {
  try {
    return choose()
  } catch (error) {
    return program.error(`error: ${error instanceof Error ? error.message : String(error)}`)
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
