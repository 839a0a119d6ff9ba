// Opens the rings of one Ringmaster, and closes them again: memory, threads, rings, in that order, and back. Used by
// Ringmaster.start(). If anything fails on the way, everything before it is undone.
import { SetupFlag } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { placeRings } from '../native/layout.ts'
import type { RingSetup } from '../native/ring-memory.ts'
import { allocateSharedMemory } from '../native/shared-memory.ts'
import { ringMetricsSizeBytes } from '../metrics/ring-metrics.ts'
import { RingWorkerPool } from '../workers/pool.ts'
import type { StartedWorker } from '../workers/pool.ts'
import { Poller } from '../workers/poller-kind.ts'
import { RingHandle, leaseSizeBytes, prepareControl } from '../workers/ring-handle.ts'
import { reservedSlots } from '../workers/submission.ts'
import { spinNsMax } from '../workers/wake-cost.ts'
import type { ResolvedOptions } from './options.ts'
import type { Placement } from './placement.ts'
import { withoutRefusedRing } from './refused-ring.ts'

export interface OpenRings {
  readonly handles: readonly RingHandle[]
  /** Drains and closes everything. */
  close(): Promise<void>
}

/** Before anything is measured: what a client spins at most. */
const firstSpinNs = 50_000

/** @throws SystemError, RingUnavailableError */
export async function openRings(options: ResolvedOptions, placement: Placement): Promise<OpenRings> {
  const inFlightMax = options.cqEntries - reservedSlots
  const { places, sizeBytes } = placeRings(placement.rings, {
    sqEntries: options.sqEntries,
    cqEntries: options.cqEntries,
    slots: inFlightMax + options.backlogMax + reservedSlots,
    leasesSizeBytes: options.directDescriptors * leaseSizeBytes,
    metricsSizeBytes: ringMetricsSizeBytes,
  })
  const memory = allocateSharedMemory(sizeBytes)
  const handles: RingHandle[] = []
  const pool = new RingWorkerPool(placement.rings, (ring, cause) => handles[ring]?.workerLost(cause))
  const close = async (): Promise<void> => {
    const drained = await Promise.all(
      handles.map((handle) => handle.close(options.closeGraceMs, options.closeDeadlineMs)),
    )
    if (drained.includes(false)) quarantine.push(memory)
    await pool.close()
  }
  try {
    for (const [ring, ringPlace] of places.entries()) {
      const firstHold = prepareControl(memory, ringPlace)
      try {
        const task = {
          ring,
          memory,
          place: ringPlace,
          directDescriptors: options.directDescriptors,
          spinNs: options.spinNs === 'auto' ? Math.min(spinNsMax, firstSpinNs) : options.spinNs,
          cpus: [],
        }
        let chosen: Pick<Placement, 'poller' | 'reason'> = placement
        const start = (): Promise<StartedWorker> =>
          pool.start({ ...task, poller: chosen.poller, setup: setupOf(options, chosen.poller) })
        const worker = await start().catch((error: unknown) => {
          const instead = options.poller === 'auto' ? withoutRefusedRing(error, placement.poller) : null
          if (instead === null) throw error
          chosen = instead
          return start()
        })
        handles.push(
          new RingHandle(ring, worker, {
            memory,
            place: ringPlace,
            poller: chosen.poller,
            reason: chosen.reason,
            inFlightMax,
            backlogMax: options.backlogMax,
            spinNs: firstSpinNs,
          }),
        )
      } finally {
        binding().release(firstHold)
      }
    }
  } catch (error) {
    await close()
    throw error
  }
  return { handles, close }
}

function setupOf(options: ResolvedOptions, poller: Poller): RingSetup {
  const withSqThread = poller === Poller.kernel
  return {
    sqEntries: options.sqEntries,
    cqEntries: options.cqEntries,
    flags: withSqThread ? SetupFlag.SQPOLL : 0,
    sqThreadIdleMs: options.sqThreadIdleMs,
    sqThreadCpu: withSqThread ? (options.sqThreadCpu ?? -1) : -1,
    memory: options.memory,
  }
}

/** Memory of rings that did not come to rest in time: the kernel may still write to it, so it is never freed. */
const quarantine: SharedArrayBuffer[] = []
