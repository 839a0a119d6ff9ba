// Ringmaster: starts the rings, offers the file operations, closes everything. What users touch first.
import { constants } from 'node:fs'
import type { BigIntStats, Stats } from 'node:fs'
import type { Registry, OpenMetricsContentType } from 'prom-client'
import { At, Resolve, SqeFlag } from '../native/abi.ts'
import { addonFailure, binding } from '../native/binding.ts'
import { capabilities } from '../native/capabilities.ts'
import { invalidArgType, ringErrors } from '../native/errors.ts'
import { usePlain } from '../native/plain/binding.ts'
import { registerRingMetrics } from '../metrics/exporter.ts'
import { measureWakeCostNs } from '../workers/wake-cost.ts'
import { Poller } from '../workers/poller-kind.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import { throwIfAborted } from './abort.ts'
import { Advisor, watchedRing } from './advisor.ts'
import { Arenas } from './arena.ts'
import type { Arena, ArenaOptions, ArenaStats } from './arena.ts'
import { checkEncoding, checkInteger, checkMode, checkPath, checkSignal } from './arguments.ts'
import type { PathLike } from './arguments.ts'
import { submitNops } from './batch.ts'
import { Coordinator } from './coordinator.ts'
import { RingFile } from './file.ts'
import { readMachine } from './machine/facts.ts'
import { closeOnExec, openFlags } from './open-flags.ts'
import { resolveOptions } from './options.ts'
import type { RingmasterOptions } from './options.ts'
import { describeChoices, place } from './placement.ts'
import { chooseSpin } from './placement/spin.ts'
import type { Choice, Placement } from './placement/types.ts'
import { exits, guardPrivileges } from './process-guard.ts'
import { readWholeFile } from './read-file.ts'
import { retryAgain } from './retry-again.ts'
import { requestNop, requestOpen, requestOpenBeneath, requestStat } from './requests.ts'
import { openRings } from './open-rings.ts'
import type { OpenRings } from './open-rings.ts'
import type { Features } from '../native/features.ts'
import { RawRing } from './raw/raw-ring.ts'
import { features, loadSupport } from './raw/support.ts'
import { metricsSource, ringStats } from './ring-stats.ts'
import type { RingStats } from './ring-stats.ts'
import { dataBytes, writeWholeFile } from './write-file.ts'

export interface OpenOptions {
  /** Carry out this file's writes one after the other, in the order of the calls. Default false: in any order. */
  ordered?: boolean
  signal?: AbortSignal
}

export interface ReadFileOptions {
  encoding?: BufferEncoding | null
  flag?: string | number
  signal?: AbortSignal
}

export interface WriteFileOptions {
  encoding?: BufferEncoding | null
  mode?: number | string
  flag?: string | number
  /** fsync before closing. Default false. */
  flush?: boolean
  signal?: AbortSignal
}

export interface RingmasterStats {
  readonly rings: readonly RingStats[]
  /** CPUs this process may use: affinity and cgroup quota. */
  readonly effectiveCpus: number
  /** What sleeping and being woken takes here, measured at start. */
  readonly wakeCostNs: number
  /** How long a client looks for completions before it sleeps. */
  readonly spinNs: number
  /** Arenas that are open. */
  readonly arenas: readonly ArenaStats[]
  /** What was chosen and why, by the options' names; as a line for logs in `summary`. */
  readonly placement: { readonly summary: string; readonly choices: readonly Choice[] }
}

guardPrivileges()

export class Ringmaster {
  private readonly rings: OpenRings
  private readonly coordinator: Coordinator
  private readonly arenas: Arenas
  private readonly placement: Placement
  private readonly cpus: number
  private readonly wakeCostNs: number
  private readonly advisor: Advisor
  private readonly unregister = new Set<() => void>()
  private closing: Promise<void> | null = null

  private constructor(open: OpenRings, placement: Placement, cpus: number, wakeCostNs: number, advisor: Advisor) {
    this.rings = open
    this.coordinator = new Coordinator(open.handles)
    this.arenas = new Arenas(open.handles, this.coordinator.arenas)
    this.placement = placement
    this.cpus = cpus
    this.wakeCostNs = wakeCostNs
    this.advisor = advisor
  }

