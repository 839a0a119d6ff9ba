// Ringmaster: starts the rings, offers the file operations, closes everything. What users touch first.
import { addonFailure, binding } from '../native/binding.ts'
import { capabilities } from '../native/capabilities.ts'
import { ringErrors } from '../native/errors.ts'
import { usePlain } from '../native/plain/binding.ts'
import type { MetricsRegistry } from '../metrics/exporter.ts'
import { measureWakeCostNs } from '../workers/wake-cost.ts'
import { Poller } from '../workers/poller-kind.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { Adaptation } from './adaptation.ts'
import { Advisor, watchedRing } from './advisor.ts'
import { Arenas } from './arena.ts'
import type { Arena, ArenaOptions } from './arena.ts'
import { checkInteger } from './arguments.ts'
import { clientStats } from './clients/client-stats.ts'
import { Clients } from './clients/clients.ts'
import type { RingsHandle } from './clients/handle.ts'
import { joinRings } from './clients/join.ts'
import { Coordinator } from './coordinator.ts'
import { publish } from './diagnostics.ts'
import { RingFileSystem } from './file-system.ts'
import { readMachine } from './machine/facts.ts'
import { placementWishes, resolveOptions } from './options.ts'
import type { RingmasterOptions } from './options.ts'
import { describeChoices, place } from './placement.ts'
import { chooseSpin } from './placement/spin.ts'
import type { Placement } from './placement/types.ts'
import { exits, guardPrivileges } from './process-guard.ts'
import { creditChoice, creditProfile, startWithProfile } from './profile/load.ts'
import type { Profiled } from './profile/load.ts'
import { startService, type ResidentService, type ServiceOptions } from './residents/service.ts'
import { LiveFrames } from './live/live-frames.ts'
import { openRings, type OpenRings } from './open-rings.ts'
import { asOpened } from './ring-maker.ts'
import type { Features } from '../native/features.ts'
import type { Operation } from './raw/operation.ts'
import { RawRing } from './raw/raw-ring.ts'
import { limitIoWorkers } from './raw/registrations/io-wq.ts'
import type { SubmitOptions } from './raw/raw-ring.ts'
import { features, loadSupport } from './raw/support.ts'
import { ringHealth, type RingHealth } from './ring-health.ts'
import { poolSource } from './pool-source.ts'
import { Registrations } from './register-pool.ts'
import { ringStats } from './ring-stats.ts'
import { noClients, noServices } from './ringmaster-stats.ts'
import type { RingmasterStats } from './ringmaster-stats.ts'
import type { Trace, TraceOptions } from './trace.ts'
import { Tracing } from './tracing.ts'
import { RingView } from './view.ts'
import type { ViewOptions } from './view.ts'

guardPrivileges()

export class Ringmaster extends RingFileSystem {
  /** `ringmaster/net` has connections on them. @internal */
  readonly rings: OpenRings
  private readonly coordinator: Coordinator
  private readonly arenas: Arenas
  private readonly placement: Placement
  private readonly cpus: number
  private readonly wakeCostNs: number
  private readonly advisor: Advisor
  private readonly tracing: Tracing
  private readonly name: string
  private readonly registrations: Registrations
  /** Null where the rings were joined. */
  private clients: Clients | null = null
  private closing: Promise<void> | null = null

  private constructor(
    open: OpenRings,
    name: string,
    placement: Placement,
    cpus: number,
    wakeCostNs: number,
    advisor: Advisor,
  ) {
    const coordinator = new Coordinator(open)
    super(coordinator)
    this.rings = open
    this.name = name
    this.coordinator = coordinator
    this.arenas = new Arenas(open, this.coordinator.arenas)
    this.placement = placement
    this.cpus = cpus
    this.wakeCostNs = wakeCostNs
    this.advisor = advisor
    this.tracing = new Tracing(open)
    const { arenas, tracing } = this
    const parts = { rings: open, coordinator, arenas, advisor, tracing, placement, cpus, wakeCostNs }
    this.registrations = new Registrations(name, poolSource({ ...parts, clients: () => this.clients }))
  }

  /**
   * Starts worker threads and rings. Nothing runs before this, and nothing is left after close(); idle rings do not keep
   * the process alive.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE for options; ERR_RING_UNAVAILABLE with a
   * `reason` where a poller was asked for that needs io_uring and there is none, or where `fallback` is false (else `auto` does
   * without it, and `stats()` says why); SystemError of io_uring_setup(2) where this ring cannot be made; ERR_RING_PROFILE.
   */
  static async start(options: RingmasterOptions = {}): Promise<Ringmaster> {
    resolveOptions(options) // what is wrong with them is said before a profile is read
    return startWithProfile(options, (...profiled) => Ringmaster.startAs(...profiled))
  }

