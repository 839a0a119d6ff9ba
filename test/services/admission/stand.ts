// What the tests of admission share: a small ring, pipes whose reads wait as long as the test wants, and a look at the numbers.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { Ringmaster } from '../../../services/index.ts'
import type { RingmasterOptions } from '../../../services/index.ts'
import type { RingStats } from '../../../services/ring-stats.ts'
import { temporaryFolder } from '../harness.ts'
import type { allPollers } from '../harness.ts'

const folder = temporaryFolder()
const open: number[] = []
let pipes = 0
afterAll(() => {
  for (const fd of open) closeSync(fd)
  folder.remove()
})

/** Places in a small ring: cqEntries less what is kept for cancellations. */
export const places = 64
/** What is always background's of these. */
export const floor = 8

export const path = (name: string): string => join(folder.path, name)

/** A ring with 64 places. */
export const small = (poller: (typeof allPollers)[number], options: RingmasterOptions = {}): Promise<Ringmaster> =>
  Ringmaster.start({ poller, rings: 1, sqEntries: 64, cqEntries: 128, closeGraceMs: 100, ...options })

export interface Pipe {
  readonly fd: number
  /** Lets `count` one-byte reads of it go on. */
  readonly feed: (count: number) => void
}

/** Reads of it wait until it is fed. */
export function pipe(): Pipe {
  const name = path(`pipe${pipes++}`)
  execFileSync('mkfifo', [name])
  const fd = openSync(name, constants.O_RDWR)
  open.push(fd)
  return {
    fd,
    feed: (count) => {
      writeSync(fd, Buffer.alloc(count))
    },
  }
}

export const ringStats = (rings: Ringmaster): RingStats => rings.stats().rings[0]!
