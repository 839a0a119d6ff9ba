// The simulated kernel: what the addon is to the code under test. One ring, single-threaded, everything by seed: consumes
// entries, carries them out by the models in operations/, posts completions, and does it one small step at a time. Made by
// stand.ts; step() is called by the driver in run.ts and at every access to shared memory that the client makes.
import { EnterFlag, Op, RegisterOp, SqFlag, SqeFlag, TimeoutFlag } from '../../native/abi.ts'
import type { EventWatcher, Executor, NativeBinding } from '../../native/binding.ts'
import { SimulatedGroup } from './buffer-groups.ts'
import { Memory, simulatedAddress } from './memory.ts'
import { Errno } from './model.ts'
import type { BufferGroup, Faults, Kernel, Request } from './model.ts'
import { operationModels } from './operations/index.ts'
import { timeMs } from './operations/timeouts.ts'
import { SimulatedPoller } from './poller.ts'
import type { Random } from './random.ts'
import type { RingModel } from './ring-model.ts'
import type { VirtualTime } from './virtual-time.ts'
import { World } from './world.ts'

const registerPbufRing = 22
const unregisterPbufRing = 23

/** Descriptors of the simulated ring: none that the process could have. */
export const simulatedFds = { ring: 1_000_001, event: 1_000_002, wake: 1_000_003 } as const

/** Operations that block where they run. */
const byWorkerThread: ReadonlySet<number> = new Set([Op.OPENAT, Op.FSYNC, Op.STATX])

export interface KernelOptions {
  readonly random: Random
  readonly time: VirtualTime
  readonly ring: RingModel
  readonly poller: 'kernel' | 'worker' | 'caller'
  readonly faults: Faults
  readonly passMax: number
  /** Looks at every entry that was consumed. */
  readonly onConsumed: (request: Request) => void
}

interface Work {
  readonly request: Request
  readonly run: () => void
}

export class SimulatedKernel implements Kernel {
  readonly memory: Memory
  readonly random: Random
  readonly faults: Faults
  readonly world: World = new World()
  readonly time: VirtualTime
  readonly live: Set<Request> = new Set()
  readonly poller: SimulatedPoller
  /** Results by user_data, as they were posted. */
  readonly ledger: Map<string, number[]> = new Map()
  duplicates = 0
  /** What it found while the client was in a call. */
  violation: unknown = null
  lost = false
  holds = 0
  watchers = 0
  /** Eventfd wake-ups that are on their way. */
  readonly signals: (() => void)[] = []
  private readonly ring: RingModel
  private readonly groups = new Map<number, SimulatedGroup>()
  private readonly onConsumed: (request: Request) => void
  private readonly usesThread: boolean
  private work: Work[] = []
  private deferred: Request[] = []
  private draining: Request | null = null
  private chainHead: Request | null = null
  private chainLast: Request | null = null
  private chainError: Request | null = null
  private readonly counting: { readonly request: Request; left: number }[] = []
  private onEvent: (() => void) | null = null
  private readonly past: { slot: number; generation: number }[] = []

  constructor(options: KernelOptions) {
    this.random = options.random
    this.time = options.time
    this.ring = options.ring
    this.faults = options.faults
    this.onConsumed = options.onConsumed
    this.memory = new Memory(options.random)
    this.usesThread = options.poller !== 'caller'
    this.poller = new SimulatedPoller(
      options.ring,
      options.random,
      options.passMax,
      (entry) => {
        this.consume(entry)
      },
      () => {
        this.chainIsWhole()
      },
    )
  }

  // ── what happens, step by step ──

  /** Whether the kernel would do anything without being asked. */
  get runnable(): boolean {
    return (this.usesThread && !this.lost && this.poller.runnable) || this.work.length > 0 || this.ring.signalDue
  }

  step(): void {
    const { random } = this
    if (random.chance(this.faults.overflow)) this.ring.overflowEarly()
    if (this.memory.ownedCount > 0 && random.chance(0.1)) this.memory.scribble()
    if (random.chance(0.1)) for (const group of this.groups.values()) group.scribble()
    if (this.ring.signalDue && random.chance(0.5)) this.signalIfAsked()
    else if (this.work.length > 0 && random.chance(0.6)) this.workOn(random.below(this.work.length))
    else if (this.usesThread && !this.lost) this.poller.step()
    else if (this.work.length > 0) this.workOn(0)
    if (this.past.length > 0 && !this.lost && random.chance(this.faults.duplicate)) this.postDuplicate()
  }

