// Everything one thread holds of an open ring: client, scratch, leases, the worker's control link. Opened and closed by
// services' Ringmaster; used by the coordinator and by every operation.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Feature } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { readSqThread } from '../native/fdinfo.ts'
import { kernelError, ringErrors } from '../native/errors.ts'
import { Control, controlVersion, leasedDescriptors } from '../native/layout.ts'
import type { RingPlace } from '../native/layout.ts'
import { controlWords, viewRing } from '../native/ring-memory.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import { RingMetrics } from '../metrics/ring-metrics.ts'
import { BufferTable } from './buffer-table.ts'
import type { ControlLink } from './control.ts'
import { IdleStrategy } from './idle-strategy.ts'
import { Leases } from './leases.ts'
import { ownRings } from './mailboxes.ts'
import { MemoryHolders } from './memory-holders.ts'
import { Poller } from './poller-kind.ts'
import { quarantineMemory } from './quarantine.ts'
import { RingClient } from './ring-client.ts'
import { reservedSlots } from './submission.ts'
import { Scratch } from './scratch.ts'
import type { StartedWorker } from './pool.ts'

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

export class RingHandle {
  readonly ring: number
  readonly client: RingClient
  readonly scratch: Scratch
  /**
   * Whether the kernel takes a chain's entries as one chain. An SQ thread that serves several rings takes eight entries of each
   * at a time and cuts what is longer, or begins in the middle: there, who wants a chain carries out its steps one by one.
   */
  readonly chainsWhole: boolean
  /** Null where the kernel cannot chain open → read on a direct descriptor. */
  readonly leases: Leases | null
  /** Slots of its table of direct descriptors that raw operations have: the first ones; those that are leased follow, and readFile's. */
  readonly rawDescriptors: number
  /** The ring's table of registered buffers. */
  readonly buffers: BufferTable
  readonly metrics: RingMetrics
  readonly geometry: RingGeometry
  readonly idle: IdleStrategy
  readonly workerThreadId: number
  /** Memory that the kernel knows by registration: kept while the ring is open, and for good where it did not drain. */
  readonly registered: Set<object> = new Set()
  /** Who has memory waiting that no request uses yet: arenas ask. */
  readonly memoryHolders: MemoryHolders = new MemoryHolders()
  /** Called when closing begins: streams, which never end by themselves, end then. */
  readonly onClosing: Set<() => void> = new Set()
  /** Why the ring has its poller. */
  readonly reason: string
  /** Why the worker is no longer there; null while it is. */
  workerLoss: string | null = null
  private readonly sqThreadShared: boolean
  private readonly hold: number
  private readonly control: ControlLink
  private readonly detach: () => void
  private closing: Promise<boolean> | null = null
  private tasks = 0
  private onTasksOver: (() => void) | null = null

  /** Made by openRings(). @internal */
  constructor(ring: number, worker: StartedWorker, options: RingHandleOptions) {
    const { memory, place } = options
    const { geometry, threadId, directDescriptors, registeredBuffers } = worker.started
    const words = controlWords(memory, place)
    const view = viewRing(memory, place, geometry)
    this.ring = ring
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
      control: words,
      metrics: this.metrics,
      idle: this.idle,
      inFlightMax: options.inFlightMax,
      backlogMax: options.backlogMax,
    })
    const sqpoll = options.poller === Poller.kernel
    this.hold = binding().hold(controlBytes, view.ring.words, offsets, sqpoll, this.client.slots.credits)
    this.scratch = new Scratch(
      memory,
      place.scratchOffsetBytes,
      options.inFlightMax + options.backlogMax + reservedSlots,
    )
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

  /** The worker thread has ended. The ring goes on: what its poller cannot do any more, the client does. */
  workerLost(cause: unknown): void {
    this.workerLoss = cause instanceof Error ? cause.message : String(cause)
    this.client.workerLost(cause)
  }

  /**
   * io_uring_register(2) by the ring worker's thread; what the kernel writes comes back in `argument`. Resolves with its answer.
   * @throws (rejects) ERR_RING_CLOSED, ERR_RING_WORKER_LOST
   */
  async registerInWorker(opcode: number, argument: Uint8Array | null, count: number): Promise<number> {
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
    this.buffers.clear() // their tags come in while the ring drains
    const drained = await this.client.drain(Math.max(0, graceMs - (performance.now() - startedMs)), deadlineMs)
    this.leases?.close()
    if (!drained || this.client.lossCause !== null) quarantineMemory(...this.registered)
    // A thread that other rings have too ends with the last of them: who closes them all waits for that.
    const sqThread =
      this.sqThreadShared || this.client.poller !== Poller.kernel ? null : readSqThread(this.geometry.ringFd)
    this.client.close()
    if (this.workerLoss === null) await this.control.call((remote) => remote.close()).catch(() => undefined)
    this.control.close()
    this.detach()
    ownRings.delete(this.geometry.ringFd)
    binding().release(this.hold)
    if (sqThread !== null) await threadGone(sqThread.tid)
    return drained
  }
}

const threadGoneMs = 2000

/** The kernel ends an SQ thread in the background, after its ring's descriptor is closed: wait for it, with a limit. */
export async function threadGone(tid: number): Promise<void> {
  const name = String(tid)
  const deadlineMs = performance.now() + threadGoneMs
  while (performance.now() < deadlineMs && readdirSync('/proc/self/task').includes(name)) await sleep(1)
}
