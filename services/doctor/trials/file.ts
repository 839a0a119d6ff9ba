// How one file behaves: whether reads can be tried without waiting, O_DIRECT and what it wants aligned, how long fdatasync takes. Called by
// storage.ts, in a process of its own. Nothing is written but to a file that is made here and removed again, whatever ends the process short
// of SIGKILL: unnamed files (O_TMPFILE) will not do, because btrfs does not sync what has no name (btrfs_log_inode_parent()).
import { closeSync, constants, fdatasyncSync, openSync, opendirSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { At } from '../../../native/abi.ts'
import { addonFailure, binding } from '../../../native/binding.ts'
import { pageBytes } from '../../../native/layout.ts'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import type { Tell } from './trial.ts'

export interface FileFacts {
  /** `own`: made for the trial. Otherwise the file it was tried with, which was only read. */
  readonly tried: string
  /** Whether a read may be tried without waiting (RWF_NOWAIT): otherwise io_uring gives each to a kernel worker thread. null: not asked. */
  readonly nowait: boolean | null
  /** The code of opening it with O_DIRECT; null where that works. */
  readonly directError: string | null
  /** STATX_DIOALIGN (6.1): what memory and offsets must be multiples of, 0 for no direct I/O; null where the kernel does not say. */
  readonly directMemoryBytes: number | null
  readonly directOffsetBytes: number | null
  /** How long each write's fdatasync took, in ns; null: not tried, since the file is somebody's. */
  readonly syncNs: readonly number[] | null
}

const writeBytes = 4096
const fileBytes = 16 * writeBytes
const syncs = 32
/** Of a slow disk a few are enough. */
const syncLimitMs = 2_000
/** Of a folder that may not be written to, for a file to try. */
const entriesMax = 1_000

const RWF_NOWAIT = 8
const EOPNOTSUPP = -95
const EINVAL = -22
const ENOSYS = -38
/** struct statx: stx_dio_mem_align and stx_dio_offset_align, and their bit (statx(2)). */
const statxDioAlign = 0x2000
const [memoryAlignAt, offsetAlignAt] = [152, 156]

/** Shared memory is page-aligned, and stays where it is. */
const memory = (): Uint8Array => new Uint8Array(allocateSharedMemory(pageBytes * 3))

function tryNowait(fd: number): boolean | null {
  if (addonFailure() !== null) return null
  const addon = binding()
  const bytes = memory()
  const vector = new BigUint64Array(bytes.buffer, pageBytes, 2)
  vector[0] = BigInt(addon.addressOf(bytes))
  vector[1] = BigInt(pageBytes)
  const result = addon.call(addon.callNumbers().preadv2, fd, addon.addressOf(vector), 1, 0, 0, RWF_NOWAIT)
  // EAGAIN is an answer: it would have to wait, and says so instead.
  return result === ENOSYS || result === EINVAL ? null : result !== EOPNOTSUPP
}

function readAlignment(path: string): Pick<FileFacts, 'directMemoryBytes' | 'directOffsetBytes'> {
  const none = { directMemoryBytes: null, directOffsetBytes: null }
  if (addonFailure() !== null) return none
  const addon = binding()
  const bytes = memory()
  bytes.set(Buffer.from(`${path}\0`).subarray(0, pageBytes))
  const statx = new DataView(bytes.buffer, pageBytes, 256)
  const [pathAddress, statxAddress] = [addon.addressOf(bytes), addon.addressOf(statx)]
  const result = addon.call(addon.callNumbers().statx, At.FDCWD, pathAddress, 0, statxDioAlign, statxAddress, 0)
  if (result < 0 || (statx.getUint32(0, true) & statxDioAlign) === 0) return none
  return {
    directMemoryBytes: statx.getUint32(memoryAlignAt, true),
    directOffsetBytes: statx.getUint32(offsetAlignAt, true),
  }
}

function tryDirect(path: string): string | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT)
    try {
      readSync(fd, memory(), 0, pageBytes, 0)
      return null
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/** Writes over what is there and syncs, again and again: nothing but the data has to reach the disk. */
async function trySyncs(fd: number): Promise<number[]> {
  const bytes = Buffer.alloc(writeBytes, 0x5a)
  for (let at = 0; at < fileBytes; at += writeBytes) writeSync(fd, bytes, 0, writeBytes, at)
  fdatasyncSync(fd)
  const syncNs: number[] = []
  const untilMs = performance.now() + syncLimitMs
  while (syncNs.length < syncs && performance.now() < untilMs) {
    bytes.fill(syncNs.length)
    writeSync(fd, bytes, 0, writeBytes, (syncNs.length * writeBytes) % fileBytes)
    const beganNs = process.hrtime.bigint()
    fdatasyncSync(fd)
    syncNs.push(Number(process.hrtime.bigint() - beganNs))
    await nextTurn() // so that the process can be told to stop
  }
  return syncNs
}

async function tryOwn(path: string, fd: number, tell: Tell): Promise<void> {
  const syncNs = await trySyncs(fd)
  tell({ file: { tried: 'own', nowait: tryNowait(fd), directError: tryDirect(path), ...readAlignment(path), syncNs } })
}

function tryOthers(path: string, tell: Tell): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const direct = { directError: tryDirect(path), ...readAlignment(path) }
    tell({ file: { tried: path, nowait: tryNowait(fd), ...direct, syncNs: null } })
  } finally {
    closeSync(fd)
  }
}

/** The first file in a folder that may be read. */
function firstFile(folder: string): string | null {
  const entries = opendirSync(folder)
  try {
    for (let count = 0; count < entriesMax; count++) {
      const entry = entries.readSync()
      if (entry === null) return null
      if (entry.isFile()) return join(folder, entry.name)
    }
    return null
  } finally {
    entries.closeSync()
  }
}

/** @param file to be tried where none can be made in `folder`; null: the first one there */
export async function tryFile(folder: string, file: string | null, tell: Tell): Promise<void> {
  const path = join(folder, `.ringmaster-doctor-${process.pid}.tmp`)
  const remove = (): void => {
    rmSync(path, { force: true })
  }
  try {
    const fd = openSync(path, 'wx+', 0o600)
    process.once('exit', remove)
    try {
      tell({ made: path })
      await tryOwn(path, fd, tell)
    } finally {
      closeSync(fd)
      process.off('exit', remove)
      remove()
    }
  } catch (error) {
    tell({ fileError: error instanceof Error && 'code' in error ? String(error.code) : String(error) })
    try {
      const other = file ?? firstFile(folder)
      if (other !== null) tryOthers(other, tell)
    } catch {
      // it may not be read either: then nothing is known of files here
    }
  }
}
