// What stats() says of a Ringmaster. Plain data.
import type { ArenaStats } from './arena.ts'
import type { Choice } from './placement/types.ts'
import type { ClientStats, RingStats } from './ring-stats.ts'
import type { TraceStats } from './trace.ts'

export interface RingmasterStats {
  readonly rings: readonly RingStats[]
  /** Rings of threads that are attached. */
  readonly clients: readonly ClientStats[]
  /** CPUs this process may use: affinity and cgroup quota. */
  readonly effectiveCpus: number
  /** What sleeping and being woken takes here, measured at start. */
  readonly wakeCostNs: number
  /** How long a client looks for completions before it sleeps. */
  readonly spinNs: number
  /** Arenas that are open. */
  readonly arenas: readonly ArenaStats[]
  /** What trace() has recorded. */
  readonly traces: TraceStats
  /** What was chosen and why, by the options' names; as a line for logs in `summary`. */
  readonly placement: { readonly summary: string; readonly choices: readonly Choice[] }
}
