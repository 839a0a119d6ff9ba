// Data that is made for a measurement, on the disk that is to be measured, and removed afterwards. Used by data.ts.
import { mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** There is nothing to read, or no room for it: says what to do. */
export class DataError extends Error {
  override readonly name = 'DataError'
}

/** What there is to read: found, or made. */
export interface Found {
  readonly file: { readonly path: string; readonly bytes: number } | null
  readonly smallFiles: readonly string[]
  readonly scratchFolder: string
  readonly ownFolder: string | null
  /** All of it is in here. */
  readonly folder: string
  readonly description: string
}

export interface OwnData {
  readonly ownIn: string
  readonly ownBytesMax: number
  /** Files of these sizes instead of a large one and small ones; cut down where they are more than that together. */
  readonly ownSizes?: readonly number[] | undefined
  /** Default true. */
  readonly smallFiles?: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (share: number) => void
}

const chunkBytes = 1 << 20
/** Left free on the disk beside what we write; a log of ours may have 64 MiB. */
const headroomBytes = 256 << 20
const ownSmallFiles = 2000
const smallFileBytes = 4096

export const mib: (bytes: number) => string = (bytes) =>
  `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`

/** Not zeros: a file system that compresses or leaves holes must not make reading cheaper. The same each time (xorshift). */
function noise(sizeBytes: number): Buffer {
  const words = new Uint32Array(sizeBytes / 4)
  let state = 88172645
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[at] = state
  }
  return Buffer.from(words.buffer)
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** @throws DataError where there is no room, or nothing can be written; the signal's reason */
export async function makeOwn(request: OwnData): Promise<Found> {
  const { signal } = request
  const parent = resolve(request.ownIn)
  const sizes = request.ownSizes === undefined ? null : fittingSizes(request.ownSizes, request.ownBytesMax)
  const bytes = sizes === null ? Math.floor(request.ownBytesMax / chunkBytes) * chunkBytes : sum(sizes)
  const refuse = (error: unknown): never => {
    throw new DataError(`cannot make data in ${parent}: ${words(error)}`, { cause: error })
  }
  await requireSpace(parent, bytes + ownSmallFiles * smallFileBytes).catch(refuse)
  const folder = await mkdtemp(join(parent, '.ringmaster-data-')).catch(refuse)
  try {
    if (sizes !== null) {
      const smallFiles = await makeFiles(folder, sizes, request)
      const description = `data of its own in ${parent} (${sizes.length} files, ${mib(bytes)}), removed afterwards`
      return { file: null, smallFiles, scratchFolder: parent, ownFolder: folder, folder, description }
    }
    const path = join(folder, 'blocks')
    await makeBlocks(path, bytes, request)
    const smallFiles = request.smallFiles === false ? [] : await makeSmallFiles(folder, signal)
    const description = `data of its own in ${parent} (${mib(bytes)}, ${smallFiles.length} small files), removed afterwards`
    return { file: { path, bytes }, smallFiles, scratchFolder: parent, ownFolder: folder, folder, description }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    signal?.throwIfAborted()
    return refuse(error)
  }
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)

/** The longest are cut to one length until all are together no more than that. */
export function fittingSizes(sizes: readonly number[], bytesMax: number): number[] {
  const rising = [...sizes].sort((a, b) => a - b)
  let left = bytesMax
  for (const [at, size] of rising.entries()) {
    const each = Math.floor(left / (rising.length - at))
    if (size > each) return sizes.map((size) => Math.min(size, each))
    left -= size
  }
  return [...sizes]
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const [free, wanted] = [bavail * bsize, bytes + headroomBytes]
  if (free < wanted)
    throw new Error(`${mib(free)} are free, ${mib(wanted)} are needed: choose another folder, or less data`)
}

async function makeBlocks(path: string, bytes: number, { signal, onProgress }: OwnData): Promise<void> {
  const chunk = noise(chunkBytes)
  const file = await open(path, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes; at += chunkBytes) {
      signal?.throwIfAborted()
      chunk.writeUInt32LE(at / chunkBytes, 0)
      await file.writeFile(chunk)
      onProgress?.((at + chunkBytes) / bytes)
    }
    // What is still being written out would disturb the first leg.
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function makeFiles(folder: string, sizes: readonly number[], request: OwnData): Promise<string[]> {
  const content = noise(chunkBytes)
  const made: string[] = []
  for (const [index, size] of sizes.entries()) {
    request.signal?.throwIfAborted()
    const path = join(folder, `file-${String(index).padStart(5, '0')}`)
    const file = await open(path, 'wx', 0o600)
    try {
      for (let at = 0; at < size; at += chunkBytes) {
        content.writeUInt32LE(index, 0)
        await file.writeFile(content.subarray(0, Math.min(chunkBytes, size - at)))
      }
    } finally {
      await file.close()
    }
    made.push(path)
    request.onProgress?.((index + 1) / sizes.length)
  }
  return made
}

async function makeSmallFiles(folder: string, signal: AbortSignal | undefined): Promise<string[]> {
  const content = noise(smallFileBytes)
  const made: string[] = []
  for (let index = 0; index < ownSmallFiles; index++) {
    signal?.throwIfAborted()
    const path = join(folder, `file-${String(index).padStart(4, '0')}`)
    // 1 to 4 KiB.
    await writeFile(path, content.subarray(0, 1024 + ((Math.imul(index, 2654435761) >>> 0) % 3073)), { mode: 0o600 })
    made.push(path)
  }
  return made
}
