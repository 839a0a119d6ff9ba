// Requests that wait all the time beside those that are measured. Used by ringmaster.ts.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { op } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'

/** Parks polls of a pipe to which nobody writes. Returns what ends them. */
export function park(raw: RawRing, count: number): () => Promise<void> {
  if (count === 0) return () => Promise.resolve()
  const path = join(tmpdir(), `ringmaster-bench-pipe-${process.pid}`)
  execFileSync('mkfifo', [path])
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  unlinkSync(path)
  const polls = Array.from({ length: count }, () => raw.submit(op.pollAdd({ fd: descriptor, events: ['POLLIN'] })))
  return async () => {
    writeSync(descriptor, '.')
    await Promise.all(polls)
    closeSync(descriptor)
  }
}
