// Makes the test data once and warms the page cache before each leg. Called by main.ts, runner.ts and evidence.ts.
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  BLOCK_BYTES,
  FILE_BYTES,
  listFiles,
  MIXED_FILE_BYTES,
  readStamp,
  SMALL_FILES,
  smallFileBytes,
  statBytes,
  statPath,
  STAT_PATHS,
  writeStamp,
} from './data-file.ts'
import type { TestData, Workload, WorkloadData } from './model.ts'

const CHUNK_BYTES = 1 << 20
const FILES_PER_DIRECTORY = 200
/** Left free on the disk beside what we write. */
const HEADROOM_BYTES = 256 << 20

/** Ours alone: binaries are built and run here, so a directory planted by someone else is refused. */
export function privateDirectory(name: string, parent: string = tmpdir()): string {
  const user = process.getuid?.() ?? 0
  const root = join(parent, `ringmaster-bench-${user}`)
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const stat = lstatSync(root)
  if (!stat.isDirectory() || stat.uid !== user || (stat.mode & 0o022) !== 0) {
    throw new Error(`${root} is not a directory of this user alone: remove it, or choose another place with --data`)
  }
  const directory = join(root, name)
  mkdirSync(directory, { recursive: true })
  return directory
}

/** One file of 1 GiB. Each 4 KiB block begins with its number. */
export function ensureDataFile(directory: string): string {
  return ensureBlocks(join(directory, 'blocks-1g.bin'), FILE_BYTES)
}

/** One of 256 MiB that is written to: every block keeps beginning with its number. */
export function ensureMixedFile(directory: string): string {
  return ensureBlocks(join(directory, 'mixed-256m.bin'), MIXED_FILE_BYTES)
}

function ensureBlocks(path: string, fileBytes: number): string {
  if (isValidDataFile(path, fileBytes)) return path
  requireFreeSpace(dirname(path), fileBytes)
  const partial = `${path}.${process.pid}.partial`
  const chunk = new Uint8Array(CHUNK_BYTES)
  fillWithNoise(chunk)
  const descriptor = openSync(partial, 'w', 0o600)
  try {
    for (let offset = 0; offset < fileBytes; offset += CHUNK_BYTES) {
      for (let at = 0; at < CHUNK_BYTES; at += BLOCK_BYTES) writeStamp(chunk, at, (offset + at) / BLOCK_BYTES)
      const written = writeSync(descriptor, chunk, 0, CHUNK_BYTES, offset)
      if (written !== CHUNK_BYTES)
        throw new Error(`only ${written} of ${CHUNK_BYTES} bytes could be written to ${partial}`)
    }
    renameSync(partial, path)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
  return path
}

/** 20,000 files of 1 to 4 KiB, 200 to a directory. Each begins with its number in the order of listFiles(). */
export function ensureSmallFiles(directory: string): string {
  const root = join(directory, 'small-files')
  const complete = `${root}.complete`
  if (existsSync(complete) && listFiles(root).length === SMALL_FILES) return root
  // A 4 KiB file system block and an inode each.
  requireFreeSpace(directory, SMALL_FILES * 2 * BLOCK_BYTES)
  rmSync(complete, { force: true })
  rmSync(root, { recursive: true, force: true })
  const content = new Uint8Array(BLOCK_BYTES)
  fillWithNoise(content)
  for (let index = 0; index < SMALL_FILES; index++) {
    const group = String(Math.floor(index / FILES_PER_DIRECTORY)).padStart(3, '0')
    const path = join(root, group.slice(0, 2), group, `file-${String(index).padStart(5, '0')}.bin`)
    if (index % FILES_PER_DIRECTORY === 0) mkdirSync(dirname(path), { recursive: true })
    writeStamp(content, 0, index)
    writeFileSync(path, content.subarray(0, smallFileBytes(index)), { mode: 0o600 })
  }
  writeFileSync(complete, '')
  return root
}

/** 100,000 paths, a thousand to a directory, of files with nothing but a size. */
export function ensureStatTree(directory: string): string {
  const root = join(directory, 'stat-tree')
  const complete = `${root}.complete`
  if (existsSync(complete)) return root
  requireFreeSpace(directory, STAT_PATHS * 512)
  rmSync(root, { recursive: true, force: true })
  for (let index = 0; index < STAT_PATHS; index++) {
    const path = statPath(root, index)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '', { mode: 0o600 })
    truncateSync(path, statBytes(index))
  }
  writeFileSync(complete, '')
  return root
}

/** What a leg of this workload gets. */
export function dataFor(workload: Workload, data: TestData): WorkloadData {
  const none = { file: '', directory: '', stamped: false }
  switch (workload) {
    case 'read':
      return { ...none, file: data.blocks, stamped: data.ownBlocks }
    case 'mixed':
      return { ...none, file: data.mixed, stamped: true }
    case 'readfile':
    case 'chain-read':
      return { ...none, directory: data.smallFiles, stamped: data.ownFiles }
    case 'statx':
      return { ...none, directory: data.statTree, stamped: true }
    case 'append':
    case 'chain-write':
      return { ...none, directory: data.scratch }
    default:
      return none
  }
}

/** The same for every leg, whatever it does with the data. */
export function warm(workload: Workload, uncached: boolean, data: TestData): void {
  const { file, directory } = dataFor(workload, data)
  if (file !== '' && !uncached) warmFile(file)
  if (workload === 'readfile' || workload === 'chain-read') warmFiles(directory)
  if (workload === 'statx') for (let index = 0; index < STAT_PATHS; index++) statSync(statPath(directory, index))
}

/** Right before every leg, because the kernel reclaims cold page cache on its own. */
export function warmFile(path: string): void {
  const buffer = new Uint8Array(CHUNK_BYTES)
  const descriptor = openSync(path, 'r')
  try {
    while (readSync(descriptor, buffer, 0, CHUNK_BYTES, null) > 0);
  } finally {
    closeSync(descriptor)
  }
}

function warmFiles(directory: string): void {
  for (const path of listFiles(directory)) readFileSync(path)
}

function isValidDataFile(path: string, fileBytes: number): boolean {
  if (!existsSync(path) || statSync(path).size !== fileBytes) return false
  const stamp = new Uint8Array(4)
  const descriptor = openSync(path, 'r')
  try {
    return [0, 1, fileBytes / BLOCK_BYTES - 1].every((block) => {
      readSync(descriptor, stamp, 0, 4, block * BLOCK_BYTES)
      return readStamp(stamp) === block
    })
  } finally {
    closeSync(descriptor)
  }
}

/** Not zeros: a file system that compresses or leaves holes must not make reading cheaper. */
function fillWithNoise(bytes: Uint8Array): void {
  let state = 88172645
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state & 255
  }
}

function requireFreeSpace(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory)
  const freeBytes = bavail * bsize
  if (freeBytes >= bytes + HEADROOM_BYTES) return
  const mib = (count: number): string => `${Math.ceil(count / (1 << 20))} MiB`
  throw new Error(
    `${directory} has ${mib(freeBytes)} free and ${mib(bytes + HEADROOM_BYTES)} are needed: choose another place with --data`,
  )
}