  private static async startAs(options: RingmasterOptions, profiled: Profiled | null): Promise<Ringmaster> {
    const resolved = resolveOptions(options)
    const found = await capabilities()
    await loadSupport()
    const facts = { ...readMachine(), rings: found.rings, sqpoll: found.sqpoll, memory: found.memory }
    const placement = creditProfile(place(facts, placementWishes(options, resolved)), profiled)
    if (addonFailure() !== null) usePlain()
    const { sqEntries, cqEntries, sqThreadIdleMs } = placement
    const ioWorkersMax = profiled?.layout.ioWorkersMax ?? null
    const open = await openRings({ ...resolved, sqEntries, cqEntries, sqThreadIdleMs }, placement, (handle) =>
      limitIoWorkers(handle, ioWorkersMax),
    )
    try {
      const first = open.handles[0]!
      const wakeCostNs = await measureWakeCostNs(first.client, first.idle)
      const spin = chooseSpin(placement, resolved.spinNs, wakeCostNs)
      // A ring that the kernel refused alone: where threads do the work, a client that spins takes their CPU.
      const sleeps = ({ client }: RingHandle): boolean =>
        resolved.spinNs === 'auto' && client.poller === Poller.threadpool
      for (const handle of open.handles) handle.idle.spinNs = sleeps(handle) ? 0 : spin.value
      const clientTid = binding().threadId()
      const watched = open.handles.map((_, ring) => watchedRing(ring, () => open.handles[ring]!, clientTid))
      const adaptation = new Adaptation(open, (ring) => rings.clients?.serves(ring) ?? false)
      const advisor = new Advisor(watched, {
        intervalMs: resolved.adviceIntervalMs,
        onAdvice: (advice) => {
          publish('ringmaster:advice', () => ({ pool: resolved.name, ...advice }))
          resolved.onAdvice?.(advice)
        },
        adapt: resolved.adapt ? (...advised): Promise<string | null> => adaptation.adapt(...advised) : undefined,
      })
      const choices = [...asOpened(placement.choices, open.handles), creditChoice(spin, profiled)]
      const settled = { ...placement, choices }
      const { effectiveCpus } = facts
      const rings: Ringmaster = new Ringmaster(open, resolved.name, settled, effectiveCpus, wakeCostNs, advisor)
      const options = { ...resolved, sqEntries, cqEntries, sqThreadIdleMs }
      const known = { open, effectiveCpus, wakeCostNs, spinNs: first.idle.spinNs }
      rings.clients = new Clients({ ...known, options, placement, capabilities: found, ioWorkersMax })
      rings.tracing.follow(rings.clients)
      if (resolved.retryIdempotent) rings.coordinator.coverLosses()
      return rings
    } catch (error) {
      await open.close()
      throw error
    }
  }

  /**
   * Rings for a thread that was sent `handle`: its own, on the pollers of the thread that made the handle with attach(). They end
   * with close(), with this thread, or with the other's close().
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ERR_RING_HANDLE_USED where there is nobody at the other end any more;
   * ERR_RING_UNAVAILABLE or SystemError of io_uring_setup(2) where the ring cannot be made
   */
  static async join(handle: RingsHandle): Promise<Ringmaster> {
    const { open, ring, advisor, onEnd, onTrace } = await joinRings(handle)
    const rings = new Ringmaster(open, '', ring.placement, ring.effectiveCpus, ring.wakeCostNs, advisor)
    onEnd(() => void rings.close())
    onTrace((order) => {
      rings.tracing.obey(order)
    })
    return rings
  }

  /**
   * A handle for another thread, which joins with it and has a ring of its own on these pollers. Send it with its `transferList`.
   * @throws ERR_RING_CLIENTS_FULL above `clientsMax`, ERR_RING_CLOSED, ERR_RING_NOT_OWNER in a thread that joined itself;
   * ERR_RING_UNAVAILABLE without the addon
   */
  attach(): RingsHandle {
    if (this.closing !== null) throw ringErrors.closed()
    if (this.clients === null) throw ringErrors.notOwner()
    return this.clients.attach()
  }

  /** Takes a handle back: the thread that joined with it has its rings closed, as by close(). Safe to repeat. @throws ERR_INVALID_ARG_TYPE */
  async detach(handle: RingsHandle): Promise<void> {
    await this.clients?.detach(handle)
  }

  /**
   * Starts a module in every ring worker, one instance each: its default export gets a Ringmaster of that thread's own.
   * `url`: of the module, or its absolute path.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; what the module or its start throws, code and all; as attach(): an instance is a client; ERR_RING_SERVICE_STALLED
   */
  async startService(url: string | URL, options: ServiceOptions = {}): Promise<ResidentService> {
    if (this.clients === null) throw ringErrors.notOwner()
    return startService(this.clients, url, options)
  }

  /**
   * The same files and rings under limits of their own, or as background: see ViewOptions. Make one for each part of the program that
   * must not hold up the others, and keep it. It needs no closing.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
   */
  view(options: ViewOptions = {}): RingView {
    return new RingView(this.coordinator, this.rings.handles, options)
  }

  /**
   * One ring with every operation its kernel has: operations, chains, streams, registrations (`ringmaster/raw`).
   * @throws ERR_OUT_OF_RANGE
   */
  raw(ring = 0): RawRing {
    return new RawRing(this.rings.handles[checkInteger(ring, 'ring', 0, this.rings.handles.length - 1)]!)
  }

