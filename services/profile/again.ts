// The command that has a profile written again, as a shell takes it. Said by load.ts and by `ringmaster doctor`.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { shellWord } from '../shell-word.ts'
import type { Profile } from './schema.ts'

/** @param profile what is there now; null where it cannot be read. Without `--force` tune keeps another machine's profile, and what is none. */
export function tuneAgain(file: string, profile: Pick<Profile, 'path' | 'workload'> | null): string {
  const path = profile?.path ?? null
  const words = [
    'ringmaster tune',
    ...(path === null || !existsSync(path) ? [] : [shellWord(path)]),
    ...(profile === null || profile.workload === 'random-read' ? [] : [`--workload ${profile.workload}`]),
    `--apply --profile ${shellWord(file)}`,
    ...(existsSync(file) ? ['--force'] : []),
  ]
  const folder = dirname(file)
  return `${existsSync(folder) ? '' : `mkdir -p ${shellWord(folder)} && `}${words.join(' ')}`
}
