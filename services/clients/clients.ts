// The clients of one Ringmaster: threads that attached, each with a ring of its own on these rings' pollers. Used by Ringmaster, in
// the thread that started the rings; resident services attach through it too.
import { MessageChannel } from 'node:worker_threads'
import { RingUnavailableError, invalidArgType, ringErrors } from '../../native/errors.ts'
import { isPlain } from '../../native/plain/binding.ts'
import type { Capabilities } from '../../native/capabilities.ts'
import type { LiveJob } from '../../metrics/live-protocol.ts'
import { ringMetricsSizeBytes } from '../../metrics/ring-metrics.ts'
import type { ClientRingOpened, ClientRingTask } from '../../workers/client-ring.ts'
import { Poller, polls } from '../../workers/poller-kind.ts'
import { leaseSizeBytes } from '../../workers/ring-handle.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { reservedSlots, slotsOf } from '../../workers/submission.ts'
import { Journal } from '../../workers/threadpool/journal.ts'
import type { OpenRings } from '../open-rings.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Placement } from '../placement/types.ts'
import { withoutRefusedRing } from '../refused-ring.ts'
import { chooseRawDescriptors } from '../raw-descriptors.ts'
import { explained, heartbeatMs, setupOf } from '../ring-maker.ts'
import { withoutUnsupported } from '../restrictions.ts'
import { Attachment } from './attachment.ts'
import { makeHandle } from './handle.ts'
import type { RingsHandle } from './handle.ts'
import { ClientPlaces } from './places.ts'
import type { ClientPlace } from './places.ts'
import type { ClientRing } from './protocol.ts'

/** What is known of the rings that clients are given more of. */
export interface ClientsContext {
  readonly open: OpenRings
  readonly options: ResolvedOptions
  readonly placement: Placement
  readonly capabilities: Capabilities
  readonly effectiveCpus: number
  readonly wakeCostNs: number
  readonly spinNs: number
  /** The kernel's worker threads of each ring at most, of both kinds; null: the kernel's default. */
  readonly ioWorkersMax: number | null
}

export interface AttachTo {
  /** The ring whose poller is to serve the client. */
  readonly ring: number
  /** What is said in place of the ring's poller. */
  readonly poller: Poller
}

/** A client spins no longer than this where there are more threads that spin than CPUs. */
const crowdedSpinNs = 5000
/** How much longer than closing takes a client is waited for that does not answer. */
const answerLimitMs = 1000

export class Clients {
  private readonly context: ClientsContext
  private readonly places: ClientPlaces
  private readonly attachments = new Map<number, Attachment>()
  private readonly inFlightMax: number
  /** Run when closing begins, before clients are told: resident services have theirs to finish with. */
  readonly onClosing: Set<() => Promise<void>> = new Set()
  /** Of all resident services together. */
  readonly services: { instances: number; failures: number; restarts: number } = {
    instances: 0,
    failures: 0,
    restarts: 0,
  }
  /** What resident services say of themselves on the live page. */
  readonly jobs: Set<() => LiveJob> = new Set()
  /** Told of each client that has got its ring. */
  readonly onJoined: Set<(attachment: Attachment) => void> = new Set()
  private next = 1
  private closed = false

  constructor(context: ClientsContext) {
    const { open, options } = context
    this.context = context
    this.inFlightMax = options.cqEntries - reservedSlots
    this.places = new ClientPlaces(options.clientsMax, {
      sqEntries: options.sqEntries,
      cqEntries: options.cqEntries,
      slots: slotsOf(this.inFlightMax, options.backlogMax),
      leasesSizeBytes: options.directDescriptors * leaseSizeBytes,
      metricsSizeBytes: ringMetricsSizeBytes,
    })
    for (const ring of open.handles.keys()) this.listen(ring)
    open.onRenewed.add((ring) => {
      this.listen(ring)
    })
  }

  private listen(ring: number): void {
    this.context.open.handles[ring]!.onWorker.add((state, reason) => {
      if (state === 'well') return // who was told that the worker died asks for the next one
      const cause = reason instanceof Error ? reason.message : String(reason)
      const notice = state === 'gone' ? 'worker-lost' : 'worker-died'
      for (const attachment of this.ofRing(ring)) attachment.notify({ notice, cause })
    })
  }

  /** @throws ERR_RING_CLIENTS_FULL, ERR_RING_CLOSED, ERR_RING_UNAVAILABLE without the addon */
  attach(to?: AttachTo): RingsHandle {
    if (this.closed) throw ringErrors.closed()
    // Their memory and what wakes them are this thread's alone.
    if (isPlain())
      throw new RingUnavailableError('addon', 'rings of plain Node.js serve no other thread: start rings there')
    const { clientsMax } = this.context.options
    if (this.attachments.size >= clientsMax) throw ringErrors.clientsFull(clientsMax)
    const { handles, workers } = this.context.open
    const ring = to?.ring ?? this.leastUsed()
    const handle = (): RingHandle => handles[ring]! // asked each time: the ring, or its worker, may have been replaced
    const client = this.next++
    const { port1, port2 } = new MessageChannel()
    const attachment = new Attachment(client, port1, {
      places: this.places,
      ring,
      handle,
      worker: async () => {
        if (!(await handle().workerBack())) throw ringErrors.workerLost(handle().workerLoss)
        return workers[ring]!
      },
      tasks: (number, spot) => this.tasks(number, spot, handle(), to?.poller ?? handle().client.poller),
      goesOn: (error) => this.goesOn(error, handle()),
      describe: (...what) => this.describe(handle(), ...what),
      joined: (joined) => {
        for (const tell of [...this.onJoined]) tell(joined)
      },
      gone: (number) => {
        this.attachments.delete(number)
      },
    })
    attachment.seat = this.freeSeat()
    this.attachments.set(client, attachment)
    return makeHandle(client, port2)
  }

