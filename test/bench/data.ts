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
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { BLOCK_BYTES, FILE_BYTES, listFiles, readStamp, SMALL_FILES, smallFileBytes, writeStamp } from './data-file.ts'

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
  const path = join(directory, 'blocks-1g.bin')
  if (isValidDataFile(path)) return path
  requireFreeSpace(directory, FILE_BYTES)
  const partial = `${path}.${process.pid}.partial`
  const chunk = new Uint8Array(CHUNK_BYTES)
  fillWithNoise(chunk)
  const descriptor = openSync(partial, 'w', 0o600)
  try {
    for (let offset = 0; offset < FILE_BYTES; offset += CHUNK_BYTES) {
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

export function warmFiles(directory: string): void {
  for (const path of listFiles(directory)) readFileSync(path)
}

function isValidDataFile(path: string): boolean {
  if (!existsSync(path) || statSync(path).size !== FILE_BYTES) return false
  const stamp = new Uint8Array(4)
  const descriptor = openSync(path, 'r')
  try {
    return [0, 1, FILE_BYTES / BLOCK_BYTES - 1].every((block) => {
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
