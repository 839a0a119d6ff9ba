// Where the metrics of one Ringmaster are read, at scrape time. Used by Ringmaster.register().
import type { Advisor } from './advisor.ts'
import type { Arenas } from './arena.ts'
import { clientSources } from './clients/client-stats.ts'
import type { Clients } from './clients/clients.ts'
import type { Coordinator } from './coordinator.ts'
import type { OpenRings } from './open-rings.ts'
import type { Placement } from './placement/types.ts'
import type { PoolSource } from './register-pool.ts'
import { metricsSource } from './ring-stats.ts'
import { noClients, noServices } from './ringmaster-stats.ts'
import type { Tracing } from './tracing.ts'

export interface PoolParts {
  readonly rings: OpenRings
  readonly coordinator: Coordinator
  readonly arenas: Arenas
  readonly advisor: Advisor
  readonly tracing: Tracing
  readonly placement: Placement
  readonly cpus: number
  readonly wakeCostNs: number
  clients(): Clients | null
}

export function poolSource(parts: PoolParts): PoolSource {
  const { rings, coordinator, arenas, advisor, tracing, placement, cpus, wakeCostNs } = parts
  return {
    rings: (pool) => [
      ...rings.handles.map((handle, index) =>
        metricsSource(handle, {
          pool,
          chosen: placement,
          advice: advisor.adviceOf(index),
          times: () => advisor.timesOf(index),
        }),
      ),
      ...clientSources(parts.clients()?.list() ?? [], pool, placement),
    ],
    files: () => coordinator.files,
    clients: () => ({ ...(parts.clients()?.counts ?? noClients), ...(parts.clients()?.services ?? noServices) }),
    arenas: () => arenas.stats(),
    placement: () => ({
      effectiveCpus: cpus,
      wakeCostNs,
      spinNs: rings.handles[0]!.idle.spinNs,
      choices: placement.choices,
    }),
    traces: () => tracing.stats(),
  }
}
