// Everything one thread holds of an open ring: client, scratch, leases, the worker's control link. Opened and closed by
// services' Ringmaster; used by the coordinator and by every operation.
import { setTimeout as sleep } from 'node:timers/promises'
import { Feature } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { readSqThread } from '../native/fdinfo.ts'
import { kernelError, ringErrors } from '../native/errors.ts'
import { Control, controlVersion, leasedDescriptors } from '../native/layout.ts'
import type { RingPlace } from '../native/layout.ts'
import { controlWords, viewRing } from '../native/ring-memory.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import { ClientCounter, RingMetrics } from '../metrics/ring-metrics.ts'
import { BufferTable } from './buffer-table.ts'
import { withoutChains } from './chain-switch.ts'
import { overSoon, type ControlLink, type RingControl } from './control.ts'
import { drain, drainSync } from './ending.ts'
import { IdleStrategy } from './idle-strategy.ts'
import { Leases } from './leases.ts'
import { ownRings } from './mailboxes.ts'
import { MemoryHolders } from './memory-holders.ts'
import { Poller } from './poller-kind.ts'
import { quarantineMemory } from './quarantine.ts'
import { RingClient } from './ring-client.ts'
import { untilSync } from './sleep-sync.ts'
import { slotsOf } from './submission.ts'
import { Scratch } from './scratch.ts'
import type { ClientRingOpened } from './client-ring.ts'
import { Journal } from './threadpool/journal.ts'
import type { WorkerState } from './supervisor.ts'
import { threadGone, threadGoneMs, threadGoneSync } from './thread-gone.ts'

/** Bytes of shared memory each lease of a direct descriptor brings: the largest file that is read in one chain. */
export const leaseSizeBytes: number = 32768

export interface RingHandleOptions {
  readonly memory: SharedArrayBuffer
  readonly place: RingPlace
  readonly poller: Poller
  /** Why this poller. */
  readonly reason: string
  readonly inFlightMax: number
  readonly backlogMax: number
  readonly spinNs: number
  /** Its SQ thread serves other rings too. */
  readonly sqThreadShared: boolean
  /** Of the `threadpool` poller: a Journal's memory. */
  readonly journal?: SharedArrayBuffer | null
  /** Slots of its table of direct descriptors that raw operations have. */
  readonly rawDescriptors: number
}

/**
 * Prepares a ring's control block: descriptors that client and worker share, counted with a first hold, so that whatever
 * fails from here on, releasing the hold closes them. Returns the hold.
 */
export function prepareControl(memory: SharedArrayBuffer, place: RingPlace): number {
  const addon = binding()
  const control = controlWords(memory, place)
  control.fill(0)
  control[Control.version >> 2] = controlVersion
  control.fill(-1, Control.ring_fd >> 2, (Control.wake_fd >> 2) + 1)
  const hold = addon.hold(new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes), null, null, false)
  for (const field of [Control.event_fd, Control.wake_fd]) {
    const fd = addon.eventfd()
    if (fd < 0) {
      addon.release(hold)
      throw kernelError(fd, 'eventfd')
    }
    control[field >> 2] = fd
  }
  return hold
}

/** A ring that was opened, and whoever has its other end: its worker, or, for a client, the thread that started the rings. */
export interface OpenedRing {
  readonly started: ClientRingOpened
  readonly control: ControlLink<RingControl>
}

export class RingHandle {
  readonly ring: number
  readonly client: RingClient
  readonly scratch: Scratch
  /**
   * Whether the kernel takes a chain's entries as one chain. An SQ thread that serves several rings takes eight entries of each
   * at a time and cuts what is longer, or begins in the middle: there, who wants a chain carries out its steps one by one.
   */
  chainsWhole: boolean
  /** Null where the kernel cannot chain open → read on a direct descriptor. */
  readonly leases: Leases | null
  /** Slots of its table of direct descriptors that raw operations have: the first ones; those that are leased follow, and readFile's. */
  readonly rawDescriptors: number
  /** The ring's table of registered buffers. */
  readonly buffers: BufferTable
  readonly metrics: RingMetrics
  readonly geometry: RingGeometry
  readonly idle: IdleStrategy
  workerThreadId: number
  /** Memory that the kernel knows by registration: kept while the ring is open, and for good where it did not drain. */
  readonly registered: Set<object> = new Set()
  /** Who has memory waiting that no request uses yet: arenas ask. */
  readonly memoryHolders: MemoryHolders = new MemoryHolders()
  /** Another ring for what may be repeated, should this one be lost; null: there is none, or it is not wanted. Set by Ringmaster. */
  elsewhere: () => RingHandle | null = () => null
  /** Called when closing begins: streams, which never end by themselves, end then. */
  readonly onClosing: Set<() => void> = new Set()
  /** Called when the worker has ended, and when another has adopted the ring. */
  readonly onWorker: Set<(state: WorkerState, cause: unknown) => void> = new Set()
  /** Why the ring has its poller. */
  readonly reason: string
  /** Why the worker is no longer there; null while it is. */
  workerLoss: string | null = null
  /** When the worker was lost (performance.now() time); -1 while it is there. */
  workerLostMs = -1
  /** Whether another one is to come. */
  private replacing = false
  private readonly onReplaced: (() => void)[] = []
  private sqThreadShared: boolean
  private readonly hold: number
  private readonly words: Int32Array
  private control: ControlLink<RingControl>
  private readonly detach: () => void
  private closing: Promise<boolean> | null = null
  /** Whether every request came back; null while that is not known. */
  private drained: boolean | null = null
  private sqThreadId = 0
  private released = false
  tasks = 0 // of several requests, that have begun
  private onTasksOver: (() => void) | null = null

