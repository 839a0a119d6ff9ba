// Puts the planes of one Ringmaster (a pool of rings) on a registry, beside those of others. Used by Ringmaster.register().
import { invalidArgValue } from '../native/errors.ts'
import { buildPlane } from '../metrics/catalog/build.ts'
import { clientsPlane, type ClientsReading } from '../metrics/catalog/clients.ts'
import { filesPlane, type FilesReading } from '../metrics/catalog/files.ts'
import { memoryPlane, type ArenaReading } from '../metrics/catalog/memory.ts'
import { placementPlane, type PlacementReading } from '../metrics/catalog/placement.ts'
import { ringSubjects, type RingMetricsSource } from '../metrics/catalog/ring-reading.ts'
import { ringsPlane } from '../metrics/catalog/rings.ts'
import { tracesPlane, type TracesReading } from '../metrics/catalog/traces.ts'
import { checkRegistry, planesOf, registerPlane, type MetricsRegistry } from '../metrics/exporter.ts'
import type { Subject } from '../metrics/plane.ts'
import type { ArenaStats } from './arena.ts'
import { buildSubjects } from './build-info.ts'

/** Where the numbers are. */
export interface PoolSource {
  rings(pool: string): readonly RingMetricsSource[]
  files(): FilesReading
  clients(): ClientsReading
  arenas(): readonly ArenaStats[]
  placement(): PlacementReading
  traces(): TracesReading
}

/** Labels of pools that are in a registry. */
const poolsOf = new WeakMap<MetricsRegistry, Set<string>>()

/** The label of a pool: its name, nothing for the first one without, a number for others. @throws ERR_INVALID_ARG_VALUE */
function takeLabel(pools: Set<string>, name: string): string {
  if (name !== '' && pools.has(name))
    throw invalidArgValue('options.name', name, 'is in this registry already: give each Ringmaster a name of its own')
  let label = name
  for (let number = 2; pools.has(label); number++) label = String(number)
  pools.add(label)
  return label
}

/** The registries that one Ringmaster is in. */
export class Registrations {
  private readonly name: string
  private readonly source: PoolSource
  private readonly removes = new Map<MetricsRegistry, () => void>()

  constructor(name: string, source: PoolSource) {
    this.name = name
    this.source = source
  }

  /**
   * Returns what takes the metrics out again; the second time with the same registry it returns the same, and registers what was taken out otherwise.
   */
  add(registry: MetricsRegistry): () => void {
    checkRegistry(registry)
    const known = this.removes.get(registry)
    if (known !== undefined) {
      planesOf(registry).restore()
      return known
    }
    const removePool = registerPool(registry, this.name, this.source)
    const remove = (): void => {
      if (this.removes.get(registry) !== remove) return
      this.removes.delete(registry)
      removePool()
    }
    this.removes.set(registry, remove)
    return remove
  }

  removeAll(): void {
    for (const remove of [...this.removes.values()]) remove()
  }
}

/** Returns what takes them out again. @throws ERR_INVALID_ARG_VALUE; Error where a metric's name is somebody else's, and nothing has changed */
function registerPool(registry: MetricsRegistry, name: string, source: PoolSource): () => void {
  const pools = poolsOf.get(registry) ?? new Set<string>()
  poolsOf.set(registry, pools)
  const pool = takeLabel(pools, name)
  const removes: (() => void)[] = []
  const remove = (): void => {
    for (const removePlane of removes.splice(0)) removePlane()
    pools.delete(pool)
  }
  const labels = [pool]
  try {
    removes.push(registerPlane(registry, buildPlane, buildSubjects))
    removes.push(registerPlane(registry, ringsPlane, () => ringSubjects(source.rings(pool))))
    removes.push(registerPlane(registry, filesPlane, () => [{ labels, reading: source.files() }]))
    removes.push(registerPlane(registry, clientsPlane, () => [{ labels, reading: source.clients() }]))
    removes.push(registerPlane(registry, memoryPlane, () => source.arenas().map((arena) => arenaSubject(pool, arena))))
    removes.push(registerPlane(registry, placementPlane, () => [{ labels, reading: source.placement() }]))
    removes.push(registerPlane(registry, tracesPlane, () => [{ labels, reading: source.traces() }]))
  } catch (error) {
    remove()
    throw error
  }
  return remove
}

const arenaSubject = (pool: string, reading: ArenaStats): Subject<ArenaReading> => ({
  labels: [pool, String(reading.arena)],
  reading,
})
