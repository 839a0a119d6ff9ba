// `ringmaster bench`: its options, help and exit codes. What it does is in services/bench/. Added to the program by program.ts.
import { constants as fileAccess } from 'node:fs'
import { access, stat, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { formatJson, formatReport, formatSentences, roundLine } from '../bench/format.ts'
import type { BenchReport } from '../bench/model.ts'
import { DataError } from '../measure/own-data.ts'
import { fileWorkloads } from '../tune/types.ts'
import type { WorkloadName } from '../tune/types.ts'
import { neutralise } from '../visible-text.ts'
import { CommandError, exitCodes, stoppedEarly } from './exit.ts'
import { emptyHtml, named } from './named-path.ts'
import { showSteps } from './step-progress.ts'
import type { StepProgress } from './step-progress.ts'
import { canRedraw, eraseLine } from './terminal.ts'
import { listOption } from './value-hints.ts'

const workloads: readonly WorkloadName[] = fileWorkloads

const details = `
Workloads:
  random-read      4 KiB at random offsets of one file, 64 in flight
  sequential-read  128 KiB, one after the other, 8 in flight
  small-files      whole files of up to 1 MiB, 64 at once
  durable-append   4 KiB appended and fdatasync, one at a time; into a file without a name beside PATH
  mixed            seven random reads, three appends that are not awaited to be durable

Your files are read, never written; of a folder the first 5000. What the kernel makes up (/proc, /sys) is
refused; names that are not UTF-8 are left out, and counted. Without PATH data is made (--data-mib, in --data-dir) and removed again.

Rows: Ringmaster as it starts by itself, fs.promises, a loop of fs.*Sync calls, and a C program on the raw ring (needs cc).
Each round of each row runs in a fresh process; rounds are interleaved. CPU counts all threads, the kernel's among them. A ratio is
the median of the rounds' own, each against fs.promises beside it; one with a question mark is smaller than the spread between rounds. Below 3 rounds nothing is concluded.

Examples:
  $ ringmaster bench                                  data of its own, all workloads: some three minutes
  $ ringmaster bench --quick                          the same in one
  $ ringmaster bench /var/lib/db/data.mdb --direct    one file of yours, past the page cache
  $ ringmaster bench ./src --workloads small-files    the files of a folder
  $ ringmaster bench --rate 20000 --html report.html  latencies of 20,000 requests a second, by plan; with plots
  $ ringmaster bench --json | jq '.scenarios[] | {workload: .scenario.workload, verdict}'

Exit codes:
  0    measured; what it means is in the last line, "inconclusive" and "do not bother" among it
  1    failed: no data that can be measured, no room for it, or Ringmaster or fs.promises gave no figure for a workload
  2    wrong usage: unknown option, bad value
  130  SIGINT: what was measured until then is printed; data is removed
  143  SIGTERM: the same; 129 by SIGHUP`

interface BenchCommandOptions {
  readonly workloads: readonly WorkloadName[]
  readonly blockBytes?: number
  readonly depth?: number
  readonly direct?: boolean
  readonly rounds: number
  readonly seconds: number
  readonly rate?: number
  readonly quick?: boolean
  readonly allPollers?: boolean
  readonly dataMib: number
  readonly dataDir: string
  readonly html?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

/** Longer lines are hard to read. */
const textColumnsMax = 100

const roundsUsual = 5
const secondsUsual = 1
const quick = { rounds: 3, seconds: 0.5 }
/** Of a leg beside its window and warm-up: the process's start. For the first guess of the time left. */
const startSeconds = 0.6

export function benchCommand(): Command {
  return new Command('bench')
    .summary('compare Ringmaster with node:fs and C, on this machine and your files')
    .description(
      'Measures Ringmaster, node:fs and a C program side by side on your files, and says what it means for you.',
    )
    .argument('[PATH]', 'a file or folder to read (default: data of its own)')
    .addOption(
      listOption('--workloads <names>', `which, separated by commas: ${workloads.join(', ')}`, workloads).default(
        workloads,
        'all',
      ),
    )
    .option('--block-bytes <bytes>', "bytes of one request (default: each workload's)", whole(512, 64 << 20))
    .option('--depth <number>', "requests in flight (default: each workload's)", whole(1, 4096))
    .option('--direct', 'with O_DIRECT, so that the device is measured; default: from the page cache')
    .option('--rounds <number>', 'how often each row runs', whole(1, 1000), roundsUsual)
    .option('--seconds <seconds>', 'the timed window of each', parseSeconds, secondsUsual)
    .option(
      '--rate <number>',
      'then so many requests a second by plan; latencies from the intended start',
      whole(1, 1e8),
    )
    .addOption(new Option('--quick', `${quick.rounds} rounds of ${quick.seconds} s`).implies(quick))
    .option('--all-pollers', 'each poller of Ringmaster, and C with SQPOLL, too')
    .option('--data-mib <number>', 'size of the data that is made where no PATH is given', whole(8, 1 << 20), 256)
    .option('--data-dir <folder>', 'where to', '.')
    .option('--html <file>', 'write a report with plots, one file that needs nothing else')
    .option('--json', 'everything, for programs')
    .addOption(new Option('--quiet', 'no progress, and of the result only the sentences').conflicts('verbose'))
    .option('--verbose', 'a line for each round of each row, on stderr')
    .addHelpText('after', details)
    .action(async (path: string | undefined, options: BenchCommandOptions) => {
      process.exitCode = await runBench(named(path), options)
    })
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

async function runBench(path: string | null, options: BenchCommandOptions): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    interrupt.abort(signal)
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
  let progress: StepProgress | null = null
  const isShown = process.stderr.isTTY && options.quiet !== true
  const isRedrawn = isShown && canRedraw(process.stderr)
  const clearLine = (): void => {
    progress?.done()
    if (isRedrawn) process.stderr.write(eraseLine)
  }
  try {
    if (options.html !== undefined) await requireWritable(options.html, path)
    const { bench } = await import('../bench/bench.ts')
    const report = await bench({
      path,
      dataFolder: options.dataDir,
      dataBytes: options.dataMib * 2 ** 20,
      workloads: options.workloads,
      blockBytes: options.blockBytes ?? null,
      depth: options.depth ?? null,
      cache: options.direct === true ? 'direct' : 'cached',
      rounds: options.rounds,
      seconds: options.seconds,
      operationsPerSecond: options.rate ?? null,
      allPollers: options.allPollers === true,
      signal: interrupt.signal,
      onData: (share) => {
        if (isRedrawn) process.stderr.write(`${eraseLine}making data: ${Math.floor(share * 100)} %`)
      },
      onPlan: (legs) => {
        if (!isShown) return
        clearLine()
        const windows = options.rate === undefined ? 1 : 2
        progress = showSteps(process.stderr, legs, options.seconds * (windows + 0.3) + startSeconds)
      },
      onLeg: (label) => progress?.step(label),
      onRound: (label, round) => {
        if (options.verbose !== true) return
        if (isRedrawn) process.stderr.write(eraseLine)
        process.stderr.write(`${roundLine(label, round)}\n`)
      },
    })
    clearLine()
    await print(report, options)
    if (interrupt.signal.aborted) return signalCode(interrupt.signal.reason)
    return exitCodeOf(report)
  } catch (error) {
    clearLine()
    if (interrupt.signal.aborted) {
      if (options.quiet !== true) process.stderr.write(stoppedEarly)
      return signalCode(interrupt.signal.reason)
    }
    if (error instanceof DataError) throw new CommandError(error.message, exitCodes.failure, { cause: error })
    throw error
  } finally {
    for (const signal of stopSignals) process.off(signal, onSignal)
  }
}

async function print(report: BenchReport, { json, html, quiet }: BenchCommandOptions): Promise<void> {
  const width = process.stdout.isTTY ? Math.min(textColumnsMax, process.stdout.columns || textColumnsMax) : null
  if (json === true) process.stdout.write(formatJson(report))
  else process.stdout.write(quiet === true ? formatSentences(report) : formatReport(report, width))
  if (html === undefined) return
  const { benchPage } = await import('../bench/page.ts')
  await writeFile(html, benchPage(report)).catch((error: unknown) => {
    throw htmlError(html, error)
  })
  if (quiet !== true) process.stderr.write(`saved to ${neutralise(html)}\n`)
}

/** Before minutes are spent on what could not be written, or must not be: `measured` is only read. @throws CommandError */
async function requireWritable(html: string, measured: string | null): Promise<void> {
  if (html === '') throw new CommandError(emptyHtml, exitCodes.usage)
  try {
    const stats = await stat(html).catch(() => null)
    if (stats?.isDirectory() === true) throw new Error('it is a folder')
    // Nobody may ever read it; /dev/fd/63 of a shell's >(…) has its reader.
    if (stats?.isFIFO() === true && !/^\/(?:dev|proc)\//.test(html)) throw new Error('it is a pipe')
    const read = stats === null || measured === null ? null : await stat(measured).catch(() => null)
    if (read !== null && read.ino === stats?.ino && read.dev === stats.dev)
      throw new Error('it is the file that is measured')
    await access(stats === null ? dirname(html) : html, fileAccess.W_OK)
  } catch (error) {
    throw htmlError(html, error)
  }
}

function htmlError(html: string, error: unknown): CommandError {
  const reason = error instanceof Error ? error.message : String(error)
  return new CommandError(`cannot write ${html}: ${reason}. Choose another file with --html.`, exitCodes.failure)
}

function signalCode(reason: unknown): number {
  const number = stopSignals.find((signal) => signal === reason)
  return number === undefined ? exitCodes.failure : 128 + constants.signals[number]
}

function exitCodeOf({ scenarios }: BenchReport): number {
  const judged = scenarios.length > 0 && scenarios.every(({ verdict }) => verdict !== 'unknown')
  return judged ? exitCodes.ok : exitCodes.failure
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
    return value
  }

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || seconds < 0.05 || seconds > 600)
    throw new InvalidArgumentError('Expected seconds, from 0.05 to 600.')
  return seconds
}
