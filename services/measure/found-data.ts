// What there is to read of a user's: a file, or those of a folder. Looks, and never writes. Used by data.ts.
import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { access, constants, open, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DataError, mib } from './own-data.ts'
import type { Found } from './own-data.ts'

const smallFilesMax = 5000
const smallFileBytesMax = 1 << 20

/** statfs(2), linux/magic.h: there are no files in them. What is read is made up by the kernel, has another length than the size, or reading does something. */
const madeByKernel: Readonly<Record<number, string>> = {
  0x9fa0: 'proc',
  0x62656572: 'sysfs',
  0x63677270: 'cgroup2',
  0x27e0eb: 'cgroup',
  0x64626720: 'debugfs',
  0x74726163: 'tracefs',
  0x73636673: 'securityfs',
  0x62656570: 'configfs',
  0xcafe4a11: 'bpf',
  0x1cd1: 'devpts',
  0x19800202: 'mqueue',
  0xf97cff8c: 'selinuxfs',
  0xde5e81e4: 'efivarfs',
  0x6165676c: 'pstore',
  0x42494e4d: 'binfmt_misc',
  0x65735543: 'fusectl',
}

/** Null: files there are what they say. */
async function kernelsOwn(path: string): Promise<string | null> {
  const { type } = await statfs(path)
  return madeByKernel[type] ?? null
}

/** @throws DataError where there is nothing that can be measured; the signal's reason */
export async function findAt(path: string, signal: AbortSignal | undefined): Promise<Found> {
  const unreadable = (error: unknown): never => {
    throw new DataError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}${hint(path)}`)
  }
  const stats = await stat(path).catch(unreadable)
  if (stats.isFile() || stats.isDirectory()) await access(path, constants.R_OK).catch(unreadable)
  else throw new DataError(`${path} is neither a file nor a folder`)
  const system = await kernelsOwn(path).catch(unreadable)
  if (system !== null)
    throw new DataError(
      `${path} is in ${system}, where the kernel makes up what is read: name a file or folder on a disk, or none for data of its own`,
    )
  return stats.isFile() ? oneFile(path, stats.size) : filesOf(path, signal)
}

/** Arguments come decoded: of a byte that is no UTF-8 only a mark is left. */
const hint = (path: string): string =>
  path.includes('\ufffd')
    ? '. A name that is not UTF-8 cannot be given: make a link to it that has another (ln -s)'
    : ''

function oneFile(path: string, bytes: number): Found {
  if (bytes === 0) throw new DataError(`${path} is empty: name a file with content, or none for data of its own`)
  return {
    file: { path, bytes },
    smallFiles: bytes <= smallFileBytesMax ? [path] : [],
    scratchFolder: dirname(path),
    ownFolder: null,
    folder: dirname(path),
    description: `${path} (${mib(bytes)})`,
  }
}

async function filesOf(path: string, signal: AbortSignal | undefined): Promise<Found> {
  let largest: Found['file'] = null
  const smallFiles: string[] = []
  const passed: PassedOver = { notUtf8: 0, unreadable: 0, kernels: 0, isCut: false }
  for await (const file of filesBelow(path, passed, signal)) {
    if (file.bytes > (largest?.bytes ?? 0)) largest = file
    if (file.bytes <= smallFileBytesMax) smallFiles.push(file.path)
  }
  const notes = notesOf(passed)
  if (largest === null)
    throw new DataError(
      `there are no files with content below ${path}${notes === '' ? '' : ` (${notes})`}: name another folder, or none for data of ours`,
    )
  const found = `${path}: ${smallFiles.length} small files; the largest file is ${largest.path} (${mib(largest.bytes)})`
  const description = notes === '' ? found : `${found}; ${notes}`
  return { file: largest, smallFiles, scratchFolder: path, ownFolder: null, folder: path, description }
}

/** What is below a folder and is not measured. */
interface PassedOver {
  notUtf8: number
  unreadable: number
  kernels: number
  isCut: boolean
}

function notesOf({ notUtf8, unreadable, kernels, isCut }: PassedOver): string {
  const leftOut = [
    notUtf8 > 0 ? `${notUtf8} with a name that is not UTF-8` : '',
    unreadable > 0 ? `${unreadable} that cannot be read` : '',
    kernels > 0 ? `${kernels} folders of the kernel's (proc, sysfs and the like)` : '',
  ].filter((text) => text !== '')
  return [
    leftOut.length === 0 ? '' : `left out: ${leftOut.join(', ')}`,
    isCut ? `only the first ${smallFilesMax} files are looked at` : '',
  ]
    .filter((text) => text !== '')
    .join('; ')
}

interface FoundFile {
  readonly path: string
  readonly bytes: number
}

/** Not through symbolic links. Ends after so many files: a folder may be a whole disk. */
async function* filesBelow(
  root: string,
  passed: PassedOver,
  signal: AbortSignal | undefined,
): AsyncGenerator<FoundFile> {
  const folders = [root]
  let seen = 0
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    signal?.throwIfAborted()
    for (const entry of await entriesOf(folder, passed)) {
      if (!entry.isFile() && !entry.isDirectory()) continue
      // Paths are text from here on, to the process of each leg.
      if (!isUtf8(entry.name)) {
        passed.notUtf8++
        continue
      }
      const path = join(folder, entry.name.toString())
      if (entry.isDirectory()) {
        folders.push(path)
        continue
      }
      if (seen >= smallFilesMax) {
        passed.isCut = true
        return
      }
      seen++
      const bytes = await readableBytes(path)
      if (bytes === null) passed.unreadable++
      else if (bytes > 0) yield { path, bytes }
    }
  }
}

/** By name: each time the same files, in the same order. */
async function entriesOf(folder: string, passed: PassedOver): Promise<Dirent<Buffer>[]> {
  try {
    if ((await kernelsOwn(folder)) !== null) {
      passed.kernels++
      return []
    }
    const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
    return entries.sort((a, b) => Buffer.compare(a.name, b.name))
  } catch {
    passed.unreadable++
    return []
  }
}

/** Null: it cannot be read. */
async function readableBytes(path: string): Promise<number | null> {
  try {
    const file = await open(path, 'r')
    try {
      return (await file.stat()).size
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}