  private workOn(index: number): void {
    const [work] = this.work.splice(index, 1)
    if (work !== undefined && work.request.phase !== 'over') work.run()
  }

  private signalIfAsked(): void {
    if (this.ring.takeSignal() && this.onEvent !== null) this.signals.push(this.onEvent)
  }

  // A completion that came before comes again: the slot lives another life by then.
  private postDuplicate(): void {
    if (!this.ring.hasRoom) return
    const { slot, generation } = this.random.pick(this.past)
    this.duplicates++
    this.ring.post(slot, generation, 12345, 0)
  }

  /** What it has, for whoever looks into a run that failed. */
  describe(): string {
    const requests = [...this.live].map((request) => `${name(request)} ${request.phase}`)
    return `poller ${this.poller.state}, ${this.ring.available} entries, ${this.ring.overflowed} in overflow, ${requests.join(', ')}`
  }

  // ── from entry to start ──

  private consume(entry: Int32Array): void {
    const request = requestOf(entry)
    this.live.add(request)
    this.onConsumed(request)
    const model = operationModels.get(request.opcode)
    const writes = model?.writes?.(request)
    if (writes) request.owned = this.memory.own(writes.address, writes.sizeBytes, name(request))
    if (this.chainLast !== null) this.chainLast.next = request
    this.chainHead ??= request
    this.chainLast = request
    if (model === undefined || (model.prepare?.(this, request) ?? 0) < 0) this.chainError ??= request
    if ((request.sqeFlags & (SqeFlag.IO_LINK | SqeFlag.IO_HARDLINK)) === 0) this.chainIsWhole()
  }

  /** The chain ends with an entry that is not linked, or where the pass ends. */
  private chainIsWhole(): void {
    const { chainHead: head, chainError: error } = this
    this.chainHead = this.chainLast = this.chainError = null
    if (head === null) return
    if (error !== null) {
      // Refused as it was read: the whole chain is cancelled, hard links too.
      for (const request of chainFrom(head)) this.finish(request, request === error ? Errno.EINVAL : Errno.ECANCELED, 0)
      this.startDeferred()
      return
    }
    head.phase = 'deferred'
    this.deferred.push(head)
    this.startDeferred()
  }

  // In order. A drain waits for everything before it, and what follows waits for the drain.
  private startDeferred(): void {
    while (this.draining === null || this.draining.phase === 'over') {
      const [head] = this.deferred
      if (head === undefined) return
      const waiting = this.deferred.reduce((count, other) => count + chainFrom(other).length, 0)
      const collecting = this.chainHead === null ? 0 : chainFrom(this.chainHead).length
      const drains = (head.sqeFlags & SqeFlag.IO_DRAIN) !== 0
      if (drains && this.live.size > waiting + collecting) return
      if (drains) this.draining = head
      this.deferred.shift()
      this.start(head)
    }
  }

  private start(request: Request): void {
    request.phase = 'running'
    const { next } = request
    if (next?.opcode === Op.LINK_TIMEOUT) {
      request.next = next.next
      next.next = null
      request.limit = next
      this.armLimit(request, next)
    }
    if (request.opcode === Op.TIMEOUT && request.offset > 0 && (request.opFlags & TimeoutFlag.MULTISHOT) === 0)
      this.counting.push({ request, left: request.offset })
    operationModels.get(request.opcode)!.issue(this, request)
  }

  private armLimit(request: Request, limit: Request): void {
    limit.phase = 'waiting'
    const timer = this.time.after(timeMs(this, limit.address), () => {
      this.later(limit, () => {
        request.limit = null
        const cancelled = this.tryCancel(request)
        this.finish(limit, cancelled === 0 ? Errno.ETIME : cancelled, 0)
        this.startDeferred()
      })
    })
    limit.stopWaiting = () => {
      this.time.cancel(timer)
    }
  }

  // ── what models ask for ──

  group(id: number): BufferGroup | null {
    return this.groups.get(id) ?? null
  }

  later(request: Request, run: () => void): void {
    request.phase = 'running'
    request.stopWaiting = () => undefined
    this.work.push({ request, run })
  }

  wait(request: Request, stop: () => void): void {
    request.phase = 'waiting'
    request.stopWaiting = stop
  }

  shot(request: Request, result: number, cqeFlags: number): boolean {
    if (!this.ring.hasRoom) return false
    this.first(request, result, cqeFlags)
    return true
  }

  first(request: Request, result: number, cqeFlags: number): void {
    this.note(request, result)
    this.ring.post(request.slot, request.generation, result, cqeFlags)
  }

