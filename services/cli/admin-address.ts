// Where a running daemon's admin server is, and what to say when it does not answer as one. Used by the commands that ask it: trace.ts, top.ts.
import type { IncomingMessage } from 'node:http'
import { stripVTControlCharacters } from 'node:util'
import { InvalidArgumentError, Option } from 'commander'
import { codeOf } from '../http/http-error.ts'
import { CommandError, exitCodes } from './exit.ts'

export function adminOption(): Option {
  const fallback = 'http://127.0.0.1:9464'
  return new Option('--admin <url>', "the daemon's admin address, as it prints it; HOST:PORT will do")
    .argParser(parseAdmin)
    .default(parseAdmin(fallback), fallback)
}

/** A URL, or what `serve --admin` takes. */
function parseAdmin(input: string): URL {
  const text = /^[^/]*:\d{1,5}$/.test(input) ? `http://${input.startsWith(':') ? '127.0.0.1' : ''}${input}` : input
  const url = URL.canParse(text) ? new URL(text) : null
  // What `serve` prints may be pasted as it is.
  const isWhole =
    url !== null && ['/', '/metrics'].includes(url.pathname) && url.search + url.hash + url.username === ''
  if (url?.protocol !== 'http:' || url.hostname === '' || !isWhole)
    throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:9464, without a path, or HOST:PORT.')
  return url
}

/** Why there was no answer. */
export function connectionError(admin: URL, error: unknown): CommandError {
  const code = codeOf(error)
  const message =
    code === 'ECONNREFUSED'
      ? `nothing listens at ${admin.origin}. Start \`ringmaster serve\`, or say where it is with --admin: it prints ` +
        '`metrics at …/metrics` when it has started.'
      : `cannot ask ${admin.origin}: ${error instanceof Error ? error.message : String(error)}. Is it the admin address ` +
        'of a `ringmaster serve`, as that prints it?'
  return new CommandError(message, exitCodes.failure, { cause: error })
}

/** Why the answer to `url`'s path has another status than 200. `can`: what a ringmaster that has that path can do. */
export async function refusalOf(response: IncomingMessage, url: URL, can: string): Promise<CommandError> {
  const { statusCode = 0 } = response
  const reason = await reasonOf(response)
  if (statusCode === 429) return new CommandError(`${url.origin} says: ${reason}`, exitCodes.failure)
  if (statusCode === 400 || statusCode === 503 || statusCode === 421)
    return new CommandError(`${url.origin} refuses: ${reason}`, exitCodes.failure)
  return new CommandError(
    `${url.origin} answers ${statusCode} to ${url.pathname}: it is not the admin address of a ringmaster that can ${can}. ` +
      '`ringmaster serve` prints its own when it has started: `metrics at …/metrics`.',
    exitCodes.failure,
  )
}
const reasonBytesMax = 500

/** What it says for itself, as one line of a terminal that it cannot do anything else to. */
async function reasonOf(response: IncomingMessage): Promise<string> {
  let reason = ''
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      reason += chunk.toString('latin1')
      if (reason.length >= reasonBytesMax) break
    }
  } catch {
    // What has come is all there is.
  }
  const visible = stripVTControlCharacters(reason.slice(0, reasonBytesMax))
  return visible.replaceAll(/[^\x20-\x7e]+/g, ' ').trim()
}