  /**
   * Starts worker threads and rings. Nothing runs before this, and nothing is left after close(); idle rings do not keep
   * the process alive.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE for options; ERR_RING_UNAVAILABLE with a
   * `reason` where a poller was asked for that needs io_uring and there is none, or where `fallback` is false (else `auto` does
   * without it, and `stats()` says why); SystemError of io_uring_setup(2) where this ring cannot be made.
   */
  static async start(options: RingmasterOptions = {}): Promise<Ringmaster> {
    const resolved = resolveOptions(options)
    const found = await capabilities()
    await loadSupport()
    const facts = { ...readMachine(), rings: found.rings, sqpoll: found.sqpoll, memory: found.memory }
    const placement = place(facts, {
      ...resolved,
      // Where a default has been filled in, the rules may do better.
      sqEntries: options.sqEntries ?? 'auto',
      cqEntries: options.cqEntries ?? 'auto',
      sqThreadIdleMs: options.sqThreadIdleMs ?? 'auto',
      sqThreads: options.sqThreads,
    })
    if (addonFailure() !== null) usePlain()
    const { sqEntries, cqEntries, sqThreadIdleMs } = placement
    const open = await openRings({ ...resolved, sqEntries, cqEntries, sqThreadIdleMs }, placement)
    try {
      const first = open.handles[0]!
      const wakeCostNs = await measureWakeCostNs(first.client, first.idle)
      const spin = chooseSpin(placement, resolved.spinNs, wakeCostNs)
      for (const handle of open.handles) {
        // A ring that the kernel refused alone: where threads do the work, a client that spins takes their CPU.
        const sleeps = resolved.spinNs === 'auto' && handle.client.poller === Poller.threadpool
        handle.idle.spinNs = sleeps ? 0 : spin.value
      }
      const clientTid = binding().threadId()
      const watched = open.handles.map((handle) => watchedRing(handle, clientTid))
      const advisor = new Advisor(watched, { intervalMs: resolved.adviceIntervalMs, onAdvice: resolved.onAdvice })
      const settled = { ...placement, choices: [...placement.choices, spin] }
      return new Ringmaster(open, settled, facts.effectiveCpus, wakeCostNs, advisor)
    } catch (error) {
      await open.close()
      throw error
    }
  }

  /**
   * Opens a file. As fs.promises.open(): flags 'r', 'wx+', … or O_* bits, mode for a file that is created.
   * @throws SystemError of open(2), ERR_INVALID_ARG_*
   */
  async open(
    path: PathLike,
    flags: string | number = 'r',
    mode: number | string = 0o666,
    options: OpenOptions = {},
  ): Promise<RingFile> {
    const checked = checkPath(path)
    const bits = openFlags(flags) | closeOnExec
    const signal = checkSignal(options.signal)
    const createMode = checkMode(mode, 'mode')
    throwIfAborted(signal)
    const fd = await requestOpen(this.coordinator.pick(), checked, bits, createMode, signal).catch((error: unknown) => {
      // The kernel's first attempt does not wait for a pipe's reader, which core does: on a kernel worker thread it will.
      const impatient =
        (bits & constants.O_NONBLOCK) === 0 && error instanceof Error && 'code' in error && error.code === 'ENXIO'
      if (!impatient) throw error
      return requestOpen(this.coordinator.pick(), checked, bits, createMode, signal, SqeFlag.ASYNC)
    })
    return new RingFile(this.coordinator, fd, bits, options.ordered === true)
  }

  /**
   * Opens a path below a directory and nowhere else, whatever symbolic links and `..` say: openat2(2) with RESOLVE_BENEATH
   * and RESOLVE_NO_MAGICLINKS.
   * @throws SystemError: EXDEV where the path leads out, ELOOP for magic links.
   */
  async openBeneath(directory: RingFile, path: string | Buffer, flags: string | number = 'r'): Promise<RingFile> {
    const checked = checkPath(path)
    const bits = openFlags(flags) | closeOnExec
    if (!(directory instanceof RingFile)) throw invalidArgType('directory', 'a RingFile', directory)
    const resolve = Resolve.BENEATH | Resolve.NO_MAGICLINKS
    const createMode = (bits & constants.O_CREAT) !== 0 ? 0o666 : 0 // openat2 wants 0 where nothing is created
    const request = (): Promise<number> =>
      directory.tracked('open', (handle) =>
        requestOpenBeneath(handle, directory.fd, checked, bits, createMode, resolve),
      )
    const fd = await retryAgain(request)
    return new RingFile(this.coordinator, fd, bits, false)
  }

  /** As fs.promises.stat(). */
  stat(path: PathLike, options?: { bigint?: false }): Promise<Stats>
  stat(path: PathLike, options: { bigint: true }): Promise<BigIntStats>
  async stat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats> {
    return this.statPath(path, 'stat', 0, options)
  }

