// One request at a time on a real ring, for tests of what an operation does to files.
import { binding } from '../../../native/binding.ts'
import { openTestRing, reserve } from './rings.ts'
import type { TestRing } from './rings.ts'

export interface FileRing {
  readonly test: TestRing
  /** Runs one request to its end; its result. `keep` is what must stay put meanwhile. */
  run(prepare: (words: Int32Array, at: number) => void, ...keep: readonly unknown[]): number
  close(): void
}

export function openFileRing(): FileRing {
  const test = openTestRing()
  let id = 0
  return {
    test,
    run(prepare, ...keep) {
      const at = reserve(test.ring, ++id)
      prepare(test.ring.sqes, at)
      test.submit()
      test.wait(1)
      const [completion] = test.reap()
      if (completion?.id !== id) throw new Error(`expected the completion of ${id}, got that of ${completion?.id}`)
      return keep.length >= 0 ? completion.result : 0
    },
    close: () => {
      test.close()
    },
  }
}

/** A path as the kernel wants it: bytes with NUL behind them, which must be kept, and their address. */
export function pathBytes(path: string): { bytes: Buffer; address: number } {
  const bytes = Buffer.from(`${path}\0`)
  return { bytes, address: binding().addressOf(bytes) }
}