  /** What this kernel can do beyond having an opcode: multishot, bundles, ways to cancel, … each with the reason if it cannot. */
  features(): Promise<Features> {
    return features()
  }

  /**
   * Makes an arena: memory registered on every ring, leased slab by slab. Registering pins the memory on this thread, so make
   * arenas at the start. Where it cannot be registered, it works without, and `registered` and `reason` say so. Since 5.19.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_CLOSED; RangeError where there is no address space
   */
  arena(options: ArenaOptions = {}): Arena {
    if (this.closing !== null) throw ringErrors.closed()
    return this.arenas.make(options)
  }

  /** Whether rings and their workers are alive: what a probe or a watchdog asks, cheap enough to be asked often. */
  health(): RingHealth[] {
    return this.rings.handles.map(ringHealth)
  }

  /**
   * One operation on one ring, which may be moved (`adapt`) before the next: unlike raw(), nobody has it as it is.
   * @internal
   */
  async submitOnce<R>(ring: number, operation: Operation<R>, options: SubmitOptions): Promise<R> {
    return new RawRing(this.rings.handles[ring]!, undefined, false).submit(operation, options)
  }

  /** What every ring is and has done so far. Plain data, a copy; JSON.stringify() keeps all of it. */
  stats(): RingmasterStats {
    const { name, placement, clients, coordinator, cpus, wakeCostNs } = this
    const { opened, closed } = coordinator.files
    const { attached, attachedMax } = clients?.counts ?? noClients
    return {
      name,
      rings: this.rings.handles.map((handle, index) => ringStats(handle, this.advisor.adviceOf(index), placement)),
      clients: clientStats(clients?.list() ?? [], placement),
      effectiveCpus: cpus,
      wakeCostNs,
      spinNs: this.rings.handles[0]!.idle.spinNs,
      files: { opened, closed, open: opened - closed },
      attached: { clients: attached, clientsMax: attachedMax },
      services: { ...(clients?.services ?? noServices) },
      arenas: this.arenas.stats(),
      traces: this.tracing.stats(),
      placement: { summary: describeChoices(placement.choices), choices: [...placement.choices] },
    }
  }

  /**
   * Records each operation from now on, those of threads that joined and of resident services too: when it was asked for, published, seen and settled, what came of it, which chain it is in. For as
   * long as it is not stopped; costs requests little, and nothing when nobody traces. Up to eight at a time, each for itself.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_RING_CLOSED, ERR_RING_TRACES_FULL
   */
  trace(options: TraceOptions = {}): Trace {
    if (this.closing !== null) throw ringErrors.closed()
    return this.tracing.start(options)
  }

  /**
   * Adds all metrics to a prom-client registry, where several Ringmasters may be: see the option `name`. They are read at scrape, never on the I/O
   * path. Returns how to take them out. The second time with the same registry it only registers again what `registry.clear()` has taken out, and
   * returns the same function: called once, it takes them out for whoever registered them.
   * @throws ERR_INVALID_ARG_TYPE, ERR_RING_CLOSED; ERR_INVALID_ARG_VALUE where another Ringmaster of this name is in the registry; Error where a metric's name is somebody else's
   */
  register(registry: MetricsRegistry): () => void {
    if (this.closing !== null) throw ringErrors.closed()
    return this.registrations.add(registry)
  }

  /** What the live page is drawn from. `version`: of whoever serves it. @internal */
  live(version: string): LiveFrames {
    const frames = new LiveFrames({
      handles: this.rings.handles,
      adviceOf: (ring) => this.advisor.adviceOf(ring),
      clients: () => this.clients?.list() ?? [],
      arenas: () => this.arenas.stats(),
      about: {
        version,
        effectiveCpus: this.cpus,
        wakeCostNs: this.wakeCostNs,
        spinNs: this.rings.handles[0]!.idle.spinNs,
        placement: describeChoices(this.placement.choices),
      },
    })
    if (this.clients !== null) frames.jobs.add(this.clients.listJobs)
    return frames
  }

  /**
   * Finishes what is in flight, then closes rings and threads. Safe to repeat; every call waits for the end. Inside `process.on('exit')`,
   * where nothing can be waited for, it is closeSync().
   */
  close(): Promise<void> {
    if (exits()) this.closeSync()
    else this.stop()
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    try {
      await this.clients?.close()
      await this.rings.close()
    } finally {
      this.tracing.close()
      this.registrations.removeAll()
    }
  }

  /**
   * As close(), but blocks this thread, for `closeGraceMs` + `closeDeadlineMs` at most: for `process.on('exit')`. What consists of
   * several requests (readFile() of a large file) ends with ERR_RING_CLOSED. Returns whether everything came back: never what is in
   * flight without the addon, where nothing gets on without the event loop. Threads that joined are told, and not waited for.
   */
  closeSync(): boolean {
    this.stop()
    this.closing ??= Promise.resolve()
    this.registrations.removeAll()
    void this.clients?.close()
    try {
      return this.rings.closeSync()
    } finally {
      this.tracing.close()
    }
  }

  private stop(): void {
    this.coordinator.close()
    this.arenas.shut()
    this.advisor.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
