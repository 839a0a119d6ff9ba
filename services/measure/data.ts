// What is read: the user's own file or folder, never written, or data of ours that is removed again. Used by bench and tune, once, before any leg.
import { constants } from 'node:fs'
import { access, open, rm, stat, statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { resolve } from 'node:path'
import { readText } from '../machine/text.ts'
import type { TunedWorkload } from '../tune/types.ts'
import type { LegData } from './order.ts'
import { findAt } from './found-data.ts'
import { DataError, makeOwn } from './own-data.ts'
import type { Found } from './own-data.ts'

export interface DataRequest {
  /** A file or folder of the user's. Null: data of ours, in `ownIn`. */
  readonly path: string | null
  /** Where data of ours is made. */
  readonly ownIn: string
  /** How large it may become. */
  readonly ownBytesMax: number
  /** Of files of ours, where it is not for the workloads of `bench`. */
  readonly ownSizes?: readonly number[] | undefined
  /** Whether small files are made, too. Default true. */
  readonly smallFiles?: boolean
  readonly cache: LegData['cache']
  readonly signal?: AbortSignal | undefined
  /** `share` of the data that has been made, 0–1. */
  readonly onProgress?: (share: number) => void
}

export interface PreparedData {
  /** What legs of this workload get. @throws DataError where there is nothing for it */
  for(workload: TunedWorkload, blockBytes: number): LegData
  /** For people: what is read. */
  readonly description: string
  /** Removes what is ours. Safe to repeat. */
  remove(): Promise<void>
}

const spanBytesMax = 4 * 2 ** 30

/** Memory that may be used without others feeling it, by the page cache or by buffers: a quarter of what is available. */
export function spareBytes(): number {
  const kib = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readText('/', 'proc/meminfo'))?.[1] ?? 0)
  return (kib === 0 ? freemem() : kib * 1024) / 4
}

/** @throws DataError, the signal's reason; SystemError */
export async function prepareData(request: DataRequest): Promise<PreparedData> {
  const found = request.path === null ? await makeOwn(request) : await findAt(resolve(request.path), request.signal)
  const refusal = await access(found.scratchFolder, constants.W_OK).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  const remove = async (): Promise<void> => {
    if (found.ownFolder !== null) await rm(found.ownFolder, { recursive: true, force: true })
  }
  let description: string
  try {
    if (request.cache === 'direct' && found.file !== null) await checkDirect(found.file.path)
    description = [found.description, ...(await storageNotes(found))].join('; ')
  } catch (error) {
    await remove()
    throw error
  }
  const { scratchFolder, ownFolder, folder } = found
  const none = { file: null, spanBytes: 0, paths: [], scratchFolder, cache: request.cache, ownFolder }
  const spanMax = request.cache === 'cached' ? Math.min(spanBytesMax, spareBytes()) : Infinity
  return {
    description,
    remove,
    for: (workload, blockBytes) => {
      if (refusal !== null && (workload === 'durable-append' || workload === 'mixed'))
        throw new DataError(`nothing can be written beside what is read: ${refusal}`)
      // The file is ours and new: what counts is what fdatasync takes.
      if (workload === 'durable-append') return { ...none, cache: 'cached' }
      if (workload === 'http' || workload === 'recorded') {
        if (request.cache === 'direct')
          throw new DataError(`the workload ${workload} reads through the page cache, as the daemon does`)
        const { file, smallFiles } = found
        // A file that takes longer than all others would be all that is measured of HTTP.
        const large = file !== null && (workload === 'recorded' || smallFiles.length === 0) ? [file.path] : []
        const paths = [...new Set([...smallFiles, ...large])]
        if (paths.length > 0) return { ...none, paths, root: folder, spanBytes: Math.floor(spanMax) }
        throw new DataError('there are no files with content: name a folder that has some, or none for data of its own')
      }
      if (request.cache === 'direct' && blockBytes % 4096 !== 0)
        throw new DataError(`O_DIRECT wants blocks of whole pages: ${blockBytes} is no multiple of 4096`)
      if (workload === 'small-files') {
        if (request.cache === 'direct')
          throw new DataError('whole small files are not read with O_DIRECT: use the page cache')
        if (found.smallFiles.length > 0) return { ...none, paths: [...found.smallFiles] }
        throw new DataError('there are no files of up to 1 MiB: name a folder that has some')
      }
      const { file } = found
      if (file === null || file.bytes < 2 * blockBytes)
        throw new DataError(`there is no file of at least ${2 * blockBytes} bytes: name a larger one`)
      return { ...none, file: file.path, spanBytes: Math.min(file.bytes, spanMax) }
    },
  }
}

/** statfs(2): file systems whose files are in memory. */
const inMemory: Readonly<Record<number, string>> = { 0x01021994: 'tmpfs', 0x858458f6: 'ramfs' }
/** What file systems keep beside a file's blocks, or without blocks, is less than that. */
const sparseBytes = 64 << 10

/** What makes figures say less than they seem to, O_DIRECT or not. */
async function storageNotes({ file }: Found): Promise<string[]> {
  if (file === null) return []
  const [{ type }, { size, blocks }] = await Promise.all([statfs(file.path), stat(file.path)])
  const kind = inMemory[type]
  if (kind !== undefined) return [`in memory (${kind}): this says nothing about a disk`]
  const share = (blocks * 512) / size
  if (size - blocks * 512 < sparseBytes || share > 0.9) return []
  return [`${Math.round(share * 100)} % of it are on the disk (holes, or compressed): cheaper to read than other files`]
}

async function checkDirect(path: string): Promise<void> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_DIRECT)).close()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      `the file system has no O_DIRECT for ${path} (${reason}): measure through the page cache, or name a file on another disk`,
    )
  }
}
