// The file that appends go to: ours, beside the user's data and on the same disk, and without a name as soon as it is open, so that nothing is left
// of it however the process ends. Used by works.ts and sync-works.ts.
import { constants, rmSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

/** O_TMPFILE (open(2), since 3.11) without O_DIRECTORY, which differs between architectures. Node has no constant for it. */
const temporaryFile = 0o20000000 | constants.O_DIRECTORY
/** Where it begins again from its start, so that no leg fills the disk. */
export const logBytesMax: number = 64 << 20

const refusals = ['EOPNOTSUPP', 'EISDIR', 'EINVAL', 'ENOENT']

/** `open` is the API's own. Not all file systems have files without names: there it has one until it is open. */
export async function openScratch<F>(
  folder: string,
  extraFlags: number,
  open: (path: string, flags: number, mode: number) => F | Promise<F>,
): Promise<F> {
  const flags = constants.O_RDWR | extraFlags
  try {
    return await open(folder, flags | temporaryFile, 0o600)
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string' || !refusals.includes(code)) throw error
  }
  const path = join(folder, `.ringmaster-${randomUUID()}.tmp`)
  try {
    return await open(path, flags | constants.O_CREAT | constants.O_EXCL, 0o600)
  } finally {
    rmSync(path, { force: true })
  }
}