  /** Made by openRings(). @internal */
  constructor(ring: number, worker: OpenedRing, options: RingHandleOptions) {
    const { memory, place } = options
    const { geometry, threadId, directDescriptors, registeredBuffers } = worker.started
    const view = viewRing(memory, place, geometry)
    this.ring = ring
    this.words = controlWords(memory, place)
    this.geometry = geometry
    this.rawDescriptors = options.rawDescriptors
    ownRings.set(geometry.ringFd, options.rawDescriptors)
    this.workerThreadId = threadId
    this.reason = options.reason
    this.control = worker.control
    this.detach = view.detach
    this.metrics = new RingMetrics(memory, place.metricsOffsetBytes)
    this.idle = new IdleStrategy(options.spinNs)
    const offsets = Int32Array.of(
      geometry.cqHead,
      geometry.cqTail,
      geometry.cqEntries - 1,
      geometry.cqes,
      geometry.sqHead,
      geometry.sqTail,
    )
    const controlBytes = new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes)
    this.client = new RingClient({
      ring: view.ring,
      poller: options.poller,
      control: this.words,
      metrics: this.metrics,
      idle: this.idle,
      inFlightMax: options.inFlightMax,
      backlogMax: options.backlogMax,
      journal: options.journal ? Journal.of(options.journal, geometry) : null,
    })
    const sqpoll = options.poller === Poller.kernel
    this.hold = binding().hold(controlBytes, view.ring.words, offsets, sqpoll, this.client.slots)
    this.scratch = new Scratch(memory, place.scratchOffsetBytes, slotsOf(options.inFlightMax, options.backlogMax))
    this.buffers = new BufferTable(this.client, geometry.ringFd, registeredBuffers)
    this.chainsWhole = !options.sqThreadShared
    this.sqThreadShared = options.sqThreadShared
    const chains = this.chainsWhole && directDescriptors > 0 && (geometry.features & Feature.LINKED_FILE) !== 0
    this.leases = chains
      ? new Leases(
          Buffer.from(memory, place.leasesOffsetBytes, directDescriptors * leaseSizeBytes),
          directDescriptors,
          leaseSizeBytes,
          options.rawDescriptors + leasedDescriptors,
        )
      : null
  }

  /** How often the worker's heart has beaten. */
  get heartbeats(): number {
    return Atomics.load(this.words, Control.heartbeat >> 2)
  }

  /** The worker thread has ended, and another is to adopt the ring. */
  workerDied(cause: unknown): void {
    this.workerLoss = cause instanceof Error ? cause.message : String(cause)
    this.replacing = true
    this.workerLostMs = performance.now()
    this.metrics.client[ClientCounter.workerMissing] = 1
    this.client.workerDied()
    this.tell('replacing', cause)
  }

  /** Another worker has adopted the ring. */
  adopted({ started, control }: OpenedRing): void {
    if (control !== this.control) this.control.close()
    this.control = control
    this.workerThreadId = started.threadId
    this.client.workerAdopted()
    this.workerLoss = null
    this.workerLostMs = -1
    this.metrics.client[ClientCounter.workerMissing] = 0
    this.metrics.client[ClientCounter.workerRestarts]! += 1
    this.replaced()
    this.tell('well', null)
  }

  /** The worker thread has ended, and there is no other. The ring goes on: what its poller cannot do any more, the client does. */
  workerLost(cause: unknown): void {
    this.workerLoss = cause instanceof Error ? cause.message : String(cause)
    this.metrics.client[ClientCounter.workerMissing] = 1
    this.client.workerLost(cause)
    this.replaced()
    this.tell('gone', cause)
  }

  /** What became of the worker. */
  get workerState(): WorkerState {
    if (this.workerLoss === null) return 'well'
    return this.replacing ? 'replacing' : 'gone'
  }

  private replaced(): void {
    this.replacing = false
    for (const resume of this.onReplaced.splice(0)) resume()
  }

  /** Resolves with whether there is a worker, once it is known. */
  async workerBack(): Promise<boolean> {
    if (this.replacing) {
      await new Promise<void>((resolve) => {
        this.onReplaced.push(resolve)
      })
    }
    return this.workerLoss === null
  }

  private tell(state: WorkerState, cause: unknown): void {
    for (const listener of [...this.onWorker]) listener(state, cause)
  }

  /**
   * Other rings are about to share this one's SQ thread, which then cuts chains: from now on they are carried out step by step.
   * Resolves with whether all that were submitted whole are in the kernel, within `limitMs`.
   */
  shareSqThread(limitMs: number): Promise<boolean> {
    this.chainsWhole = false
    this.sqThreadShared = true
    return withoutChains(this.client, limitMs)
  }

  /**
   * io_uring_register(2) by the ring worker's thread; what the kernel writes comes back in `argument`. Resolves with its answer.
   * @throws (rejects) ERR_RING_CLOSED, ERR_RING_WORKER_LOST
   */
  async registerInWorker(opcode: number, argument: Uint8Array | null, count: number): Promise<number> {
    await this.workerBack()
    if (this.closing !== null) throw ringErrors.closed()
    const answer = await this.control.call((remote) => remote.register(opcode, argument, count))
    if (argument !== null && answer.argument !== null) argument.set(answer.argument)
    return answer.result
  }

  /** A task of several requests begins: closing lets it go on to its end while there is time. */
  beginTask(): void {
    this.tasks++
  }

  endTask(): void {
    this.tasks--
    if (this.tasks === 0) this.onTasksOver?.()
  }

  private async tasksOver(timeoutMs: number): Promise<void> {
    if (this.tasks === 0) return
    const timer = new AbortController()
    const over = new Promise<void>((resolve) => {
      this.onTasksOver = resolve
    })
    await Promise.race([over, sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
  }

  /** Drains and closes the ring; resolves with whether every request came back. Safe to repeat. */
  close(graceMs: number, deadlineMs: number): Promise<boolean> {
    this.closing ??= this.closeOnce(graceMs, deadlineMs)
    return this.closing
  }

  private async closeOnce(graceMs: number, deadlineMs: number): Promise<boolean> {
    const startedMs = performance.now()
    for (const end of [...this.onClosing]) end()
    await this.tasksOver(graceMs)
    if (this.drained === null) {
      this.buffers.clear() // their tags come in while the ring drains
      const graceLeftMs = Math.max(0, graceMs - (performance.now() - startedMs))
      this.retire(await drain(this.client, graceLeftMs, deadlineMs))
      if (this.workerLoss === null) await overSoon(this.control.call((remote) => remote.close()))
      this.release()
    }
    if (this.sqThreadId !== 0) await threadGone(this.sqThreadId)
    return this.drained === true
  }

  /**
   * What close() does, without the event loop: lets requests finish until `graceEndMs` on performance.now()'s clock, cancels them, and
   * waits until `endMs`. Tasks of several requests cannot go on. Takes over from a close() that is under way. Safe to repeat.
   */
  closeSync(graceEndMs: number, endMs: number): boolean {
    if (this.drained === null) {
      for (const end of [...this.onClosing]) end()
      this.buffers.clear()
      this.retire(drainSync(this.client, graceEndMs, endMs))
    }
    this.closing ??= Promise.resolve(this.drained === true)
    if (!this.released) {
      if (this.workerLoss === null) this.control.call((remote) => remote.close()).catch(() => undefined)
      this.control.lost(ringErrors.closed()) // nobody waits for the answer, which this thread could not hear
      this.release()
    }
    if (graceEndMs < endMs) untilSync(() => Atomics.load(this.words, Control.refs >> 2) === 0, threadGoneMs)
    if (this.sqThreadId !== 0) threadGoneSync(this.sqThreadId)
    return this.drained === true
  }

  /** Every request is settled: nothing of this thread uses the ring any more. */
  private retire(drained: boolean): void {
    if (this.drained !== null) return
    this.drained = drained
    this.leases?.close()
    if (!drained || this.client.lossCause !== null) quarantineMemory(...this.registered)
    // A thread that other rings have too ends with the last of them: who closes them all waits for that.
    if (!this.sqThreadShared && this.client.poller === Poller.kernel)
      this.sqThreadId = readSqThread(this.geometry.ringFd)?.tid ?? 0
    this.client.close()
  }

  private release(): void {
    if (this.released) return
    this.released = true
    this.control.close()
    this.detach()
    ownRings.delete(this.geometry.ringFd)
    binding().release(this.hold)
  }
}