  private freeSeat(): number {
    const taken = new Set([...this.attachments.values()].map(({ seat }) => seat))
    let seat = 1
    while (taken.has(seat)) seat++
    return seat
  }

  /** @throws ERR_INVALID_ARG_TYPE */
  async detach(handle: unknown): Promise<void> {
    if (typeof handle !== 'object' || handle === null || !('client' in handle))
      throw invalidArgType('handle', 'what rings.attach() gave', handle)
    await this.attachments.get(Number((handle as RingsHandle).client))?.end(this.endLimitMs)
  }

  /** Handles that are out, joined or not, and how many may be. */
  get counts(): { readonly attached: number; readonly attachedMax: number } {
    return { attached: this.attachments.size, attachedMax: this.context.options.clientsMax }
  }

  /** The clients that joined. */
  list(): readonly Attachment[] {
    return [...this.attachments.values()].filter(({ ring }) => ring !== null)
  }

  /** The clients that a ring's worker or SQ thread serves: what whoever replaces that worker must open again. */
  ofRing(ring: number): readonly Attachment[] {
    return this.list().filter((attachment) => attachment.servedBy === ring)
  }

  /** Whether a ring serves clients, or will: who attached and has not joined yet counts. */
  serves(ring: number): boolean {
    return [...this.attachments.values()].some(({ servedBy }) => servedBy === ring)
  }

  readonly listJobs = (): LiveJob[] => [...this.jobs].map((job) => job())

  /** The rings that serve clients, and who has them. */
  get open(): OpenRings {
    return this.context.open
  }

  /** Ends them all: their requests finish within the grace time, or are cancelled. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.onClosing].map((run) => run()))
    await Promise.all([...this.attachments.values()].map((attachment) => attachment.end(this.endLimitMs)))
  }

  private get endLimitMs(): number {
    const { closeGraceMs, closeDeadlineMs } = this.context.options
    return closeGraceMs + closeDeadlineMs + answerLimitMs
  }

  private leastUsed(): number {
    const clients = (ring: number): number =>
      [...this.attachments.values()].filter((attachment) => attachment.servedBy === ring).length
    return [...this.context.open.handles.keys()].reduce((least, ring) =>
      clients(ring) < clients(least) ? ring : least,
    )
  }

  private tasks(client: number, spot: ClientPlace, handle: RingHandle, poller: Poller): readonly ClientRingTask[] {
    const { options, capabilities } = this.context
    const restrictions = options.restrictions && withoutUnsupported(options.restrictions, capabilities.opcodes)
    const slots = slotsOf(this.inFlightMax, options.backlogMax)
    const task = (kind: Poller): ClientRingTask => ({
      ...spot,
      client,
      poller: kind,
      setup: setupOf(options, kind, -1, handle.geometry.ringFd, restrictions),
      directDescriptors: options.directDescriptors,
      rawDescriptors: chooseRawDescriptors(options, kind),
      spinNs: this.spinNs,
      restrictions,
      journal: kind === Poller.threadpool ? Journal.allocate(slots, options) : null,
      heartbeatMs: heartbeatMs(options.heartbeatTimeoutMs),
    })
    const mayGoWithout = options.poller === 'auto' && options.fallback && restrictions === undefined
    const withoutKernel = mayGoWithout && poller !== Poller.threadpool
    return withoutKernel ? [task(poller), task(Poller.threadpool)] : [task(poller)]
  }

  private goesOn(error: unknown, handle: RingHandle): string | null {
    const instead = withoutRefusedRing(error, handle.client.poller)
    if (instead === null) throw explained(error)
    return instead.reason
  }

  private describe(
    handle: RingHandle,
    spot: ClientPlace,
    opened: ClientRingOpened,
    { poller, journal, rawDescriptors }: ClientRingTask,
    reason: string | null,
  ): ClientRing {
    const { options, placement, effectiveCpus, wakeCostNs, capabilities, ioWorkersMax } = this.context
    const why = reason ?? `attached to ring ${handle.ring} of another thread`
    const choices = [{ name: 'poller', value: poller, reason: why }]
    return {
      ...spot,
      opened,
      poller,
      reason: why,
      inFlightMax: Math.min(this.inFlightMax, opened.geometry.cqEntries - reservedSlots),
      backlogMax: options.backlogMax,
      spinNs: poller === Poller.threadpool && options.spinNs === 'auto' ? 0 : this.spinNs,
      restrictions: options.restrictions && withoutUnsupported(options.restrictions, capabilities.opcodes),
      journal,
      rawDescriptors,
      closeGraceMs: options.closeGraceMs,
      closeDeadlineMs: options.closeDeadlineMs,
      placement: { ...placement, rings: 1, poller, reason: why, pins: [-1], choices },
      effectiveCpus,
      wakeCostNs,
      capabilities,
      ioWorkersMax,
    }
  }

  /** Client threads spin as well: with more of them than CPUs, each sleeps sooner. */
  private get spinNs(): number {
    const { open, options, effectiveCpus, spinNs } = this.context
    if (options.spinNs !== 'auto') return options.spinNs
    const pollers = open.handles.filter(({ client }) => polls(client.poller)).length
    return 1 + this.attachments.size + pollers > effectiveCpus ? Math.min(spinNs, crowdedSpinNs) : spinNs
  }
}
