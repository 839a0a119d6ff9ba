// Makes one ring: its control block, its worker, its handle. Used by openRings() for every ring at the start, and for one that
// takes the place of a ring that was lost.
import { SetupFlag } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { explainSetupError } from '../native/capabilities.ts'
import { RingUnavailableError } from '../native/errors.ts'
import type { PlaceSizes, RingPlace } from '../native/layout.ts'
import type { RingSetup } from '../native/ring-memory.ts'
import { ringMetricsSizeBytes } from '../metrics/ring-metrics.ts'
import type { InThreadWorkers } from '../workers/in-thread.ts'
import type { RingWorkerPool, StartedWorker } from '../workers/pool.ts'
import { Poller } from '../workers/poller-kind.ts'
import { explainRestrictions } from '../workers/restrictions.ts'
import type { RingRestrictions } from '../workers/restrictions.ts'
import { RingHandle, leaseSizeBytes, prepareControl } from '../workers/ring-handle.ts'
import type { RingWorkerStarted } from '../workers/ring-worker.ts'
import { ClientState, reservedSlots, slotsOf } from '../workers/submission.ts'
import { Journal } from '../workers/threadpool/journal.ts'
import { spinNsMax } from '../workers/wake-cost.ts'
import type { ResolvedOptions } from './options.ts'
import type { Choice, Decision, RingLayout } from './placement/types.ts'
import { chooseRawDescriptors } from './raw-descriptors.ts'
import { withoutRefusedRing } from './refused-ring.ts'

/** Where a ring is. */
export interface RingSpot {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
}

export interface MadeRing {
  readonly spot: RingSpot
  readonly handle: RingHandle
  readonly worker: StartedWorker
  /** Starts another worker, which adopts the ring. */
  adopt(): Promise<StartedWorker>
}

/** Before anything is measured: what a client spins at most. */
const firstSpinNs = 50_000

const heartbeatMsMax = 1000
const ENOMEM = -12

export class RingMaker {
  /** What a place must have room for. */
  readonly sizes: PlaceSizes
  /** Whether rings share one SQ thread. One ring has its to itself, whatever the option says: its chains are whole. */
  readonly sqThreadShared: boolean
  private readonly options: ResolvedOptions
  private readonly placement: RingLayout
  private readonly restrictions: RingRestrictions | undefined
  private readonly pool: RingWorkerPool | InThreadWorkers
  private readonly inFlightMax: number

  /** `restrictions`: those that this kernel knows. */
  constructor(
    options: ResolvedOptions,
    placement: RingLayout,
    restrictions: RingRestrictions | undefined,
    pool: RingWorkerPool | InThreadWorkers,
  ) {
    this.options = options
    this.placement = placement
    this.restrictions = restrictions
    this.pool = pool
    this.inFlightMax = options.cqEntries - reservedSlots
    this.sqThreadShared = placement.sqThreads === 'shared' && placement.poller === Poller.kernel && placement.rings > 1
    this.sizes = {
      sqEntries: options.sqEntries,
      cqEntries: options.cqEntries,
      slots: slotsOf(this.inFlightMax, options.backlogMax),
      leasesSizeBytes: options.directDescriptors * leaseSizeBytes,
      metricsSizeBytes: ringMetricsSizeBytes,
    }
  }

  /**
   * `others`: the rings there are, of which one may have an SQ thread to share. `moved`: a poller other than the placement's, and no
   * other instead. @throws SystemError, RingUnavailableError
   */
  async make(ring: number, spot: RingSpot, others: readonly RingHandle[], moved?: Decision<Poller>): Promise<MadeRing> {
    const firstHold = prepareControl(spot.memory, spot.place)
    try {
      return await this.makeHeld(ring, spot, others, moved)
    } finally {
      binding().release(firstHold)
    }
  }

