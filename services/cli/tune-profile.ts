// `ringmaster tune --apply`: the choice as a profile, and what must not be overwritten by it. Called by tune.ts.
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { readProfile, writeProfile } from '../profile/file.ts'
import { differencesNow } from '../profile/fingerprint.ts'
import type { Profile } from '../profile/schema.ts'
import { CommandError, exitCodes } from './exit.ts'

const failed = (message: string, cause: unknown): CommandError =>
  new CommandError(message, exitCodes.failure, { cause })
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Before anything is measured: whether the profile may be written to `path`.
 * @throws CommandError where the folder is not there, or the file is another machine's profile, or none, and it is not to be replaced all the same
 */
export async function checkProfile(path: string, force: boolean): Promise<void> {
  await access(dirname(resolve(path))).catch((error: unknown) => {
    throw failed(`cannot write ${path}: ${reasonOf(error)}; choose another file with --profile`, error)
  })
  const found = await stat(path).catch(() => null)
  // A name cannot be taken from a folder by renaming, and a pipe's readers would wait for ever.
  if (found !== null && !found.isFile())
    throw failed(`cannot write ${path}: it is no file; choose another name with --profile`, null)
  if (found === null || force) return
  const present = await readProfile(path).catch((error: unknown) => {
    throw failed(`${reasonOf(error)}. --force replaces it; --profile names another file`, error)
  })
  const differences = differencesNow(present)
  if (differences.length === 0) return
  throw failed(
    `${path} was made on another machine (${differences.join('; ')}). --force replaces it; --profile names another file`,
    null,
  )
}

/** `told`: where it is said; null: nowhere. @throws CommandError */
export async function applyProfile(
  path: string,
  profile: Profile | null,
  told: { write(text: string): unknown } | null,
): Promise<void> {
  if (profile === null) {
    told?.write('no profile is written: nothing was decided\n')
    return
  }
  await writeProfile(path, profile).catch((error: unknown) => {
    throw failed(`cannot write ${path}: ${reasonOf(error)}; choose another file with --profile`, error)
  })
  told?.write(
    `profile${profile.gain === null ? ' of the layout that stays' : ''} written to ${path}: ringmaster serve ROOT --profile ${path}, or Ringmaster.start({ profile: '${path}' })\n`,
  )
}
