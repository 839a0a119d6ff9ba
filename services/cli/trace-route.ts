// GET /trace on the admin port: records what the rings do for some seconds, and sends it. One of the admin server's routes, added by
// file-daemon.ts; `ringmaster trace` and the page ask it.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AdminRequest, Reply, Route } from '../../metrics/admin-server.ts'
import { chromeTrace } from '../../metrics/trace-chrome.ts'
import type { TraceRecording } from '../../metrics/trace-event.ts'
import { recordTrace } from '../record-trace.ts'
import type { Recording } from '../recording/format.ts'
import type { Ringmaster } from '../ringmaster.ts'
import type { FilePlane } from './file-plane.ts'
import { sampleOf, secondsOf, traceFormats, traceLimits, type TraceFormat } from './trace-limits.ts'

/** Recordings at a time. */
const recordingsMax = 2

interface Wanted {
  readonly seconds: number
  readonly sampleEvery: number
  readonly format: TraceFormat
}

/**
 * Answers 200 with a recording; 400 where the query says something that there is not, 429 while two others are recorded. A recording
 * ends when whoever asked for it goes away. `about` is said in it; `files` is what format=replay is recorded by, null where that is not told.
 */
export function traceRoute(
  rings: Pick<Ringmaster, 'trace' | 'stats'>,
  about: () => Readonly<Record<string, unknown>>,
  files: Pick<FilePlane, 'record'> | null = null,
): Route {
  let recordings = 0
  return ({ url, signal }: AdminRequest) => {
    const wanted = wantedOf(url.searchParams)
    if (typeof wanted === 'string') return { status: 400, body: `${wanted}\n` }
    const { format } = wanted
    if (format === 'replay' && files === null) return untold
    if (recordings >= recordingsMax) return busy
    return {
      status: 200,
      contentType: 'application/json; charset=utf-8',
      start: (response) => {
        recordings++
        const pieces =
          format === 'replay' && files !== null ? replay(files, wanted, signal) : trace(rings, wanted, about(), signal)
        send(pieces, response, signal)
          .catch(() => response.destroy())
          .finally(() => {
            recordings--
          })
      },
    }
  }
}

const untold: Reply = {
  status: 400,
  body: 'this process does not tell which files it works on (format=replay): it is no ringmaster serve, or one with --traffic off\n',
}

const busy: Reply = {
  status: 429,
  body: `${recordingsMax} traces are being recorded already: try again when one is over\n`,
  headers: { 'Retry-After': String(traceLimits.secondsUsual) },
}

/** What is asked for, or what is wrong with it. */
function wantedOf(query: URLSearchParams): Wanted | string {
  const { secondsUsual, secondsMax, sampleMax } = traceLimits
  for (const name of query.keys()) {
    if (!['seconds', 'sample', 'format'].includes(name))
      return `${JSON.stringify(name)} is no parameter; there are seconds, sample, format`
    if (query.getAll(name).length > 1) return `${name} is given more than once`
  }
  const seconds = secondsOf(query.get('seconds') ?? String(secondsUsual))
  if (Number.isNaN(seconds)) return `seconds must be above 0 and at most ${secondsMax}`
  const sampleEvery = sampleOf(query.get('sample') ?? '1')
  if (Number.isNaN(sampleEvery))
    return `sample must be an integer from 1 to ${sampleMax}: 1 traces all operations, 10 every tenth`
  const format = traceFormats.find((each) => each === (query.get('format') ?? 'chrome'))
  if (format === undefined) return `format must be one of ${traceFormats.join(', ')}`
  return { seconds, sampleEvery, format }
}

async function trace(
  rings: Pick<Ringmaster, 'trace' | 'stats'>,
  { seconds, sampleEvery, format }: Wanted,
  about: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Generator<string>> {
  const recording = await recordTrace(rings, { seconds, sampleEvery, eventsMax: traceLimits.eventsMax[format] }, signal)
  return format === 'chrome' ? chromeTrace(recording, about) : eventsJson(recording)
}

async function replay(
  files: Pick<FilePlane, 'record'>,
  { seconds, sampleEvery }: Wanted,
  signal: AbortSignal,
): Promise<Generator<string>> {
  return replayJson(await files.record(seconds, sampleEvery, signal))
}

async function send(
  recorded: Promise<Generator<string>>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const pieces = await recorded
  if (signal.aborted) return
  response.setTimeout(sendMsMax, () => {
    response.destroy()
  })
  for (const piece of pieces) {
    if (piece !== '' && !response.write(piece)) await once(response, 'drain', { signal })
    // Whatever else this thread has to answer comes first: probes, scrapes, files.
    await nextTurn(undefined, { signal })
  }
  response.end()
}
/** Without a byte taken by who asked. */
const sendMsMax = 10_000

/** The recording as it is, in pieces. */
function* eventsJson({ events, wakeups, ...rest }: TraceRecording): Generator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"wakeups":[`
  yield* listJson(wakeups)
  yield '],"events":['
  yield* listJson(events)
  yield '\n]}\n'
}

function* replayJson({ files, visits, ...rest }: Recording): Generator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"files":[`
  yield* listJson(files)
  yield '],"visits":['
  yield* listJson(visits)
  yield '\n]}\n'
}

function* listJson(list: readonly unknown[]): Generator<string> {
  for (let from = 0; from < list.length; from += itemsPerPiece) {
    const piece = list.slice(from, from + itemsPerPiece).map((item) => JSON.stringify(item))
    yield `${from === 0 ? '' : ','}\n${piece.join(',\n')}`
  }
}
const itemsPerPiece = 200
