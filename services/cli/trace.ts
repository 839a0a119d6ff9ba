// `ringmaster trace`: asks a running daemon what its rings do for some seconds, and saves that for ui.perfetto.dev. Added to the program by
// main.ts. What answers is trace-route.ts.
import { constants } from 'node:fs'
import { access, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { Command, InvalidArgumentError, Option } from 'commander'
import { codeOf } from '../http/http-error.ts'
import { CommandError, exitCodes, exitCodesHelp } from './exit.ts'
import { showProgress } from './progress.ts'
import { traceFormats, traceLimits, type TraceFormat } from './trace-limits.ts'

const examples = `
Formats:
  chrome  Trace Event JSON: open it at https://ui.perfetto.dev or chrome://tracing. Per ring a track for each
          stage of an operation's life, operations in flight, wake-ups. The last ${traceLimits.eventsMax.chrome.toLocaleString('en')} completions.
  events  {startedMs, endedMs, dropped, sampleEvery, wakeups, events}: one object per completion, times in ms
          since the Unix epoch. The last ${traceLimits.eventsMax.events.toLocaleString('en')} completions.

A daemon makes two recordings at a time; who asks for a third is told to try again.

Examples:
  $ ringmaster trace                                        five seconds, into ringmaster-trace.json
  $ ringmaster trace --seconds 60 --sample 100              of a busy daemon every hundredth operation
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

function adminOption(): Option {
  const fallback = 'http://127.0.0.1:9464'
  return new Option('--admin <url>', "the daemon's admin address, as it prints it")
    .argParser(parseAdmin)
    .default(parseAdmin(fallback), fallback)
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
    if (file === null) {
      if (!process.stdout.write(recording)) await once(process.stdout, 'drain')
      return
    }
    await file.write(recording)
    process.stderr.write(`saved to ${output}${format === 'chrome' ? ': open it at https://ui.perfetto.dev' : ''}\n`)
  } finally {
    await file?.close()
    for (const signal of stopSignals) process.removeListener(signal, onSignal)
  }
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
  const target = present === null ? output : await realpath(output)
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

/** The whole recording: half of one is no JSON. */
async function record(url: URL, seconds: number, format: TraceFormat, interrupt: AbortSignal): Promise<Buffer> {
  using _progress = showProgress(process.stderr, 'recording', seconds)
  let recording: Buffer
  try {
    const response = await ask(url, seconds, interrupt)
    if (response.statusCode !== 200) throw await refusal(response, url)
    if (!isJson(response)) throw stranger(url, 'something else than JSON')
    recording = await wholeOf(response, url)
  } catch (error) {
    if (!interrupt.aborted) throw error
    const exitCode = interrupt.reason === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated
    throw new CommandError(`stopped by ${String(interrupt.reason)}; nothing was saved`, exitCode)
  }
  if (!isOurs(recording, format)) throw stranger(url, 'something else than a recording')
  return recording
}

const isJson = ({ headers }: IncomingMessage): boolean => /^application\/json\b/.test(headers['content-type'] ?? '')

/** By what it begins and ends with: see trace-route.ts and metrics/trace-chrome.ts, which write it. */
function isOurs(recording: Buffer, format: TraceFormat): boolean {
  const begin = recording.subarray(0, headBytes).toString()
  const ends = recording.subarray(-4).toString() === '\n]}\n'
  return (
    ends &&
    (format === 'chrome' ? /^\{"displayTimeUnit":"ns","otherData":\{"ringmaster":"/ : /^\{"startedMs":\d/).test(begin)
  )
}
const headBytes = 100

const stranger = ({ origin }: URL, what: string): CommandError =>
  new CommandError(
    `${origin} answers /trace with ${what}: this is no ringmaster. Nothing was saved. \`ringmaster serve\` prints its admin ` +
      'address when it has started: `metrics at …/metrics`.',
    exitCodes.failure,
  )

async function wholeOf(response: IncomingMessage, { origin }: URL): Promise<Buffer> {
  try {
    return await buffer(response)
  } catch (error) {
    throw new CommandError(
      `${origin} has ended the connection before the recording was whole: it may have stopped. Nothing was saved.`,
      exitCodes.failure,
      { cause: error },
    )
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

function connectionError(admin: URL, error: unknown): CommandError {
  const code = codeOf(error)
  const message =
    code === 'ECONNREFUSED'
      ? `nothing listens at ${admin.origin}. Start \`ringmaster serve\`, or say where it is with --admin: it prints ` +
        '`metrics at …/metrics` when it has started.'
      : `cannot ask ${admin.origin}: ${error instanceof Error ? error.message : String(error)}. Is it the admin address ` +
        'of a `ringmaster serve`, as that prints it?'
  return new CommandError(message, exitCodes.failure, { cause: error })
}

async function refusal(response: IncomingMessage, admin: URL): Promise<CommandError> {
  const { statusCode = 0 } = response
  const reason = (await text(response).catch(() => '')).slice(0, reasonCharactersMax).trim()
  if (statusCode === 429) return new CommandError(`${admin.origin} says: ${reason}`, exitCodes.failure)
  if (statusCode === 400 || statusCode === 503 || statusCode === 421)
    return new CommandError(`${admin.origin} refuses: ${reason}`, exitCodes.failure)
  return new CommandError(
    `${admin.origin} answers ${statusCode} to /trace: it is not the admin address of a ringmaster that can trace. ` +
      '`ringmaster serve` prints its own when it has started: `metrics at …/metrics`.',
    exitCodes.failure,
  )
}
const reasonCharactersMax = 500

function parseAdmin(input: string): URL {
  const url = URL.canParse(input) ? new URL(input) : null
  if (url?.protocol !== 'http:') throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:9464.')
  return url
}

function parseSeconds(input: string): number {
  const seconds = Number(input)
  if (!/^\d+(\.\d+)?$/.test(input) || seconds <= 0 || seconds > traceLimits.secondsMax)
    throw new InvalidArgumentError(`Expected seconds, above 0 and up to ${traceLimits.secondsMax}.`)
  return seconds
}

function parseSample(input: string): number {
  if (!/^[1-9]\d*$/.test(input) || Number(input) > traceLimits.sampleMax)
    throw new InvalidArgumentError(`Expected a number from 1 to ${traceLimits.sampleMax}.`)
  return Number(input)
}
