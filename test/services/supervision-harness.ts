// What the tests of supervision share: a load whose data is checked by SHA-256, ways to do harm to a ring's worker, and what the
// process holds. Used by supervision*.test.ts and by the race loop of the same name.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { vi } from 'vitest'
import { RingWorkerPool } from '../../workers/pool.ts'
import type { Ringmaster } from '../../services/ringmaster.ts'
import { Random } from '../simulation/random.ts'
import { descriptors, fieldOf, seededBytes, threads } from './harness.ts'

/** The pools that are made from now on; stop watching when done. */
export function watchPools(): {
  thread: (ring: number) => Worker | undefined
  /** Has the thread of a ring carry out a module's default export with `how`. */
  misuse: (ring: number, module: string, how: string) => void
  stop: () => void
} {
  const starts = vi.spyOn(RingWorkerPool.prototype, 'start')
  const latest = (): RingWorkerPool => {
    const pool: unknown = starts.mock.contexts.at(-1)
    if (pool instanceof RingWorkerPool) return pool
    throw new Error('no pool was made')
  }
  // One that has its ring: whoever ended each that starts would wait for ever for one that is well.
  const thread = (ring: number): Worker | undefined => {
    const own = latest()['threads'].get(ring)
    return own?.control === null ? undefined : own?.worker
  }
  return {
    thread,
    misuse: (ring, module, how) => {
      const { piscina } = latest()['threads'].get(ring)!
      piscina.run(how, { filename: module }).catch(() => undefined) // the thread ends over it
    },
    stop: () => {
      starts.mockRestore()
    },
  }
}

export const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

export const held = (): { descriptors: string[]; threads: string[]; ringMappings: number } => ({
  ringMappings: readFileSync('/proc/self/maps', 'utf8').split('anon_inode:[io_uring]').length - 1,
  descriptors: descriptors().filter((target) => !/^anon_inode:\[event|^socket:/.test(target)),
  threads: threads().filter((name) => !/^iou-wrk|^libuv-worker|^node$/.test(name)),
})

/** How requests ended. */
export interface Outcome {
  settled: number
  /** Requests that were rejected, by code and what they were. */
  readonly failures: Map<string, number>
  /** Results that were not what the file holds. */
  wrong: number
}

/**
 * Reads, writes, stats and whole files in `lanes` lanes until stop(); every result is compared with what node:fs wrote.
 * takeLatenciesMs(): what each that has ended since the last call took.
 */
export function startLoad(
  rings: Ringmaster,
  folder: string,
  seed: number,
  lanes: number,
): { outcome: Outcome; takeLatenciesMs: () => number[]; stop: () => Promise<void> } {
  const random = new Random(seed)
  const outcome: Outcome = { settled: 0, failures: new Map(), wrong: 0 }
  let latenciesMs: number[] = []
  const files = Array.from({ length: 8 }, (_, index) => {
    const path = join(folder, `load${index}`)
    const bytes = seededBytes(3000 + 7000 * index, seed + index)
    writeFileSync(path, bytes)
    return { path, bytes, digest: sha256(bytes) }
  })
  let going = true
  const expect = (right: boolean): void => {
    if (!right) outcome.wrong++
  }
  const lane = async (number: number): Promise<void> => {
    const own = join(folder, `lane${number}`)
    while (going) {
      const { path, bytes, digest } = random.pick(files)
      const kind = random.below(5)
      const startedMs = performance.now()
      try {
        if (kind === 0) expect(sha256(await rings.readFile(path)) === digest)
        else if (kind === 1) expect((await rings.stat(path)).size === bytes.length)
        else if (kind === 2) await rings.nop()
        else if (kind === 3) {
          const file = await rings.open(path)
          try {
            const position = random.below(bytes.length)
            const { bytesRead, buffer } = await file.read(Buffer.alloc(2000), 0, 2000, position)
            expect(sha256(buffer.subarray(0, bytesRead)) === sha256(bytes.subarray(position, position + bytesRead)))
          } finally {
            await file.close()
          }
        } else {
          await rings.writeFile(own, bytes)
          expect(sha256(readFileSync(own)) === digest)
        }
      } catch (error) {
        const code = String(fieldOf(error, 'code') ?? error)
        const what = `${code} of ${['readFile', 'stat', 'nop', 'open, read, close', 'writeFile'][kind]}`
        outcome.failures.set(what, (outcome.failures.get(what) ?? 0) + 1)
      }
      outcome.settled++
      latenciesMs.push(performance.now() - startedMs)
    }
  }
  const running = Array.from({ length: lanes }, (_, number) => lane(number))
  return {
    outcome,
    takeLatenciesMs: () => {
      const taken = latenciesMs
      latenciesMs = []
      return taken
    },
    stop: async () => {
      going = false
      await Promise.all(running)
    },
  }
}
