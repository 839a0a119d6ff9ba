// `ringmaster tune`: its options, help and exit codes. What it does is in services/tune/. Added to the program by program.ts.
import { writeFile } from 'node:fs/promises'
import { constants as system } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { DataError } from '../measure/own-data.ts'
import { knobs } from '../tune/knobs.ts'
import type { Inspected, MachineRequest } from '../tune/real-machine.ts'
import type { TuneReport } from '../tune/report/model.ts'
import type { Live as LiveClass } from '../tune/report/live.ts'
import type { TuneOutcome, Tuned, tune as tuneFunction } from '../tune/tune.ts'
import { LayoutImpossibleError, tunedWorkloads } from '../tune/types.ts'
import { jsonLines, neutralise } from '../visible-text.ts'
import { CommandError, exitCodes, stoppedEarly } from './exit.ts'
import { named } from './named-path.ts'
import { hasColor } from './terminal.ts'
import { checkKnobs, checkPaths, checkTurnable, checkUsage, quickSeconds } from './tune-checks.ts'
import type { TuneCommandOptions, TuneWorld } from './tune-options.ts'
import { alsoTakes, listOption } from './value-hints.ts'

const knobNames = knobs.map(({ name }) => name)
const budgetSecondsUsual = 300
const defaultProfile = './ringmaster-profile.json'
/** Of noise that is larger than what is to be decided. */
const refusedCode = 3

const details = `
Finds the layout (poller, rings, depth and more) with the most work per second within a bound on p99. Each layout runs in fresh processes, legs
of several layouts in turn; the winner has to prove itself on fresh legs, against what Ringmaster does by itself, and by more than 5 %. Where the
noise of the machine is larger than that, nothing is chosen, and the noise is named. p99 is that of requests by plan, at 70 % of what a layout
can do, from the moment at which each was due.

Your files are read, never written. Appends go to a file without a name beside PATH. Without PATH data is made (--data-mib, in --data-dir) and
removed again. The machine's limits are measured with a file of their own beside PATH, or in --data-dir, removed again, too.

Workloads of a daemon, through the page cache, on knobs that a daemon has (not: clients, batch, blockBytes, buffers, files):
  http      each leg serves the files of up to 1 MiB below PATH over node:http (serve runs on the rings instead), and another process asks for them, depth at a time;
            CPU per operation is the serving process's alone. Without PATH: 1000 files of 512 bytes to 64 KiB
  recorded  does again what --from FILE says: a recording of a running daemon (ringmaster trace --format replay), or a trace of rings
            (--format events), which knows no files and reads at random. Files are found below PATH by name; for what is missing others
            are taken, offsets in proportion. What was written goes to a file without a name. Without PATH: files of the recorded sizes

Knobs: ${knobNames.join(', ')}

Examples:
  $ ringmaster tune --quick                                  half a minute, data of its own: what to expect
  $ ringmaster tune /var/lib/db/data.mdb --direct            one file of yours, past the page cache, five minutes
  $ ringmaster tune ./photos --workload small-files --html report.html
  $ ringmaster tune --workload durable-append --p99-ms 10    the most appends per second of which 99 % take at most 10 ms
  $ ringmaster tune --knobs poller,rings --budget-seconds 60
  $ ringmaster tune /srv/artefacts --workload http --apply   for ringmaster serve /srv/artefacts
  $ ringmaster trace --format replay --output day.json && ringmaster tune /srv/artefacts --workload recorded --from day.json
  $ ringmaster tune --apply && ringmaster serve . --profile ringmaster-profile.json
  $ ringmaster tune --dry-run                                what would be measured, and how long it would take
  $ ringmaster tune --json | jq '.search.outcome'

Exit codes:
  0    done: a layout was chosen, or the present one is kept
  1    failed: no data, no room for it, no such recording, or nothing could be measured
  2    wrong usage: unknown option, bad value
  3    refused to choose: the machine is too noisy; the noise is named
  130  SIGINT: what is known until then is printed; data is removed
  143  SIGTERM: the same`

