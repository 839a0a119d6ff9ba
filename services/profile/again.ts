// The command that has a profile written again, as a shell takes it. Said by load.ts and by `ringmaster doctor`.
import { existsSync } from 'node:fs'
import type { Profile } from './schema.ts'

/** A word of a command line, in quotes where a shell would take it apart. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** @param profile what is there now; null where it cannot be read. Without `--force` tune keeps another machine's profile, and what is none. */
export function tuneAgain(file: string, profile: Pick<Profile, 'path' | 'workload'> | null): string {
  const path = profile?.path ?? null
  const words = [
    'ringmaster tune',
    ...(path === null || !existsSync(path) ? [] : [quoted(path)]),
    ...(profile === null || profile.workload === 'random-read' ? [] : [`--workload ${profile.workload}`]),
    `--apply --profile ${quoted(file)} --force`,
  ]
  return words.join(' ')
}
