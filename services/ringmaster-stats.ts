// What stats() says of a Ringmaster. Plain data.
import type { ArenaStats } from './arena.ts'
import type { Choice } from './placement/types.ts'
import type { ClientStats, RingStats } from './ring-stats.ts'
import type { TraceStats } from './trace.ts'

export interface RingmasterStats {
  /** Option `name`; empty for none. */
  readonly name: string
  readonly rings: readonly RingStats[]
  /** Rings of threads that are attached. */
  readonly clients: readonly ClientStats[]
  /** CPUs this process may use: affinity and cgroup quota. */
  readonly effectiveCpus: number
  /** What sleeping and being woken takes here, measured at start. */
  readonly wakeCostNs: number
  /** How long a client looks for completions before it sleeps. */
  readonly spinNs: number
  /** Files opened with open() and openBeneath(), views' too, and how many of them are open. */
  readonly files: { readonly opened: number; readonly closed: number; readonly open: number }
  /** Threads that are attached, resident services among them, and how many may be; what became of the services' instances. */
  readonly attached: { readonly clients: number; readonly clientsMax: number }
  readonly services: { readonly instances: number; readonly failures: number; readonly restarts: number }
  /** Arenas that are open. */
  readonly arenas: readonly ArenaStats[]
  /** What trace() has recorded. */
  readonly traces: TraceStats
  /** What was chosen and why, by the options' names; as a line for logs in `summary`. */
  readonly placement: { readonly summary: string; readonly choices: readonly Choice[] }
}

/** Of a thread that joined, which has none of its own. */
export const noClients = { attached: 0, attachedMax: 0 } as const
export const noServices = { instances: 0, failures: 0, restarts: 0 } as const