  /** As fs.promises.lstat(). */
  lstat(path: PathLike, options?: { bigint?: false }): Promise<Stats>
  lstat(path: PathLike, options: { bigint: true }): Promise<BigIntStats>
  async lstat(path: PathLike, options?: { bigint?: boolean }): Promise<Stats | BigIntStats> {
    return this.statPath(path, 'lstat', At.SYMLINK_NOFOLLOW, options)
  }

  private statPath(
    path: PathLike,
    syscall: 'stat' | 'lstat',
    atFlags: number,
    options: { bigint?: boolean } | undefined,
  ): Promise<Stats | BigIntStats> {
    const checked = checkPath(path)
    const target = { dirFd: At.FDCWD, path: checked, atFlags, bigint: options?.bigint === true, syscall }
    return requestStat(this.coordinator.pick(), target)
  }

  /**
   * Reads a whole file. As fs.promises.readFile() with a path. Small files are one chain of requests on a direct
   * descriptor; large, growing and empty ones, pipes and /proc are read to their real end.
   */
  readFile(path: PathLike, options?: null | (ReadFileOptions & { encoding?: null })): Promise<Buffer>
  readFile(path: PathLike, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>
  readFile(path: PathLike, options?: BufferEncoding | null | ReadFileOptions): Promise<Buffer | string> {
    try {
      const given = typeof options === 'string' ? { encoding: options } : (options ?? {})
      const signal = checkSignal(given.signal)
      const request = {
        path: checkPath(path),
        flags: openFlags(given.flag ?? 'r'),
        encoding: checkEncoding(given.encoding),
        signal,
      }
      throwIfAborted(signal)
      return readWholeFile(this.coordinator.pick(), request)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Writes a whole file. As fs.promises.writeFile() with a path. */
  async writeFile(
    path: PathLike,
    data: string | ArrayBufferView,
    options?: BufferEncoding | null | WriteFileOptions,
  ): Promise<void> {
    const given = typeof options === 'string' ? { encoding: options } : (options ?? {})
    await writeWholeFile(this.coordinator.pick(), {
      path: checkPath(path),
      data: dataBytes(data, checkEncoding(given.encoding) ?? 'utf8'),
      flags: openFlags(given.flag ?? 'w'),
      mode: checkMode(given.mode ?? 0o666, 'mode'),
      flush: given.flush === true,
      signal: checkSignal(given.signal),
      arenas: this.coordinator.arenas,
    })
  }

  /** A request that does nothing: what the queues themselves cost. */
  nop(): Promise<void> {
    try {
      return requestNop(this.coordinator.pick())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** `count` of them as one batch with one promise. */
  async nopBatch(count: number): Promise<void> {
    await submitNops(this.coordinator.pick().client, checkInteger(count, 'count', 0, 1_000_000))
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

  /** What every ring is and has done so far. Plain data, a copy. */
  stats(): RingmasterStats {
    return {
      rings: this.rings.handles.map((handle, index) => ringStats(handle, this.advisor.adviceOf(index))),
      effectiveCpus: this.cpus,
      wakeCostNs: this.wakeCostNs,
      spinNs: this.rings.handles[0]!.idle.spinNs,
      arenas: this.arenas.stats(),
      placement: { summary: describeChoices(this.placement.choices), choices: [...this.placement.choices] },
    }
  }

  /** Adds all metrics to a prom-client registry. They are read at scrape, never on the I/O path. Returns how to take them out. */
  register(registry: Registry | Registry<OpenMetricsContentType>): () => void {
    const remove = registerRingMetrics(registry, () =>
      this.rings.handles.map((handle: RingHandle, index) =>
        metricsSource(handle, this.advisor.adviceOf(index), () => this.advisor.timesOf(index)),
      ),
    )
    this.unregister.add(remove)
    return () => {
      if (this.unregister.delete(remove)) remove()
    }
  }

  /**
   * Finishes what is in flight, then closes rings and threads. Safe to repeat; every call waits for the end. Inside `process.on('exit')`,
   * where nothing can be waited for, it is closeSync().
   */
  close(): Promise<void> {
    if (exits()) this.closeSync()
    else this.stop()
    this.closing ??= this.rings.close().finally(() => {
      for (const remove of this.unregister) remove()
    })
    return this.closing
  }

  /**
   * As close(), but blocks this thread, for `closeGraceMs` + `closeDeadlineMs` at most: for `process.on('exit')`. What consists of
   * several requests (readFile() of a large file) ends with ERR_RING_CLOSED. Returns whether everything came back: never what is in
   * flight without the addon, where nothing gets on without the event loop.
   */
  closeSync(): boolean {
    this.stop()
    this.closing ??= Promise.resolve()
    for (const remove of this.unregister) remove()
    return this.rings.closeSync()
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
