// What went wrong in node:fs, as the number that a completion carries. Used by calls.ts and beneath.ts.
import { linuxErrno } from '../linux-errno.ts'

const EIO = -5
const EINVAL = -22

/** -errno, Linux's; EINVAL for what node:fs refuses to try, EIO for what has no number. */
export function errnoOf(error: unknown): number {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return EIO
  const known = linuxErrno(error.code)
  if (known !== undefined) return known
  if (error.code.startsWith('ERR_')) return EINVAL
  const own = 'errno' in error ? Number(error.errno) : 0
  return process.platform === 'linux' && own < 0 && own > -4096 ? own : EIO
}

/** An error that errnoOf() turns into the number of `code`. */
export function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}
