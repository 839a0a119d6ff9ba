// What each workload is measured with unless somebody says otherwise: what tune begins with is what bench shows. Used by services/bench and services/tune.
import type { TunedWorkload } from '../tune/types.ts'

export interface UsualLoad {
  /** Bytes of a request; 0: whole files. */
  readonly blockBytes: number
  /** Requests in flight of a program that does not think about it: a log is appended to one record after the other. */
  readonly depth: number
}

/** Its order is that of reports. */
export const usual: Readonly<Record<TunedWorkload, UsualLoad>> = {
  'random-read': { blockBytes: 4096, depth: 64 },
  'sequential-read': { blockBytes: 128 << 10, depth: 8 },
  'small-files': { blockBytes: 0, depth: 64 },
  'durable-append': { blockBytes: 4096, depth: 1 },
  mixed: { blockBytes: 4096, depth: 64 },
  // Of what serve has at once; a recording says itself how many there were.
  http: { blockBytes: 0, depth: 32 },
  recorded: { blockBytes: 0, depth: 8 },
}
