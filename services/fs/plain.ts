// Which arguments a request can be made of at once. Everything else goes to Node's own implementation, which knows what is wrong with it, or what
// it means: so no message of an error and no odd form of an argument is imitated here. Used by all functions of `ringmaster/fs`.
import { fileURLToPath } from 'node:url'
import { openFlags } from '../open-flags.ts'

const modeMax = 0xffffffff

// A half of a character is written as U+FFFD: Node's errors then name what was written.
const halfCharacter = /\p{Surrogate}/u

const plainText = (path: string): string | null => (path.includes('\0') || halfCharacter.test(path) ? null : path)

/** A path as requests take it, or null. */
export function plainPath(path: unknown): string | Buffer | null {
  if (typeof path === 'string') return plainText(path)
  if (path instanceof Uint8Array) {
    // A copy: the request may be made later, and what it means was said now.
    const bytes = Buffer.from(path)
    return bytes.length === 0 || bytes.includes(0) ? null : bytes
  }
  if (!(path instanceof URL)) return null
  try {
    return plainText(fileURLToPath(path))
  } catch {
    return null
  }
}

/** Flags of open(2), or null. */
export function plainFlags(flags: unknown): number | null {
  if (flags === undefined || flags === null) return 0
  if (typeof flags === 'number') return Number.isInteger(flags) && flags >= 0 && flags <= 0x7fffffff ? flags : null
  if (typeof flags !== 'string') return null
  try {
    return openFlags(flags)
  } catch {
    return null
  }
}

/** The mode of a new file, or null. */
export function plainMode(mode: unknown, absent: number): number | null {
  if (mode === undefined || mode === null) return absent
  const value = typeof mode === 'string' && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) : mode
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= modeMax ? value : null
}

/** An encoding, null for none; undefined: not one of these. */
export function plainEncoding(encoding: unknown): BufferEncoding | null | undefined {
  if (encoding === undefined || encoding === null) return null
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : undefined
}

export const isSignal = (signal: unknown): signal is AbortSignal | undefined =>
  signal === undefined || signal instanceof AbortSignal

/** An object that has options, or nothing. */
export const isOptions = (options: unknown): options is object | undefined =>
  options === undefined || (typeof options === 'object' && options !== null)

/** Options that may be an encoding instead: as an object, or null where they are something else. */
export function optionsOrEncoding(options: unknown): Readonly<Record<string, unknown>> | null {
  if (options === undefined || options === null) return {}
  if (typeof options === 'string') return { encoding: options }
  return typeof options === 'object' ? (options as Record<string, unknown>) : null
}

/** A position in a file as read(2) and write(2) get it, -1 for the file's own; null: not for here. */
export function plainPosition(position: unknown): number | null {
  if (position === undefined || position === null) return -1
  return typeof position === 'number' && Number.isSafeInteger(position) && position >= -1 ? position : null
}

/** read(2) and write(2) take no more, and a Buffer has no more. */
export const transferBytesMax: number = 2 ** 31 - 1

/** Whether these are an offset in a view and a length from there, and something is to be moved. */
export function isPart(view: ArrayBufferView, offset: unknown, length: unknown): boolean {
  if (typeof offset !== 'number' || typeof length !== 'number') return false
  if (!Number.isInteger(offset) || !Number.isInteger(length) || offset < 0 || length <= 0) return false
  return offset + length <= view.byteLength && length <= transferBytesMax
}

/** What is to be written as a whole, or null: Node takes streams and iterables, too. */
export function plainData(data: unknown, encoding: BufferEncoding | null): Uint8Array | null {
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8')
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : null
}
