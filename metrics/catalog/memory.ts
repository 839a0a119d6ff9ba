// The plane of memory: arenas that are open, one subject each. Registered by Ringmaster.register(); to add a metric, copy a row.
import { atMost, type Plane, poolRule } from '../plane.ts'

export interface ArenaReading {
  readonly slabBytes: number
  readonly slabs: number
  readonly leased: number
  /** Given back, and still used by a request. */
  readonly draining: number
  readonly waiters: number
  /** Whether the kernel knows its memory. */
  readonly registered: boolean
}

// prettier-ignore
export const memoryPlane: Plane<ArenaReading> = {
  name: 'memory',
  // The number it was made with, from 1.
  subjectLabels: ['pool', 'arena'],
  labelRules: { pool: poolRule, arena: atMost(256) },
  rows: [
    { name: 'ringmaster_arena_slabs', type: 'gauge', unit: 'count', labels: [],
      help: 'Slabs of the arena.', read: ({ slabs }, sample) => sample(slabs) },
    { name: 'ringmaster_arena_slabs_leased', type: 'gauge', unit: 'count', labels: [],
      help: 'Slabs that are leased.', read: ({ leased }, sample) => sample(leased) },
    { name: 'ringmaster_arena_slabs_draining', type: 'gauge', unit: 'count', labels: [],
      help: 'Slabs that were given back and are still used by a request.', read: ({ draining }, sample) => sample(draining) },
    { name: 'ringmaster_arena_waiters', type: 'gauge', unit: 'count', labels: [],
      help: 'Callers waiting for a slab.', read: ({ waiters }, sample) => sample(waiters) },
    { name: 'ringmaster_arena_size_bytes', type: 'gauge', unit: 'bytes', labels: [],
      help: 'Memory of the arena.', read: ({ slabs, slabBytes }, sample) => sample(slabs * slabBytes) },
    { name: 'ringmaster_arena_registered', type: 'gauge', unit: 'boolean', labels: [],
      help: 'Whether the memory of the arena is registered with the rings: 1, or 0 where they would not take it.',
      read: ({ registered }, sample) => sample(registered ? 1 : 0) },
  ],
}
