// The memory that requests read into and write from. Used by station.ts for works.ts.
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import type { ArenaLease } from '../../../workers/arena.ts'
import type { Ringmaster } from '../../ringmaster.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'

export interface LeaseBuffers {
  /** `count` buffers of `sizeBytes` each; those of before are given back. */
  take(count: number, sizeBytes: number): readonly Buffer[]
  /** What fixed operations of `ringmaster/raw` name; empty for plain memory. */
  readonly leases: ReadonlyMap<Uint8Array, ArenaLease>
}

const pageBytes = 4096

/** Ordinary buffers; page-aligned ones where O_DIRECT wants them. Filled: a page that nobody has written is not there yet. */
export function plainBuffers(aligned: boolean): LeaseBuffers {
  return {
    leases: new Map(),
    take: (count, sizeBytes) => {
      if (!aligned) return Array.from({ length: count }, () => Buffer.allocUnsafeSlow(sizeBytes).fill(0x72))
      const memory = allocateSharedMemory(count * sizeBytes)
      return Array.from({ length: count }, (_, at) => Buffer.from(memory, at * sizeBytes, sizeBytes).fill(0x72))
    },
  }
}

/** Slabs of an arena: registered memory, of which the library makes fixed reads and writes. */
export function registeredBuffers(rings: Ringmaster): LeaseBuffers {
  const leases = new Map<Uint8Array, ArenaLease>()
  return {
    leases,
    take: (count, sizeBytes) => {
      const slabBytes = Math.ceil(sizeBytes / pageBytes) * pageBytes
      const arena = rings.arena({ slabBytes, slabs: count, fixedFor: 'all' })
      if (!arena.registered) throw new LayoutImpossibleError(`memory cannot be registered: ${arena.reason}`)
      return Array.from({ length: count }, () => {
        const lease = arena.lease(sizeBytes)
        const buffer = lease.buffer.fill(0x72)
        leases.set(buffer, lease)
        return buffer
      })
    },
  }
}
