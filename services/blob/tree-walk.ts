// Every file below a folder, one after the other: for what is to be known of all of them. No link is followed, whoever renames things
// meanwhile: each folder is opened from the one above it. What is on other file systems is left out. Used by keeper.ts.
import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { lstat, open, opendir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Deeper ones are left out, and told. */
const depthMax = 128
/** Stats at a time: enough for a disk to be busy, and few for the threads that other things of Node.js need, too. */
const statsAtOnce = 2

export interface Found {
  /** From the root, each character a byte. */
  readonly path: string
  readonly name: string
  readonly stats: BigIntStats
  /** Where it can be reached as long as nothing else is asked for, whatever its path leads to by now. */
  readonly place: Buffer
}

export interface WalkOptions {
  /** Ends the walk. */
  readonly signal: AbortSignal
  /** Told of what could not be looked at. */
  readonly onError: (path: string, error: unknown) => void
}

export const placeIn = ({ fd }: FileHandle, name: string): Buffer =>
  Buffer.from(`/proc/self/fd/${fd}/${name}`, 'latin1')

/** @throws (rejects) where the root cannot be opened */
export async function* walkTree(root: string, options: WalkOptions): AsyncGenerator<Found> {
  const folder = await openFolder(Buffer.from(root), 0)
  try {
    const { dev } = await folder.stat({ bigint: true })
    yield* walkFolder(folder, '', dev, options)
  } finally {
    await folder.close()
  }
}

/** At each depth one folder is open, and one page of its names in memory. */
async function* walkFolder(
  folder: FileHandle,
  path: string,
  device: bigint,
  options: WalkOptions,
): AsyncGenerator<Found> {
  const { signal, onError } = options
  const folders: string[] = []
  let page: string[] = []
  const look = async (): Promise<Found[]> => {
    const names = page
    page = []
    return (await Promise.all(names.map((name) => lookAt(folder, path, name, onError)))).filter(
      (found) => found !== null,
    )
  }
  try {
    for await (const entry of await opendir(`/proc/self/fd/${folder.fd}`, { encoding: 'latin1', bufferSize: 256 })) {
      if (signal.aborted) return
      if (entry.isDirectory()) folders.push(entry.name)
      else if (page.push(entry.name) === statsAtOnce) yield* await look()
    }
    yield* await look()
  } catch (error) {
    onError(path, error)
  }
  for (const name of folders) {
    if (signal.aborted) return
    yield* walkBelow(folder, `${path}${name}`, name, device, options)
  }
}

async function* walkBelow(
  parent: FileHandle,
  path: string,
  name: string,
  device: bigint,
  options: WalkOptions,
): AsyncGenerator<Found> {
  let folder: FileHandle
  try {
    if (path.split('/').length > depthMax) throw new Error(`more than ${depthMax} folders deep`)
    folder = await openFolder(placeIn(parent, name), constants.O_NOFOLLOW)
  } catch (error) {
    options.onError(path, error)
    return
  }
  try {
    const { dev } = await folder.stat({ bigint: true })
    if (dev === device) yield* walkFolder(folder, `${path}/`, device, options)
  } finally {
    await folder.close()
  }
}

async function lookAt(
  folder: FileHandle,
  path: string,
  name: string,
  onError: WalkOptions['onError'],
): Promise<Found | null> {
  const place = placeIn(folder, name)
  try {
    const stats = await lstat(place, { bigint: true })
    return stats.isFile() ? { path: `${path}${name}`, name, stats, place } : null
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) onError(`${path}${name}`, error) // removed meanwhile
    return null
  }
}

const openFolder = (path: Buffer, flags: number): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | constants.O_DIRECTORY | flags)