export function tuneCommand(): Command {
  return new Command('tune')
    .summary('find the best layout of rings for this machine and your files')
    .description('Finds the best layout of rings for this machine and your files, and says what it is worth.')
    .argument('[PATH]', 'a file or folder to read (default: data of its own)')
    .addOption(new Option('--workload <name>', 'what is done').choices(tunedWorkloads).default('random-read'))
    .option('--from <file>', 'what is replayed by --workload recorded: see ringmaster trace --format replay')
    .option('--direct', 'read with O_DIRECT, so that the device is measured; default: from the page cache')
    .option('--budget-seconds <seconds>', 'all of it takes at most so long', number(2, 86_400), budgetSecondsUsual)
    .addOption(new Option('--quick', `--budget-seconds ${quickSeconds}`).implies({ budgetSeconds: quickSeconds }))
    .addOption(
      alsoTakes(
        new Option(
          '--p99-ms <ms>',
          'the longest p99 that will do, or "any" (default: twice that of the present layout)',
        ),
        ['any'],
      ).argParser(parseP99),
    )
    .addOption(listOption('--knobs <names>', 'turn only these, separated by commas', knobNames))
    .option('--seed <number>', 'decides the order of legs', whole(0, 2 ** 32 - 1), 1)
    .option('--data-mib <number>', 'size of the data that is made where no PATH is given', whole(8, 1 << 20), 256)
    .option('--data-dir <folder>', 'where to', '.')
    .option('--html <file>', 'write a report with plots, one file that needs nothing else')
    .option('--json', 'everything, for programs: {format: "ringmaster-tune", version: 1, ...}')
    .option('--dry-run', 'say what would be measured and how long it would take, and measure nothing')
    .option('--apply', 'write the layout to a profile, which serve --profile and Ringmaster.start({ profile }) use')
    .option('--profile <file>', 'where to; with --apply', defaultProfile)
    .option('--force', 'replace the profile of another machine, or another file, with --apply')
    .addOption(new Option('--quiet', 'no progress, and of the result only the choice').conflicts('verbose'))
    .option('--verbose', 'a line for each leg')
    .addHelpText('after', details)
    .action(async (path: string | undefined, options: TuneCommandOptions, command: Command) => {
      checkUsage(options, (name) => command.getOptionValueSource(name) === 'cli')
      process.exitCode = await runTune(named(path), options, realWorld)
    })
}

const realWorld: TuneWorld = {
  inspect: async (request) => (await import('../tune/real-machine.ts')).inspectMachine(request),
  open: async (...args) => (await import('../tune/real-machine.ts')).openMachine(...args),
  now: () => performance.now() / 1000,
  stdout: process.stdout,
  stderr: process.stderr,
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Resolves with the exit code. @throws CommandError */
export async function runTune(path: string | null, options: TuneCommandOptions, world: TuneWorld): Promise<number> {
  const { recordingOf } = await import('./tune-recording.ts')
  const request: MachineRequest = {
    path,
    dataFolder: options.dataDir,
    dataBytes: options.dataMib * 2 ** 20,
    workload: options.workload,
    cache: options.direct === true ? 'direct' : 'cached',
    recording: await recordingOf(options),
  }
  checkKnobs(options)
  await checkPaths(request, options)
  const { applyProfile, checkProfile } = await import('./tune-profile.ts')
  if (options.apply === true) await checkProfile(options.profile, options.force === true)
  const inspected = await world.inspect(request)
  await checkTurnable(inspected, options, world)
  if (options.dryRun === true) return dryRun(request, inspected, options, world)
  const interrupt = new AbortController()
  // A second signal ends the process at once, as everywhere.
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const each of stopSignals) process.off(each, onSignal)
    interrupt.abort(signal)
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
  try {
    const { report, profile } = await measure(request, options, world, interrupt.signal)
    await print(report, options, world)
    const told = options.quiet === true ? null : world.stderr
    // One that cannot be written takes the other not along.
    const written = await Promise.allSettled([
      writePage(report, options, world),
      options.apply === true ? applyProfile(options.profile, profile, told) : null,
    ])
    for (const each of written) if (each.status === 'rejected') throw each.reason
    return interrupt.signal.aborted ? signalCode(interrupt.signal.reason) : exitCodeOf(report)
  } catch (error) {
    if (interrupt.signal.aborted && error === interrupt.signal.reason) {
      if (options.quiet !== true) world.stderr.write(stoppedEarly)
      return signalCode(interrupt.signal.reason)
    }
    throw explained(error)
  } finally {
    for (const signal of stopSignals) process.off(signal, onSignal)
  }
}