  private async makeHeld(
    ring: number,
    spot: RingSpot,
    others: readonly RingHandle[],
    moved?: Decision<Poller>,
  ): Promise<MadeRing> {
    const { options, placement, restrictions } = this
    const cpu = placement.pins?.[ring] ?? -1
    let journal: SharedArrayBuffer | null = null
    let { value: poller, reason } = moved ?? { value: placement.poller, reason: placement.reason }
    const start = (adopt?: RingWorkerStarted): Promise<StartedWorker> => {
      if (adopt === undefined)
        journal = poller === Poller.threadpool ? Journal.allocate(this.sizes.slots, options) : null
      return this.pool.start({
        ring,
        ...spot,
        poller,
        setup: setupOf(options, poller, cpu, this.sqThreadShared ? sqThreadOwner(others) : undefined, restrictions),
        cpus: poller === Poller.worker && cpu >= 0 ? [cpu] : [],
        directDescriptors: options.directDescriptors,
        rawDescriptors: chooseRawDescriptors(options, poller),
        spinNs: options.spinNs === 'auto' ? Math.min(spinNsMax, firstSpinNs) : options.spinNs,
        restrictions,
        heartbeatMs: heartbeatMs(options.heartbeatTimeoutMs),
        journal,
        adopt,
      })
    }
    const worker = await start().catch((error: unknown) => {
      // What is to be restricted must be the kernel's.
      const goesWithout =
        options.poller === 'auto' && options.fallback && restrictions === undefined && moved === undefined
      const instead = goesWithout ? withoutRefusedRing(error, placement.poller) : null
      if (instead === null) throw error
      poller = instead.value
      reason = instead.reason
      return start()
    })
    const { sqEntries, cqEntries } = worker.started.geometry
    if (sqEntries < options.sqEntries) reason += `; ${fewerEntries(sqEntries, cqEntries)}`
    const handle = new RingHandle(ring, worker, {
      ...spot,
      poller,
      reason,
      inFlightMax: Math.min(this.inFlightMax, cqEntries - reservedSlots),
      backlogMax: options.backlogMax,
      rawDescriptors: chooseRawDescriptors(options, poller),
      spinNs: firstSpinNs,
      sqThreadShared: this.sqThreadShared && poller === Poller.kernel,
      journal,
    })
    if (restrictions !== undefined) handle.client.slots.explain = explainRestrictions(restrictions)
    return { spot, handle, worker, adopt: () => start(worker.started) }
  }
}

const fewerEntries = (sqEntries: number, cqEntries: number): string =>
  `no memory for more than ${sqEntries} and ${cqEntries} entries: ${explainSetupError(ENOMEM, false).message}`

/** What was chosen, as the kernel had memory for it. */
export function asOpened(choices: readonly Choice[], handles: readonly RingHandle[]): readonly Choice[] {
  return choices.map((choice) => {
    if (choice.name !== 'sqEntries' && choice.name !== 'cqEntries') return choice
    const { geometry } = handles.reduce((least, handle) =>
      handle.geometry.sqEntries < least.geometry.sqEntries ? handle : least,
    )
    const value = geometry[choice.name]
    if (typeof choice.value !== 'number' || value >= choice.value) return choice
    return { ...choice, value, reason: fewerEntries(geometry.sqEntries, geometry.cqEntries) }
  })
}

// The small ring that capabilities() tried had room within the memlock limit; these have not.
export function explained(error: unknown): unknown {
  const { errno, syscall } = (error instanceof Error ? error : {}) as { errno?: unknown; syscall?: unknown }
  if (errno !== ENOMEM || syscall !== 'io_uring_setup') return error
  const { reason, message } = explainSetupError(ENOMEM, false)
  return new RingUnavailableError(reason, message, { cause: error })
}

/** Several heartbeats within the time a worker may be silent. */
export const heartbeatMs = (timeoutMs: number): number =>
  timeoutMs === 0 ? heartbeatMsMax : Math.min(heartbeatMsMax, Math.ceil(timeoutMs / 4))

/** The ring whose SQ thread the others share: the first that has one. A ring that the kernel refused has none. */
const sqThreadOwner = (handles: readonly RingHandle[]): number | undefined =>
  handles.find(({ client }) => client.poller === Poller.kernel && client.state === ClientState.open)?.geometry.ringFd

export function setupOf(
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
