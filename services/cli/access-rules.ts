// Who may read and write what `ringmaster serve` serves, by its options: `--tokens`, `--anonymous`, `--write`. Whoever opens the service to other
// machines has to say who may use it. Called by file-daemon.ts.
import type { KnownToken } from '../blob/access.ts'
import type { Durability } from '../blob/put.ts'
import { CommandError, exitCodes } from './exit.ts'
import { formatAddress, isLoopback, type ListenAddress } from './listen-address.ts'
import { readTokenFile } from './token-file.ts'
import type { anonymousRights } from './serve-values.ts'

export interface AccessOptions {
  /** A file of tokens. */
  readonly tokens?: string
  /** Undefined: nothing where there are tokens, else everything. */
  readonly anonymous?: (typeof anonymousRights)[number]
  readonly write?: boolean
  readonly durability: Durability
}

export interface AccessRules {
  /** null: everybody may do everything. */
  readonly tokens: readonly KnownToken[] | null
  /** Whether who has none may read. */
  readonly anonymousReads: boolean
  /** What is not as it should be, and no reason not to start. */
  readonly complaint: string | null
}

/** @throws (rejects) CommandError for a file that is none, and where nobody could read, or write what is to be written */
export async function readAccess({ tokens: path, anonymous, write = false }: AccessOptions): Promise<AccessRules> {
  if (path !== undefined) return { ...(await readTokenFile(path)), anonymousReads: anonymous === 'read-only' }
  const misuse = (message: string): CommandError => new CommandError(message, exitCodes.usage)
  if (anonymous === undefined) return { tokens: null, anonymousReads: true, complaint: null }
  if (anonymous === 'none') throw misuse('--anonymous none: without --tokens nobody could read anything')
  if (write) throw misuse('--write with --anonymous read-only: nobody could write. Name a file of tokens with --tokens')
  return { tokens: [], anonymousReads: true, complaint: null }
}

/** Other machines are not to have what nobody has said they may. @throws CommandError */
export function requireRules({ tokens, anonymous }: AccessOptions, address: ListenAddress): void {
  if (isLoopback(address) || tokens !== undefined || anonymous === 'read-only') return
  throw new CommandError(
    `refusing --listen ${formatAddress(address)} without tokens: whoever connects could read every file below ROOT. ` +
      'Name a file with a line "read-only TOKEN" or "read-write TOKEN" for each with --tokens, or add --anonymous read-only ' +
      'if everybody may read.',
    exitCodes.usage,
  )
}

/** For people. Null where everybody may read, and nobody write: nothing has been said. */
export function describeAccess({ write = false, durability }: AccessOptions, rules: AccessRules): string | null {
  const { tokens, anonymousReads } = rules
  if (!write && tokens === null) return null
  const count = (right: KnownToken['right']): string =>
    `${(tokens ?? []).filter((one) => one.right === right).length} ${right}`
  const known = tokens === null ? 'without tokens: everybody' : `tokens: ${count('read-only')}, ${count('read-write')}`
  const others = tokens !== null && anonymousReads ? '; without one: read-only' : ''
  return `${write ? `PUT and DELETE, durability ${durability}` : 'only read'}; ${known}${others}`
}
