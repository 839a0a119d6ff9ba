// Opens the rings of one Ringmaster, and closes them again: memory, threads, rings, in that order, and back. Used by
// Ringmaster.start(). If anything fails on the way, everything before it is undone. A ring that is lost is opened anew in its place.
import { capabilities } from '../native/capabilities.ts'
import { readSqThread } from '../native/fdinfo.ts'
import type { SqThread } from '../native/fdinfo.ts'
import { placeRings } from '../native/layout.ts'
import { isPlain } from '../native/plain/binding.ts'
import { allocateSharedMemory } from '../native/shared-memory.ts'
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { overSoon } from '../workers/control.ts'
import type { ControlLink } from '../workers/control.ts'
import { InThreadWorkers } from '../workers/in-thread.ts'
import { RingWorkerPool } from '../workers/pool.ts'
import type { Poller } from '../workers/poller-kind.ts'
import { quarantineMemory } from '../workers/quarantine.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { ClientState } from '../workers/submission.ts'
import { Supervisor } from '../workers/supervisor.ts'
import type { SupervisedRing } from '../workers/supervisor.ts'
import { threadGone, threadGoneSync } from '../workers/thread-gone.ts'
import type { ResolvedOptions } from './options.ts'
import type { Decision, RingLayout } from './placement/types.ts'
import { publish } from './diagnostics.ts'
import type { RingStateEvent } from './diagnostics.ts'
import { ringsOpened } from './process-guard.ts'
import { RingEvents } from './ring-events.ts'
import { withoutUnsupported } from './restrictions.ts'
import { RetiredRings } from './retired-rings.ts'
import { RingMaker, explained } from './ring-maker.ts'
import type { MadeRing, RingSpot } from './ring-maker.ts'

export interface OpenRings {
  /** One for each ring, always the one that is open now, or was last. */
  readonly handles: readonly RingHandle[]
  /** Where the worker of each ring is reached; none where the rings were joined. */
  readonly workers: readonly ControlLink[]
  /** Those, and the rings that were there before them while these finish what they have. */
  readonly users: Iterable<RingHandle>
  /** Asked before a ring takes the place of one that works; a reason: it cannot. */
  readonly onMoving: Set<(next: RingHandle) => string | null>
  /** Told when another ring has taken the place of one, which was lost or is to finish what it has. */
  readonly onRenewed: Set<(ring: number) => void>
  /** Drains and closes everything. */
  close(): Promise<void>
  /** The same without the event loop; whether every request came back. */
  closeSync(): boolean
}

const isGone = (handle: RingHandle): boolean => handle.workerState === 'gone'
const isLost = ({ client }: RingHandle): boolean => client.state === ClientState.lost
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** How often one ring may be lost: the memory of each is kept for good, since the kernel may still write to it. */
const renewalsMax = 16

/** Rings that this thread has started. */
export interface OwnRings extends OpenRings {
  /**
   * Puts a ring with another poller in the `ring`th's place and lets that one finish what it has. Resolves with null, or with why that
   * could not be: then nothing has changed. `stays` is asked before the new ring is made, and once more before it is used.
   */
  move(ring: number, to: Decision<Poller>, stays: () => string | null): Promise<string | null>
}

/** What is set on each ring before it takes requests, also on one that takes another's place. */
type Prepare = (handle: RingHandle) => Promise<void>

