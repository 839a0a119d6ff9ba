// The profile that is named, or lies where one is looked for: read, and compared with this machine. Used by context.ts; checks/profile.ts says what it means.
import { differencesNow } from '../profile/fingerprint.ts'
import { readProfile } from '../profile/file.ts'
import { findProfile } from '../profile/load.ts'
import type { Profile } from '../profile/schema.ts'

export interface ProfileFacts {
  /** Absolute. */
  readonly path: string
  /** Null: it cannot be read, and `error` says why. */
  readonly profile: Profile | null
  readonly error: Error | null
  /** How this machine differs from the profile's, a phrase each. */
  readonly differences: readonly string[]
}

/** @param wanted a path, or `auto`. @returns null where there is none */
export async function readProfileFacts(wanted: string): Promise<ProfileFacts | null> {
  const path = await findProfile(wanted)
  if (path === null) return null
  try {
    const profile = await readProfile(path)
    return { path, profile, error: null, differences: differencesNow(profile) }
  } catch (error) {
    return { path, profile: null, error: error instanceof Error ? error : new Error(String(error)), differences: [] }
  }
}
