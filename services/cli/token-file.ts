// `--tokens FILE`: who may read and write. Read at the start and at each SIGHUP. Called by access-rules.ts.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { parseTokens, type KnownToken } from '../blob/access.ts'
import { codeOf } from '../http/http-error.ts'
import { CommandError, exitCodes } from './exit.ts'

export interface TokenFile {
  readonly tokens: readonly KnownToken[]
  /** What is not as it should be, and no reason to refuse it. */
  readonly complaint: string | null
}

const fileBytesMax = 256 * 1024
/** Each request is compared with all of them. */
const tokensMax = 1024
const readableByOthers = 0o004

/** @throws (rejects) CommandError with the file's name and what to do, and nothing of what it says */
export async function readTokenFile(path: string): Promise<TokenFile> {
  const wrong = (what: string, cause?: unknown): CommandError =>
    new CommandError(`--tokens ${path}: ${what}`, exitCodes.usage, { cause })
  // Nobody may ever write to a FIFO.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw wrong(
      `it cannot be read: ${codeOf(error) ?? String(error)}. It must be a file that this user may read`,
      error,
    )
  })
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw wrong('it is no file')
    if (stats.size > fileBytesMax) throw wrong(`it is larger than ${fileBytesMax / 1024} KiB`)
    const tokens = tokensOf(await file.readFile('utf8'), wrong)
    const isOpen = (stats.mode & readableByOthers) !== 0
    const complaint = `every user of this machine can read the tokens: chmod o-r ${path}`
    return { tokens, complaint: isOpen ? complaint : null }
  } finally {
    await file.close()
  }
}

function tokensOf(text: string, wrong: (what: string, cause?: unknown) => CommandError): readonly KnownToken[] {
  let tokens: readonly KnownToken[]
  try {
    tokens = parseTokens(text)
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), error)
  }
  if (tokens.length === 0) throw wrong('it has no token: write a line "read-only TOKEN" or "read-write TOKEN" for each')
  if (tokens.length > tokensMax) throw wrong(`it has ${tokens.length} tokens, and ${tokensMax} are the most`)
  return tokens
}
