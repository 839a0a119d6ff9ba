// Opens the rings of one Ringmaster, and closes them again: memory, threads, rings, in that order, and back. Used by
// Ringmaster.start(). If anything fails on the way, everything before it is undone.
import { SetupFlag } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { capabilities, explainSetupError } from '../native/capabilities.ts'
import { RingUnavailableError } from '../native/errors.ts'
import { readSqThread } from '../native/fdinfo.ts'
import { placeRings } from '../native/layout.ts'
import { isPlain } from '../native/plain/binding.ts'
import type { RingSetup } from '../native/ring-memory.ts'
import { allocateSharedMemory } from '../native/shared-memory.ts'
import { ringMetricsSizeBytes } from '../metrics/ring-metrics.ts'
import { InThreadWorkers } from '../workers/in-thread.ts'
import { RingWorkerPool } from '../workers/pool.ts'
import type { StartedWorker } from '../workers/pool.ts'
import { Poller } from '../workers/poller-kind.ts'
import { quarantineMemory } from '../workers/quarantine.ts'
import { RingHandle, leaseSizeBytes, prepareControl, threadGone } from '../workers/ring-handle.ts'
import { explainRestrictions } from '../workers/restrictions.ts'
import { reservedSlots } from '../workers/submission.ts'
import { spinNsMax } from '../workers/wake-cost.ts'
import type { ResolvedOptions } from './options.ts'
import type { RingLayout } from './placement/types.ts'
import { chooseRawDescriptors } from './raw-descriptors.ts'
import { withoutRefusedRing } from './refused-ring.ts'
import { withoutUnsupported } from './restrictions.ts'

export interface OpenRings {
  readonly handles: readonly RingHandle[]
  /** Drains and closes everything. */
  close(): Promise<void>
}

/** Before anything is measured: what a client spins at most. */
const firstSpinNs = 50_000

const ENOMEM = -12

// The small ring that capabilities() tried had room within the memlock limit; these have not.
function explained(error: unknown): unknown {
  const { errno, syscall } = (error instanceof Error ? error : {}) as { errno?: unknown; syscall?: unknown }
  if (errno !== ENOMEM || syscall !== 'io_uring_setup') return error
  const { reason, message } = explainSetupError(ENOMEM, false)
  return new RingUnavailableError(reason, message, { cause: error })
}

/** @throws SystemError, RingUnavailableError */
export async function openRings(options: ResolvedOptions, placement: RingLayout): Promise<OpenRings> {
  const inFlightMax = options.cqEntries - reservedSlots
  const rawDescriptors = chooseRawDescriptors(options, placement.poller)
  const { places, sizeBytes } = placeRings(placement.rings, {
    sqEntries: options.sqEntries,
    cqEntries: options.cqEntries,
    slots: inFlightMax + options.backlogMax + reservedSlots,
    leasesSizeBytes: options.directDescriptors * leaseSizeBytes,
    metricsSizeBytes: ringMetricsSizeBytes,
  })
  const restrictions = options.restrictions && withoutUnsupported(options.restrictions, (await capabilities()).opcodes)
  const memory = allocateSharedMemory(sizeBytes)
  const handles: RingHandle[] = []
  const pool = isPlain()
    ? new InThreadWorkers()
    : new RingWorkerPool(placement.rings, (ring, cause) => handles[ring]?.workerLost(cause))
  // One ring has its SQ thread to itself, whatever the option says: its chains are whole.
  const shared = placement.sqThreads === 'shared' && placement.poller === Poller.kernel && placement.rings > 1
  const close = async (): Promise<void> => {
    const open = shared ? handles.filter(({ client }) => client.state !== 'closed') : []
    const sharedThread = open.map(({ geometry }) => readSqThread(geometry.ringFd)).find((thread) => thread !== null)
    const drained = await Promise.all(
      handles.map((handle) => handle.close(options.closeGraceMs, options.closeDeadlineMs)),
    )
    if (drained.includes(false)) quarantineMemory(memory)
    if (sharedThread !== undefined) await threadGone(sharedThread.tid)
    await pool.close()
  }
  try {
    for (const [ring, ringPlace] of places.entries()) {
      const cpu = placement.pins?.[ring] ?? -1
      const firstHold = prepareControl(memory, ringPlace)
      try {
        const task = {
          ring,
          memory,
          place: ringPlace,
          directDescriptors: options.directDescriptors,
          rawDescriptors,
          spinNs: options.spinNs === 'auto' ? Math.min(spinNsMax, firstSpinNs) : options.spinNs,
          restrictions,
        }
        let { poller, reason } = placement
        const start = (): Promise<StartedWorker> => {
          const setup = setupOf(options, poller, cpu, shared ? sqThreadOwner(handles) : undefined, restrictions)
          return pool.start({ ...task, poller, setup, cpus: poller === Poller.worker && cpu >= 0 ? [cpu] : [] })
        }
        const worker = await start().catch((error: unknown) => {
          // What is to be restricted must be the kernel's.
          const goesWithout = options.poller === 'auto' && options.fallback && restrictions === undefined
          const instead = goesWithout ? withoutRefusedRing(error, placement.poller) : null
          if (instead === null) throw error
          poller = instead.value
          reason = instead.reason
          return start()
        })
        handles.push(
          new RingHandle(ring, worker, {
            memory,
            place: ringPlace,
            poller,
            reason,
            inFlightMax,
            backlogMax: options.backlogMax,
            spinNs: firstSpinNs,
            sqThreadShared: shared && poller === Poller.kernel,
            rawDescriptors,
          }),
        )
      } finally {
        binding().release(firstHold)
      }
    }
    if (restrictions !== undefined)
      for (const { client } of handles) client.slots.explain = explainRestrictions(restrictions)
  } catch (error) {
    await close()
    throw explained(error)
  }
  return { handles, close }
}

/** The ring whose SQ thread the others share: the first that has one. A ring that the kernel refused has none. */
const sqThreadOwner = (handles: readonly RingHandle[]): number | undefined =>
  handles.find(({ client }) => client.poller === Poller.kernel)?.geometry.ringFd

function setupOf(
  options: ResolvedOptions,
  poller: Poller,
  cpu: number,
  attachFd: number | undefined,
  restrictions: object | undefined,
): RingSetup {
  const withSqThread = poller === Poller.kernel
  return {
    sqEntries: options.sqEntries,
    cqEntries: options.cqEntries,
    flags: (withSqThread ? SetupFlag.SQPOLL : 0) | (restrictions === undefined ? 0 : SetupFlag.R_DISABLED),
    sqThreadIdleMs: options.sqThreadIdleMs,
    attachFd: withSqThread ? attachFd : undefined,
    sqThreadCpu: withSqThread ? cpu : -1,
    memory: options.memory,
  }
}
