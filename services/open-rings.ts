// Opens the rings of one Ringmaster, and closes them again: memory, threads, rings, in that order, and back. Used by
// Ringmaster.start(). If anything fails on the way, everything before it is undone. A ring that is lost is opened anew in its place.
import { capabilities } from '../native/capabilities.ts'
import { readSqThread } from '../native/fdinfo.ts'
import type { SqThread } from '../native/fdinfo.ts'
import { placeRings } from '../native/layout.ts'
import { isPlain } from '../native/plain/binding.ts'
import { allocateSharedMemory } from '../native/shared-memory.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import type { ControlLink } from '../workers/control.ts'
import { InThreadWorkers } from '../workers/in-thread.ts'
import { RingWorkerPool } from '../workers/pool.ts'
import { quarantineMemory } from '../workers/quarantine.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { ClientState } from '../workers/submission.ts'
import { Supervisor } from '../workers/supervisor.ts'
import type { SupervisedRing } from '../workers/supervisor.ts'
import { threadGone, threadGoneSync } from '../workers/thread-gone.ts'
import type { ResolvedOptions } from './options.ts'
import type { RingLayout } from './placement/types.ts'
import { ringsOpened } from './process-guard.ts'
import { withoutUnsupported } from './restrictions.ts'
import { RingMaker, explained } from './ring-maker.ts'
import type { MadeRing, RingSpot } from './ring-maker.ts'

export interface OpenRings {
  /** One for each ring, always the one that is open now, or was last. */
  readonly handles: readonly RingHandle[]
  /** Where the worker of each ring is reached; none where the rings were joined. */
  readonly workers: readonly ControlLink[]
  /** Told when another ring has taken the place of one that was lost. */
  readonly onRenewed: Set<(ring: number) => void>
  /** Drains and closes everything. */
  close(): Promise<void>
  /** The same without the event loop; whether every request came back. */
  closeSync(): boolean
}

/** How often one ring may be lost: the memory of each is kept for good, since the kernel may still write to it. */
const renewalsMax = 16

/** @throws SystemError, RingUnavailableError */
export async function openRings(options: ResolvedOptions, placement: RingLayout): Promise<OpenRings> {
  const restrictions = options.restrictions && withoutUnsupported(options.restrictions, (await capabilities()).opcodes)
  const rings = new Rings(options)
  const pool = isPlain()
    ? new InThreadWorkers()
    : new RingWorkerPool(placement.rings, (ring, cause) => {
        rings.supervisor.died(ring, cause)
      })
  const maker = new RingMaker(options, placement, restrictions, pool)
  try {
    await rings.open(maker, pool, placement.rings)
  } catch (error) {
    await rings.close()
    throw explained(error)
  }
  return rings
}

class Rings implements OpenRings {
  readonly handles: RingHandle[] = []
  readonly workers: ControlLink[] = []
  readonly onRenewed = new Set<(ring: number) => void>()
  /** Replaces workers. */
  readonly supervisor: Supervisor
  /** Replaces rings: what is tried again, and how often, is the same. */
  private readonly renewer = new Supervisor({ heartbeatTimeoutMs: 0 })
  private readonly options: ResolvedOptions
  private readonly made: MadeRing[] = []
  private maker: RingMaker | null = null
  private pool: RingWorkerPool | InThreadWorkers | null = null
  private readonly closed = ringsOpened()

  constructor(options: ResolvedOptions) {
    this.options = options
    const { heartbeatTimeoutMs, onWorker } = options
    this.supervisor = new Supervisor({ heartbeatTimeoutMs, onWorker })
  }

  async open(maker: RingMaker, pool: RingWorkerPool | InThreadWorkers, rings: number): Promise<void> {
    this.maker = maker
    this.pool = pool
    const { places, sizeBytes } = placeRings(rings, maker.sizes)
    const memory = allocateSharedMemory(sizeBytes)
    for (const [ring, place] of places.entries()) {
      this.put(ring, await maker.make(ring, { memory, place }, this.handles))
      if (!(pool instanceof RingWorkerPool)) continue // in this thread there is no worker to lose, nor a ring
      this.supervisor.add(this.supervised(ring, pool))
      this.renewer.add(this.renewed(ring, pool, maker))
    }
  }