  message(fd: number, low: number, high: number, result: number): number {
    if (fd !== simulatedFds.ring) return Errno.EBADFD
    this.ring.post(low | 0, high | 0, result, 0)
    return 0
  }

  complete(request: Request, result: number, cqeFlags = 0): void {
    const { limit, next } = request
    const failed = this.failed(request, result, cqeFlags)
    const quiet = (request.sqeFlags & SqeFlag.CQE_SKIP_SUCCESS) !== 0
    this.finish(request, result, cqeFlags, quiet && !failed)
    if (limit !== null && limit.phase !== 'over') this.finish(limit, Errno.ECANCELED, 0)
    if (next !== null) {
      const hard = (request.sqeFlags & SqeFlag.IO_HARDLINK) !== 0
      if (hard || !failed) this.start(next)
      // What fails posts; where it was to be quiet, nothing that is cancelled with it does (io_fail_links()).
      else for (const rest of chainFrom(next)) this.finish(rest, Errno.ECANCELED, 0, quiet)
    }
    this.startDeferred()
  }

  private failed(request: Request, result: number, cqeFlags: number): boolean {
    if (cqeFlags !== 0) return false
    if (result < 0) return !(result === Errno.ETIME && (request.opFlags & TimeoutFlag.ETIME_SUCCESS) !== 0)
    return operationModels.get(request.opcode)?.shortFails === true && result < request.length
  }

  private finish(request: Request, result: number, cqeFlags: number, silent = false): void {
    if (request.phase === 'over') throw new Error(`the model finished ${name(request)} twice`)
    request.stopWaiting()
    request.phase = 'over'
    this.live.delete(request)
    this.memory.disown(request.owned)
    this.note(request, result)
    if (!silent) {
      this.past.push({ slot: request.slot, generation: request.generation })
      if (this.past.length > 64) this.past.shift()
      this.ring.post(request.slot, request.generation, result, cqeFlags)
    }
    if (request.opcode !== Op.TIMEOUT) this.countTimeouts()
  }

  private countTimeouts(): void {
    for (const counting of this.counting.splice(0)) {
      counting.left--
      if (counting.request.phase === 'over') continue
      if (counting.left > 0) this.counting.push(counting)
      else if (counting.request.phase === 'waiting') this.complete(counting.request, 0)
    }
  }

  private note(request: Request, result: number): void {
    const key = `${request.slot}:${request.generation}`
    const results = this.ledger.get(key)
    if (results === undefined) this.ledger.set(key, [result])
    else results.push(result)
  }

  tryCancel(request: Request): number {
    const { random } = this
    if (request.phase === 'over' || request.phase === 'linked' || request.phase === 'deferred') return Errno.ENOENT
    if (random.chance(this.faults.transit)) return Errno.ENOENT // just being handed from one place to another
    if (request.phase === 'waiting') {
      request.stopWaiting()
      this.complete(request, Errno.ECANCELED)
      return 0
    }
    const sent = (this.ledger.get(`${request.slot}:${request.generation}`)?.length ?? 0) > 0
    if (request.opcode === Op.SEND_ZC && sent) return Errno.ENOENT
    if (random.chance(0.5)) return Errno.EALREADY
    // On a kernel worker thread a signal ends it.
    this.complete(request, byWorkerThread.has(request.opcode) ? Errno.EINTR : Errno.ECANCELED)
    return 0
  }

  // ── what the code under test calls ──

  /** The addon as this kernel plays it. Whatever a run has no use for is missing, and says so. */
  binding(): NativeBinding {
    const missing = (what: string) => (): never => {
      throw new Error(`the simulated kernel has no ${what}()`)
    }
    // An arrow function cannot be constructed, and a constructor's `this` is not the kernel.
    const eventFds: number[] = [simulatedFds.event, simulatedFds.wake]
    const watch = (callback: () => void): EventWatcher => this.watch(callback)
    return {
      table: missing('table'),
      setup: missing('setup'),
      eventfd: () => eventFds.shift() ?? Errno.EMFILE,
      map: missing('map'),
      view: missing('view'),
      ownDescriptors: () => undefined,
      detach: () => undefined,
      affinity: missing('affinity'),
      setAffinity: missing('setAffinity'),
      threadId: () => 1,
      pollSlice: missing('pollSlice'),
      addressOf: simulatedAddress,
      call: missing('call'),
      callNumbers: missing('callNumbers'),
      Executor: NoThreads,
      enter: (fd, toSubmit, _minComplete, flags) => this.enter(fd, toSubmit, flags),
      register: (_fd, opcode, argument) => this.register(opcode, argument),
      signal: (fd) => {
        if (fd === simulatedFds.wake) this.poller.wake()
        return 0
      },
      closeFd: (fd) => (this.world.close(fd) ? 0 : Errno.EBADF),
      hold: () => ++this.holds,
      release: () => --this.holds === 0,
      Watcher: class implements EventWatcher {
        readonly ref: () => void
        readonly unref: () => void
        readonly close: () => void
        constructor(_fd: number, callback: () => void) {
          const watcher = watch(callback)
          this.ref = watcher.ref.bind(watcher)
          this.unref = watcher.unref.bind(watcher)
          this.close = watcher.close.bind(watcher)
        }
      },
    }
  }

