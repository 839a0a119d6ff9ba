// The shape of the test data, known to both sides: data.ts writes it, drivers/* check what they read against it.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export const BLOCK_BYTES = 4096
export const FILE_BYTES: number = 1 << 30
export const MIXED_FILE_BYTES: number = 256 << 20
export const SMALL_FILES = 20_000
export const STAT_PATHS = 100_000
const STAT_PATHS_PER_FOLDER = 1000
/** Our small files begin with their number, so a content of another file is noticed. */
export const SMALL_FILE_BYTES_MIN = 1024

/** One in this many operations has its content checked, in our own data: cheap enough for the timed window. */
const STAMP_CHECK_INTERVAL = 16

export function smallFileBytes(index: number): number {
  return SMALL_FILE_BYTES_MIN + ((Math.imul(index, 2654435761) >>> 0) % 3073)
}

/** Each has one byte more than its number: c/ring-limit.c makes the same names and expects the same sizes. */
export function statPath(directory: string, index: number): string {
  const folder = String(Math.floor(index / STAT_PATHS_PER_FOLDER)).padStart(2, '0')
  return `${directory}/${folder}/file-${String(index).padStart(5, '0')}`
}

export function statBytes(index: number): number {
  return index + 1
}

/** Depth first, sorted: the same order in every leg. */
export function listFiles(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true })
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return listFiles(path)
    return entry.isFile() ? [path] : []
  })
}

/** Xorshift, one seed: every leg reads the same blocks in the same order. */
export class RandomBlocks {
  readonly #blocks: number
  #state = 12345

  /** `readBytes`: of what is read or written there, a multiple of a block. */
  constructor(fileBytes: number, readBytes: number = BLOCK_BYTES) {
    this.#blocks = Math.floor((fileBytes - readBytes) / BLOCK_BYTES) + 1
    if (this.#blocks < 1)
      throw new Error(`the data file has ${fileBytes} bytes, less than the ${readBytes} of one read`)
  }

  next(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % this.#blocks
  }
}

/** Checks that what was read is what is stored there: each block and each small file begins with its own number. */
export class StampChecker {
  readonly #stamped: boolean
  #calls = 0

  constructor(stamped: boolean) {
    this.#stamped = stamped
  }

  check(content: Uint8Array, expected: number): void {
    if (!this.#stamped || this.#calls++ % STAMP_CHECK_INTERVAL !== 0) return
    const stamp = readStamp(content)
    if (stamp !== expected) throw new Error(`wrong content: block or file ${expected} was asked for, ${stamp} was read`)
  }
}

export function readStamp(content: Uint8Array): number {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = [content[0], content[1], content[2], content[3]]
  return (b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) >>> 0
}

export function writeStamp(content: Uint8Array, offset: number, stamp: number): void {
  for (let byte = 0; byte < 4; byte++) content[offset + byte] = (stamp >>> (8 * byte)) & 255
}
