// `ringmaster trace`: asks a running daemon what its rings do for some seconds, and saves that for ui.perfetto.dev. Added to the program by
// main.ts. What answers is trace-route.ts.
import { constants } from 'node:fs'
import { access, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { dirname, resolve as resolvePath } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { codeOf } from '../http/http-error.ts'
import { adminOption, connectionError, refusalOf } from './admin-address.ts'
import { CommandError, exitCodes, exitCodesHelp } from './exit.ts'
import { showProgress } from './progress.ts'
import { sampleOf, secondsOf, traceFormats, traceLimits, type TraceFormat } from './trace-limits.ts'

const examples = `
Formats:
  chrome  Trace Event JSON: open it at https://ui.perfetto.dev or chrome://tracing. Per ring a track for each
          stage of an operation's life, operations in flight, wake-ups. The last ${traceLimits.eventsMax.chrome.toLocaleString('en')} completions.
  events  {startedMs, endedMs, dropped, sampleEvery, wakeups, events}: one object per completion, times in ms
          since the Unix epoch. The last ${traceLimits.eventsMax.events.toLocaleString('en')} completions.
  replay  What was done to which file, where and how much, for \`ringmaster tune --workload recorded\`. It has the names
          of files below ROOT. The first ${traceLimits.eventsMax.replay.toLocaleString('en')} operations; --sample is one of so many openings of files.

A daemon makes two recordings at a time; who asks for a third is told to try again.

Examples:
  $ ringmaster trace                                        five seconds, into ringmaster-trace.json
  $ ringmaster trace --seconds 60 --sample 100              of a busy daemon every hundredth operation
  $ ringmaster trace --format replay --output day.json && ringmaster tune --workload recorded --from day.json
  $ ringmaster trace --format events --output - | jq '.events | group_by(.operation) | map({(.[0].operation): length}) | add'
  $ ringmaster trace --admin http://127.0.0.1:9465          another daemon`

interface TraceCommandOptions {
  readonly admin: URL
  readonly seconds: number
  readonly sample: number
  readonly format: TraceFormat
  readonly output: string
}

export function traceCommand(): Command {
  const { secondsUsual } = traceLimits
  return new Command('trace')
    .summary('record what the rings of a running daemon do')
    .description(
      'Asks a running `ringmaster serve` to record every operation of its rings for some seconds, and saves the recording.',
    )
    .addOption(adminOption())
    .option('--seconds <seconds>', `for how long, up to ${traceLimits.secondsMax}`, parseSeconds, secondsUsual)
    .option('--sample <number>', 'record one of so many operations; a chain counts as one', parseSample, 1)
    .addOption(new Option('--format <format>', 'what to save').choices(traceFormats).default('chrome'))
    .option('--output <file>', 'where to; - is stdout', 'ringmaster-trace.json')
    .addHelpText('after', examples)
    .addHelpText('after', exitCodesHelp)
    .action(runTrace)
}

async function runTrace({ admin, seconds, sample, format, output }: TraceCommandOptions): Promise<void> {
  const query = new URLSearchParams({ seconds: String(seconds), sample: String(sample), format })
  const file = output === '-' ? null : await openOutput(output)
  const interrupt = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    interrupt.abort(signal)
  }
  for (const signal of stopSignals) process.once(signal, onSignal)
  try {
    const url = new URL(`/trace?${query.toString()}`, admin)
    const recording = await record(url, seconds, format, interrupt.signal)
    warnOfDropped(recording, format)
    if (file === null) {
      await writeToStdout(recording)
      return
    }
    await file.write(recording)
    process.stderr.write(`saved to ${output}${whatNext(format, output)}\n`)
  } finally {
    await file?.close()
    for (const signal of stopSignals) process.removeListener(signal, onSignal)
  }
}

function writeToStdout(recording: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(recording, (error) => {
      const code = codeOf(error) ?? 'failed'
      // Who has closed the pipe wants no more of it.
      if (!(error instanceof Error) || code === 'EPIPE') resolve()
      else reject(new CommandError(`cannot write to stdout: ${code}. Nothing of use was saved.`, exitCodes.failure))
    })
  })
}

function whatNext(format: TraceFormat, output: string): string {
  if (format === 'events') return ''
  return format === 'chrome'
    ? ': open it at https://ui.perfetto.dev'
    : `: ringmaster tune --workload recorded --from ${output} finds the best layout for it`
}

