// A pipe, which Node has no call for: a FIFO that has lost its name.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Pipe {
  /** Blocking, as a request of a ring may be. */
  readonly readFd: number
  readonly writeFd: number
  close(): void
}

export function makePipe(): Pipe {
  const directory = mkdtempSync(path.join(tmpdir(), 'ringmaster-pipe-'))
  const name = path.join(directory, 'pipe')
  execFileSync('mkfifo', [name], { env: { ...process.env, LD_PRELOAD: '' } })
  const both = openSync(name, constants.O_RDWR)
  const readFd = openSync(name, 'r')
  const writeFd = openSync(name, 'w')
  closeSync(both)
  rmSync(directory, { recursive: true })
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    closeSync(readFd)
    closeSync(writeFd)
  }
  return { readFd, writeFd, close }
}