/** @throws SystemError, RingUnavailableError, what `prepare` throws */
export async function openRings(
  options: ResolvedOptions,
  placement: RingLayout,
  prepare: Prepare = () => Promise.resolve(),
): Promise<OwnRings> {
  const restrictions = options.restrictions && withoutUnsupported(options.restrictions, (await capabilities()).opcodes)
  const rings = new Rings(options, prepare)
  const pool = isPlain()
    ? new InThreadWorkers()
    : new RingWorkerPool(placement.rings, (ring, cause, served) => {
        if (served) rings.supervisor.died(ring, cause)
        rings.retired.workerDied(ring, cause)
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

class Rings implements OwnRings {
  readonly handles: RingHandle[] = []
  readonly workers: ControlLink[] = []
  readonly onMoving = new Set<(next: RingHandle) => string | null>()
  readonly onRenewed = new Set<(ring: number) => void>()
  /** Rings that were moved, and finish what they have. */
  readonly retired: RetiredRings
  readonly users: Iterable<RingHandle>
  /** Replaces workers. */
  readonly supervisor: Supervisor
  /** Replaces rings: what is tried again, and how often, is the same. */
  private readonly renewer = new Supervisor({ heartbeatTimeoutMs: 0 })
  private readonly options: ResolvedOptions
  private readonly prepare: Prepare
  private readonly made: MadeRing[] = []
  /** Pollers that rings were moved to. */
  private readonly moved: Decision<Poller>[] = []
  private readonly moves = new Set<Promise<unknown>>()
  private closing = false
  private over = false
  private maker: RingMaker | null = null
  private pool: RingWorkerPool | InThreadWorkers | null = null
  private readonly closed = ringsOpened()
  private readonly events: RingEvents

  constructor(options: ResolvedOptions, prepare: Prepare) {
    this.options = options
    this.prepare = prepare
    const { handles } = this
    this.events = new RingEvents(options.name, handles)
    const retired = new RetiredRings(options, (ring) => handles[ring]!)
    this.retired = retired
    this.users = {
      *[Symbol.iterator]() {
        yield* handles
        yield* retired.handles()
      },
    }
    const { heartbeatTimeoutMs, onWorker, name: pool } = options
    this.supervisor = new Supervisor({
      heartbeatTimeoutMs,
      onWorker: (event) => {
        publish('ringmaster:worker:state', () => ({ pool, ...event }))
        onWorker?.(event)
      },
    })
  }

  async open(maker: RingMaker, pool: RingWorkerPool | InThreadWorkers, rings: number): Promise<void> {
    this.maker = maker
    this.pool = pool
    const { places, sizeBytes } = placeRings(rings, maker.sizes)
    const memory = allocateSharedMemory(sizeBytes)
    for (const [ring, place] of places.entries()) {
      this.put(ring, await maker.make(ring, { memory, place }, this.handles))
      await this.prepare(this.handles[ring]!)
      this.told(ring, 'open')
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
      this.told(ring, 'lost', messageOf(cause))
      this.renewer.died(ring, cause)
    }
  }

  private ended(): void {
    this.closed()
    if (this.over) return
    this.over = true
    this.events.close()
    for (const ring of this.handles.keys()) this.told(ring, 'closed', 'close() was called')
  }

  private told(ring: number, state: RingStateEvent['state'], reason?: string): void {
    const { client, reason: chosen } = this.handles[ring]!
    const { name: pool } = this.options
    publish('ringmaster:ring:state', () => ({ pool, ring, state, poller: client.poller, reason: reason ?? chosen }))
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
        const made = this.made[ring]!
        // Nobody waits for the worker of a lost ring that is gone: whoever makes the ring anew brings one.
        const over = (): boolean => this.made[ring] !== made || (isGone(made.handle) && isLost(made.handle))
        if (over()) throw new Error(`ring ${ring} is lost`)
        const adopter = await made.adopt().catch((error: unknown) => {
          made.handle.workerLoss &&= messageOf(error)
          throw error
        })
        if (over()) {
          await overSoon(adopter.control.call((remote) => remote.close()))
          throw new Error(`ring ${ring} is lost`)
        }
        this.workers[ring] = adopter.control
        made.handle.adopted(adopter)
      },
      terminate: () => {
        pool.terminate(ring)
      },
      check: () => {
        handle().client.check()
        this.retired.check(ring)
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
        const made = await maker.make(ring, spare, others, this.moved[ring])
        spare = null
        await this.prepare(made.handle).catch(async (error: unknown) => {
          await made.handle.close(0, this.options.closeDeadlineMs)
          throw error
        })
        made.handle.idle.spinNs = lost.idle.spinNs
        made.handle.metrics.takeOver(lost.metrics) // what was lost with it is counted there
        made.handle.metrics.client[ClientCounter.renewals] = renewals
        this.put(ring, made)
        this.supervisor.renewed(ring)
        for (const tell of [...this.onRenewed]) tell(ring)
        this.told(ring, 'renewed')
      },
      terminate: () => undefined,
      check: () => undefined,
      gaveUp: () => undefined,
    }
  }

  move(ring: number, to: Decision<Poller>, stays: () => string | null): Promise<string | null> {
    const move = this.moveOnce(ring, to, stays).finally(() => this.moves.delete(move))
    this.moves.add(move)
    return move
  }

  private async moveOnce(ring: number, to: Decision<Poller>, stays: () => string | null): Promise<string | null> {
    const { maker, pool } = this
    const old = this.made[ring]!
    const { handle, spot } = old
    const { workerThreadId } = handle
    const unfit = (): string | null => {
      if (this.closing) return 'the rings are closing'
      if (this.made[ring] !== old || handle.client.state !== ClientState.open) return 'the ring was lost'
      if (handle.workerState !== 'well' || handle.workerThreadId !== workerThreadId) return 'its worker was replaced'
      if (this.retired.has(ring)) return 'the ring that was there before its last move has requests that are not over'
      return stays()
    }
    const before = unfit()
    if (before !== null) return before
    if (maker === null || !(pool instanceof RingWorkerPool)) return 'in plain Node.js there is no other poller'
    const others = this.handles.filter((other) => other !== handle)
    const make = async (): Promise<MadeRing> => maker.make(ring, this.spotForOne(maker), others, to)
    const made = await make().catch(messageOf)
    if (typeof made === 'string') return `the new ring could not be opened: ${made}`
    let refusal = (await this.prepare(made.handle).then(() => null, messageOf)) ?? unfit()
    if (made.handle.workerThreadId !== workerThreadId) refusal ??= 'its worker was replaced'
    if (made.handle.geometry.sqEntries < handle.geometry.sqEntries) refusal ??= made.handle.reason
    for (const ask of this.onMoving) refusal ??= ask(made.handle)
    if (refusal !== null) {
      pool.keep(ring, this.workers[ring]!)
      if (!(await made.handle.close(0, this.options.closeDeadlineMs))) quarantineMemory(made.spot.memory)
      return refusal
    }
    made.handle.idle.spinNs = handle.idle.spinNs
    made.handle.metrics.takeOver(handle.metrics)
    made.handle.metrics.client[ClientCounter.moves]! += 1
    this.moved[ring] = to
    this.put(ring, made)
    this.supervisor.renewed(ring)
    this.retired.add({ ring, handle, spot })
    for (const tell of [...this.onRenewed]) tell(ring)
    this.told(ring, 'moved')
    return null
  }

  private spotForOne(maker: RingMaker): RingSpot {
    const { places, sizeBytes } = placeRings(1, maker.sizes)
    return { memory: allocateSharedMemory(sizeBytes), place: places[0]! }
  }

  async close(): Promise<void> {
    const { options } = this
    this.closing = true
    await Promise.all(this.moves)
    await this.renewer.close()
    const sharedThread = this.findSharedThread()
    await this.supervisor.close()
    const closeRing = async ({ handle, spot }: MadeRing): Promise<void> => {
      if (!(await handle.close(options.closeGraceMs, options.closeDeadlineMs))) quarantineMemory(spot.memory)
    }
    await Promise.all([...this.made.map(closeRing), this.retired.close()])
    if (sharedThread !== undefined) await threadGone(sharedThread.tid)
    await this.pool?.close()
    this.ended()
  }

  closeSync(): boolean {
    const { options } = this
    this.closing = true
    void this.renewer.close()
    void this.supervisor.close()
    const sharedThread = this.findSharedThread()
    for (const { client } of this.handles) client.publish() // so that all get on while the first is waited for
    const nowMs = performance.now()
    // Without the addon it is this thread's event loop that does the work, and it does not turn: there is nothing to wait for.
    const graceEndMs = isPlain() ? nowMs : nowMs + options.closeGraceMs
    const endMs = isPlain() ? nowMs : graceEndMs + options.closeDeadlineMs
    let drained = this.retired.closeSync(graceEndMs, endMs)
    for (const { handle, spot } of this.made) {
      if (handle.closeSync(graceEndMs, endMs)) continue
      quarantineMemory(spot.memory)
      drained = false
    }
    if (sharedThread !== undefined) threadGoneSync(sharedThread.tid)
    void this.pool?.close()
    this.ended()
    return drained
  }

  private findSharedThread(): SqThread | undefined {
    if (this.maker?.sqThreadShared !== true) return undefined
    const open = this.handles.filter(({ client }) => client.state !== ClientState.closed)
    return open.map(({ geometry }) => readSqThread(geometry.ringFd)).find((thread) => thread !== null) ?? undefined
  }
}