  private put(ring: number, made: MadeRing): void {
    this.made[ring] = made
    this.handles[ring] = made.handle
    this.workers[ring] = made.worker.control
    made.handle.client.onLost = (cause) => {
      this.renewer.died(ring, cause)
    }
  }

  /** A ring's worker as its supervisor sees it. */
  private supervised(ring: number, pool: RingWorkerPool): SupervisedRing {
    const handle = (): RingHandle => this.handles[ring]!
    return {
      heartbeats: () => handle().heartbeats,
      died: (cause) => {
        handle().workerDied(cause)
      },
      replace: async () => {
        const adopter = await this.made[ring]!.adopt()
        this.workers[ring] = adopter.control
        handle().adopted(adopter)
      },
      terminate: () => {
        pool.terminate(ring)
      },
      check: () => {
        handle().client.check()
      },
      gaveUp: (cause) => {
        handle().workerLost(cause)
      },
    }
  }

  /** A ring as its supervisor sees it: all that can happen to it is that it is lost. */
  private renewed(ring: number, pool: RingWorkerPool, maker: RingMaker): SupervisedRing {
    let spare: RingSpot | null = null
    return {
      heartbeats: () => 0,
      died: () => undefined,
      replace: async () => {
        const { handle: lost, spot } = this.made[ring]!
        const renewals = lost.metrics.client[ClientCounter.renewals]! + 1
        if (renewals > renewalsMax) throw new Error(`ring ${ring} was lost ${renewals} times`)
        await lost.workerBack() // its thread serves clients, too, and the next ring
        await lost.close(0, this.options.closeDeadlineMs)
        quarantineMemory(spot.memory)
        pool.release(ring)
        spare ??= this.spotForOne(maker)
        const others = this.handles.filter((handle) => handle !== lost)
        const made = await maker.make(ring, spare, others)
        spare = null
        made.handle.idle.spinNs = lost.idle.spinNs
        made.handle.metrics.client[ClientCounter.renewals] = renewals
        this.put(ring, made)
        this.supervisor.renewed(ring)
        for (const tell of [...this.onRenewed]) tell(ring)
      },
      terminate: () => undefined,
      check: () => undefined,
      gaveUp: () => undefined,
    }
  }

  private spotForOne(maker: RingMaker): RingSpot {
    const { places, sizeBytes } = placeRings(1, maker.sizes)
    return { memory: allocateSharedMemory(sizeBytes), place: places[0]! }
  }

  async close(): Promise<void> {
    const { options } = this
    await this.renewer.close()
    const sharedThread = this.findSharedThread()
    await this.supervisor.close()
    const closeRing = async ({ handle, spot }: MadeRing): Promise<void> => {
      if (!(await handle.close(options.closeGraceMs, options.closeDeadlineMs))) quarantineMemory(spot.memory)
    }
    await Promise.all(this.made.map(closeRing))
    if (sharedThread !== undefined) await threadGone(sharedThread.tid)
    await this.pool?.close()
    this.closed()
  }

  closeSync(): boolean {
    const { options } = this
    void this.renewer.close()
    void this.supervisor.close()
    const sharedThread = this.findSharedThread()
    for (const { client } of this.handles) client.publish() // so that all get on while the first is waited for
    const nowMs = performance.now()
    // Without the addon it is this thread's event loop that does the work, and it does not turn: there is nothing to wait for.
    const graceEndMs = isPlain() ? nowMs : nowMs + options.closeGraceMs
    const endMs = isPlain() ? nowMs : graceEndMs + options.closeDeadlineMs
    let drained = true
    for (const { handle, spot } of this.made) {
      if (handle.closeSync(graceEndMs, endMs)) continue
      quarantineMemory(spot.memory)
      drained = false
    }
    if (sharedThread !== undefined) threadGoneSync(sharedThread.tid)
    void this.pool?.close()
    this.closed()
    return drained
  }

  private findSharedThread(): SqThread | undefined {
    if (this.maker?.sqThreadShared !== true) return undefined
    const open = this.handles.filter(({ client }) => client.state !== ClientState.closed)
    return open.map(({ geometry }) => readSqThread(geometry.ringFd)).find((thread) => thread !== null) ?? undefined
  }
}
