// The profile as a file: JSON, written so that a reader sees the old one or the new one, and a crash leaves one of them. Used by load.ts, by
// `ringmaster tune` and `ringmaster doctor`.
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RingError } from '../../native/errors.ts'
import { neutralise } from '../visible-text.ts'
import { profileSchema, profileVersion } from './schema.ts'
import type { Profile } from './schema.ts'

/** A profile is a few kilobytes: what is much larger is something else. */
const sizeBytesMax = 1024 * 1024

const wrong = (path: string, problem: string, cause?: unknown): RingError =>
  new RingError('ERR_RING_PROFILE', `the profile ${path} ${neutralise(problem)}`, { cause })

/**
 * Reads a profile.
 * @throws ERR_RING_PROFILE where it cannot be read, is none, or not one of this version, saying where it is wrong and what to do
 */
export async function readProfile(path: string): Promise<Profile> {
  const unreadable = (error: unknown): never => {
    throw wrong(path, `cannot be read (${error instanceof Error ? error.message : String(error)})`, error)
  }
  const found = await stat(path).catch(unreadable)
  const { size } = found
  // Reading a pipe might never end.
  if (!found.isFile()) throw wrong(path, 'is no file: name one that ringmaster tune has written')
  if (size > sizeBytesMax)
    throw wrong(path, `has ${size} bytes, more than ${sizeBytesMax}: name one that ringmaster tune has written`)
  const content = await readFile(path, 'utf8').catch(unreadable)
  let parsed: unknown
  try {
    parsed = JSON.parse(content)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw wrong(path, `is no JSON (${reason}): have it written again by ringmaster tune`, error)
  }
  if (typeof parsed !== 'object' || parsed === null || Reflect.get(parsed, 'kind') !== 'ringmaster-profile')
    throw wrong(path, 'is not one: "kind" is not "ringmaster-profile". Name a file that ringmaster tune has written')
  const version: unknown = Reflect.get(parsed, 'version')
  if (version !== profileVersion) {
    const newer = typeof version === 'number' && version > profileVersion
    const advice = newer
      ? 'update Ringmaster, or have it written again by this one'
      : 'have it written again by ringmaster tune'
    throw wrong(path, `has version ${String(version)}, and this Ringmaster reads version ${profileVersion}: ${advice}`)
  }
  const checked = profileSchema.safeParse(parsed)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const at = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`
  throw wrong(
    path,
    `is wrong${at} (${issue?.message ?? 'unknown'}): mend it, or have it written again by ringmaster tune`,
    checked.error,
  )
}

/**
 * Writes a profile: beside its place first, to the disk, then over the old one, and the folder to the disk.
 * @throws SystemError; what was there before is then still there
 */
export async function writeProfile(path: string, profile: Profile): Promise<void> {
  const checked = profileSchema.parse(profile)
  const temporary = `${path}.${process.pid}.new`
  try {
    const file = await open(temporary, 'wx', 0o644)
    try {
      await file.writeFile(`${JSON.stringify(checked, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** The rename is for good only when the folder is. Not all file systems can sync one, and those that cannot have no need. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error
  } finally {
    await folder.close()
  }
}
