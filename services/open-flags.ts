// Open flags as Node takes them ('r', 'wx+', 0o102…) to the kernel's bits. Used by everything that opens a file.
import { constants } from 'node:fs'
import { invalidArgValue } from '../native/errors.ts'

const { O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_CREAT, O_WRONLY, O_EXCL, O_APPEND } = constants

// node:fs, "File system flags"; the spellings are core's.
const known: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  sr: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  'sr+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  xw: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  'xw+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  xa: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  sa: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'xa+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
  'sa+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
}

/** O_CLOEXEC, which node:fs.constants lacks; the same on every Linux architecture that Node runs on. */
export const closeOnExec: number = 0o2000000

/**
 * The kernel's open flags.
 * @throws ERR_INVALID_ARG_VALUE
 */
export function openFlags(flags: string | number): number {
  if (typeof flags === 'number' && Number.isInteger(flags) && flags >= -2147483648 && flags <= 0xffffffff)
    return flags | 0
  const bits = typeof flags === 'string' && Object.hasOwn(known, flags) ? known[flags] : undefined
  if (bits === undefined) throw invalidArgValue('flags', flags, 'is invalid')
  return bits
}