async function measure(
  request: MachineRequest,
  options: TuneCommandOptions,
  world: TuneWorld,
  signal: AbortSignal,
): Promise<TuneOutcome> {
  const { budgetSeconds, quiet, verbose, p99Ms } = options
  const startedSeconds = world.now()
  let tuned: (Tuned & { close(): Promise<void> }) | null = null
  const { Live, tune } = await loadTune()
  using live = new Live({
    stream: world.stderr,
    verbosity: quiet === true ? 'quiet' : verbose === true ? 'verbose' : 'usual',
    workload: request.workload,
    from: () => tuned?.current ?? null,
    secondsLeft: () => Math.max(0, budgetSeconds - (world.now() - startedSeconds)),
  })
  try {
    tuned = await world.open(request, signal, (share) => {
      live.prepare('data', 'making data', share)
    })
    return await tune(tuned, {
      workload: request.workload,
      cache: request.cache,
      budgetSeconds,
      startedSeconds,
      p99: p99Ms === undefined ? undefined : p99Ms === 'any' ? null : { nsMax: p99Ms * 1e6 },
      knobs: options.knobs ?? null,
      seed: options.seed,
      signal,
      onPrepare: live.prepare,
      onProgress: live.progress,
      onLeg: live.leg,
      now: () => world.now(),
    })
  } finally {
    await tuned?.close()
  }
}

/** Apart from its caller: where `using` is put into older words, tsc 6.0 leaves the names of imported modules as they are (`.ts`). */
async function loadTune(): Promise<{ Live: typeof LiveClass; tune: typeof tuneFunction }> {
  const [{ Live }, { tune }] = await Promise.all([import('../tune/report/live.ts'), import('../tune/tune.ts')])
  return { Live, tune }
}

async function dryRun(
  request: MachineRequest,
  { machine, current }: Inspected,
  options: TuneCommandOptions,
  { stdout }: TuneWorld,
): Promise<number> {
  const { formatPlan, planOf } = await import('../tune/report/plan.ts')
  const { workload, budgetSeconds } = options
  const { plannedData } = await import('../tune/real-machine.ts')
  const data = await plannedData(request).catch((error: unknown) => {
    throw explained(error)
  })
  const plan = planOf({ workload, machine, current, budgetSeconds, knobs: options.knobs ?? null, data })
  stdout.write(options.json === true ? jsonLines(plan) : formatPlan(plan))
  return exitCodes.ok
}

async function print(report: TuneReport, { json, quiet }: TuneCommandOptions, { stdout }: TuneWorld): Promise<void> {
  if (json === true) stdout.write(jsonLines(report))
  else if (quiet === true) {
    const { choiceBlock } = await import('../tune/report/blocks.ts')
    stdout.write(`${choiceBlock(report).says}\n`)
  } else {
    const colour = hasColor(stdout)
    const width = stdout.isTTY === true ? (stdout.columns ?? 80) : 120
    const { formatReport } = await import('../tune/report/text.ts')
    stdout.write(formatReport(report, { colour, width: Math.min(140, width) }))
  }
}

async function writePage(
  report: TuneReport,
  { html, quiet }: TuneCommandOptions,
  { stderr }: TuneWorld,
): Promise<void> {
  if (html === undefined) return
  const { reportPage } = await import('../tune/report/page.ts')
  await writeFile(html, reportPage(report)).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError(`cannot write ${html}: ${reason}. Choose another file with --html.`, exitCodes.failure)
  })
  if (quiet !== true) stderr.write(`report written to ${neutralise(html)}\n`)
}

function exitCodeOf({ search }: TuneReport): number {
  if (search === null) return exitCodes.failure
  return search.outcome.kind === 'refused' ? refusedCode : exitCodes.ok
}

function signalCode(reason: unknown): number {
  const signal = stopSignals.find((each) => each === reason)
  return signal === undefined ? exitCodes.failure : 128 + system.signals[signal]
}

/** What can be said in a line is. */
function explained(error: unknown): unknown {
  if (error instanceof DataError || error instanceof LayoutImpossibleError)
    return new CommandError(error.message, exitCodes.failure, { cause: error })
  return error
}

export function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`)
    return value
  }
}

export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
    return value
  }
}

const parseP99 = (text: string): number | 'any' => (text === 'any' ? text : number(0.001, 600_000)(text))