/** By what the head of a recording says, in any format. */
function warnOfDropped(recording: Buffer, format: TraceFormat): void {
  const dropped = Number(/"dropped":(\d+)/.exec(recording.subarray(0, headBytes).toString())?.[1] ?? 0)
  if (dropped === 0) return
  process.stderr.write(
    `${dropped.toLocaleString('en')} more were counted than a recording holds: it has the ${format === 'replay' ? 'first' : 'last'} ones. For less of more time record one ` +
      'of so many operations, with --sample.\n',
  )
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

interface Output {
  write(recording: Buffer): Promise<void>
  /** Leaves nothing behind but what was written. */
  close(): Promise<void>
}

/**
 * Before anything is recorded: who waits for a minute is not to learn then that there is no such folder. A file is made beside the one that is named,
 * and takes its place once it is whole; what is no plain file (/dev/stdout, a pipe) is written as it is.
 */
async function openOutput(output: string): Promise<Output> {
  const failed = (error: unknown): never => {
    const reason = `cannot write ${output}: ${codeOf(error) ?? String(error)}. Choose another file with --output.`
    throw new CommandError(reason, exitCodes.failure, { cause: error })
  }
  const present = await stat(output).catch(() => null)
  if (present !== null && !present.isFile()) {
    const special = await open(output, 'w').catch(failed)
    return { write: (recording) => special.writeFile(recording).catch(failed), close: () => special.close() }
  }
  const target = present === null ? await endOfLinks(output).catch(failed) : await realpath(output)
  if (present !== null) await access(target, constants.W_OK).catch(failed)
  const beside = `${target}.${process.pid}.part`
  const file = await open(beside, 'wx', present?.mode).catch(failed)
  return {
    write: async (recording) => {
      await file.writeFile(recording).catch(failed)
      await rename(beside, target).catch(failed)
    },
    close: async () => {
      await file.close()
      await rm(beside, { force: true })
    },
  }
}

/** As path_resolution(7). */
const linksMax = 40

/** Links that lead nowhere yet stay links, too: what the last one names is made. */
async function endOfLinks(output: string): Promise<string> {
  let path = output
  for (let links = 0; links < linksMax; links++) {
    const link = await readlink(path).catch(() => null)
    if (link === null) return path
    path = resolvePath(await realpath(dirname(path)), link)
  }
  throw Object.assign(new Error('too many links'), { code: 'ELOOP' })
}

/** The whole recording: half of one is no JSON. */
async function record(url: URL, seconds: number, format: TraceFormat, interrupt: AbortSignal): Promise<Buffer> {
  using _progress = showProgress(process.stderr, 'recording', seconds)
  let recording: Buffer
  try {
    const response = await ask(url, seconds, interrupt)
    if (response.statusCode !== 200) throw await refusalOf(response, url, 'trace')
    if (!isJson(response)) throw stranger(url, 'something else than JSON')
    recording = await wholeOf(response, url, format, interrupt)
  } catch (error) {
    if (!interrupt.aborted) throw error
    const exitCode = interrupt.reason === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated
    throw new CommandError(`stopped by ${String(interrupt.reason)}; nothing was saved`, exitCode)
  }
  if (!isOurs(recording, format)) throw stranger(url, 'something else than a recording')
  return recording
}

const isJson = ({ headers }: IncomingMessage): boolean => /^application\/json\b/.test(headers['content-type'] ?? '')

/** What a recording begins with: see trace-route.ts and metrics/trace-chrome.ts, which write it. */
const heads = {
  chrome: '{"displayTimeUnit":"ns","otherData":{"ringmaster":"',
  events: '{"startedMs":',
  replay: '{"format":"ringmaster-recording"',
} as const

/** Whether `begin` may be how a recording begins, as far as it has come. */
const isHead = (begin: string, format: TraceFormat): boolean =>
  heads[format].startsWith(begin) || begin.startsWith(heads[format])

function isOurs(recording: Buffer, format: TraceFormat): boolean {
  const begin = recording.toString('latin1', 0, heads[format].length)
  return begin === heads[format] && recording.subarray(-4).toString() === '\n]}\n'
}
const headBytes = 1000

const stranger = ({ origin }: URL, what: string): CommandError =>
  new CommandError(
    `${origin} answers /trace with ${what}: this is no ringmaster. Nothing was saved. \`ringmaster serve\` prints its admin ` +
      'address when it has started: `metrics at …/metrics`.',
    exitCodes.failure,
  )

/** Of an answer: 20,000 operations of Chrome's format are some 25 MB, with names and arguments. */
const answerBytesMax = 256 * 1024 * 1024
/** From its first byte on: who sends, sends a recording that is there. */
const sendMsMax = 60_000

async function wholeOf(
  response: IncomingMessage,
  url: URL,
  format: TraceFormat,
  interrupt: AbortSignal,
): Promise<Buffer> {
  const { origin } = url
  const late = AbortSignal.timeout(sendMsMax)
  const end = (): void => void response.destroy()
  late.addEventListener('abort', end, { once: true })
  try {
    const chunks: Buffer[] = []
    let sizeBytes = 0
    let head = ''
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (head.length < heads[format].length) head += chunk.toString('latin1', 0, heads[format].length)
      if (!isHead(head, format)) throw stranger(url, 'something else than a recording')
      sizeBytes += chunk.length
      if (sizeBytes > answerBytesMax) break
      chunks.push(chunk)
    }
    if (sizeBytes > answerBytesMax) throw stranger(url, `more than ${answerBytesMax / 2 ** 20} MiB`)
    return Buffer.concat(chunks)
  } catch (error) {
    if (interrupt.aborted || error instanceof CommandError) throw error
    if (late.aborted)
      throw new CommandError(
        `${origin} has not sent the recording within ${sendMsMax / 1000} s. Nothing was saved. Record less of it, with --seconds or --sample.`,
        exitCodes.failure,
        { cause: error },
      )
    throw new CommandError(
      `${origin} has ended the connection before the recording was whole: it may have stopped. Nothing was saved.`,
      exitCodes.failure,
      { cause: error },
    )
  } finally {
    late.removeEventListener('abort', end)
  }
}

/** Beyond the recording itself. */
const answerMsMax = 15_000

function ask(url: URL, seconds: number, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { timeout: seconds * 1000 + answerMsMax, agent: false, signal }, resolve)
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${answerMsMax / 1000} s`)))
    asked.once('error', (error) => {
      reject(connectionError(url, error))
    })
    asked.end()
  })
}

function parseSeconds(input: string): number {
  const seconds = secondsOf(input)
  if (Number.isNaN(seconds))
    throw new InvalidArgumentError(`Expected seconds, above 0 and up to ${traceLimits.secondsMax}.`)
  return seconds
}

function parseSample(input: string): number {
  const sample = sampleOf(input)
  if (Number.isNaN(sample)) throw new InvalidArgumentError(`Expected a number from 1 to ${traceLimits.sampleMax}.`)
  return sample
}
