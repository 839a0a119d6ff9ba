// What identifies a version of a file: ETag and Last-Modified from its stat. Pure; used by plan.ts.
import type { Stats } from 'node:fs'
import { formatHttpDate } from './http-date.ts'

export interface Validators {
  /** Strong once `settled`, else marked `W/`. */
  readonly etag: string
  readonly lastModified: string
  /** Whole seconds, as Last-Modified says it. */
  readonly lastModifiedMs: number
  /** Whether equal validators promise equal bytes, so that ranges of two requests may be put together. */
  readonly settled: boolean
}

export type FileFacts = Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>

/**
 * The tag has the inode (a file renamed over this one is another file, even if it has the same size and time), the size,
 * and both times: mtime can be set back by anyone (`cp -p`, `tar -x`, `rsync --inplace -t`), ctime cannot. A hash of the
 * content would be better and costs a read of the whole file per request.
 *
 * Until the last change is `settleMs` old, a second change might bear the same time: the tag is then weak, which still
 * serves caches but never lets a client join ranges of two versions (RFC 9110 section 8.8.1; Apache does the same).
 */
export function validatorsOf(file: FileFacts, nowMs: number, settleMs: number): Validators {
  const settled = nowMs - Math.max(file.mtimeMs, file.ctimeMs) >= settleMs
  const tag = [file.ino, file.size, microseconds(file.mtimeMs), microseconds(file.ctimeMs)]
    .map((part) => part.toString(16))
    .join('-')
  // A date in the future must not be sent (RFC 9110 section 8.8.2.1), and one past the year 9999 could not be.
  const lastModifiedMs = Math.floor(Math.min(file.mtimeMs, nowMs) / 1000) * 1000
  return {
    etag: settled ? `"${tag}"` : `W/"${tag}"`,
    lastModified: formatHttpDate(lastModifiedMs),
    lastModifiedMs,
    settled,
  }
}

/** A double still resolves a quarter of a microsecond at today's milliseconds; nanoseconds would be invented. */
function microseconds(ms: number): number {
  return Math.floor(ms * 1000)
}