  private watch(callback: () => void): EventWatcher {
    this.watchers++
    const deliver = (): void => {
      if (this.onEvent === deliver) callback()
    }
    this.onEvent = deliver
    return {
      ref: () => undefined,
      unref: () => undefined,
      close: () => {
        if (this.onEvent !== deliver) return
        this.onEvent = null
        this.watchers--
      },
    }
  }

  /** The SQ thread dies, or the descriptor is gone: what was consumed is cancelled, the rest is never looked at. */
  lose(): void {
    this.lost = true
    this.ring.setSqFlag(SqFlag.NEED_WAKEUP, true)
    for (const request of [...this.live])
      if (request.phase === 'waiting' || request.phase === 'running') this.tryCancel(request)
  }

  private enter(fd: number, toSubmit: number, flags: number): number {
    if (this.lost || fd !== simulatedFds.ring) return this.usesThread ? Errno.EOWNERDEAD : Errno.EBADF
    if ((flags & EnterFlag.GETEVENTS) !== 0) this.ring.flushOverflow()
    if ((flags & EnterFlag.SQ_WAKEUP) !== 0) {
      this.poller.wake()
      return toSubmit
    }
    if (toSubmit === 0) return 0
    if (this.random.chance(this.faults.enterRefused)) return this.random.pick([Errno.EINTR, Errno.EAGAIN, Errno.EBUSY])
    try {
      return this.poller.submit(toSubmit)
    } catch (error) {
      // In the midst of the client's code, perhaps of a microtask: the run asks for it.
      this.violation ??= error
      return Errno.EAGAIN
    }
  }

  private register(opcode: number, argument: ArrayBufferView | null): number {
    if (this.lost) return Errno.EBADF
    if (argument === null) return Errno.EINVAL
    const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength)
    if (opcode === registerPbufRing) {
      this.groups.set(view.getUint16(12, true), new SimulatedGroup(this.memory, this.random, view))
      return 0
    }
    if (opcode === unregisterPbufRing) return this.groups.delete(view.getUint16(12, true)) ? 0 : Errno.ENOENT
    return opcode === RegisterOp.REGISTER_SYNC_CANCEL ? Errno.ENOENT : Errno.EINVAL
  }
}

function chainFrom(head: Request): Request[] {
  const chain: Request[] = []
  for (let request: Request | null = head; request !== null; request = request.next) chain.push(request)
  return chain
}

/** Without a kernel there would be system calls on threads: not here. */
class NoThreads implements Executor {
  constructor() {
    throw new Error('the simulated kernel has no Executor')
  }
  run(): void {}
  finished(): number {
    return 0
  }
  interrupt(): number {
    return 0
  }
  grow(): number {
    return 0
  }
  close(): void {}
}

const name = (request: Request): string => `request ${request.slot}:${request.generation} (opcode ${request.opcode})`

const wide = (entry: Int32Array, at: number): number => (entry[at]! >>> 0) + (entry[at + 1]! >>> 0) * 4294967296

function requestOf(entry: Int32Array): Request {
  const offset = wide(entry, 2)
  return {
    opcode: entry[0]! & 0xff,
    sqeFlags: (entry[0]! >>> 8) & 0xff,
    ioFlags: entry[0]! >>> 16,
    fd: entry[1]!,
    offset: offset >= 2 ** 63 ? -1 : offset,
    address: wide(entry, 4),
    length: entry[6]!,
    opFlags: entry[7]!,
    slot: entry[8]!,
    generation: entry[9]!,
    bufferGroup: entry[10]! & 0xffff,
    fileIndex: entry[11]!,
    owned: null,
    next: null,
    limit: null,
    phase: 'linked',
    stopWaiting: () => undefined,
  }
}
