// The `threadpool` poller's engine: takes SQEs, keeps links and drains, begins requests, posts completions. Driven by poller.ts;
// what each opcode does is in calls/*.ts. Everything runs in the ring worker's thread; only system calls run elsewhere.
import { At, CqeFlag, Op, SqeFlag, Statx } from '../../native/abi.ts'
import { Interrupted } from '../../native/binding.ts'
import type { CallName } from '../../native/binding.ts'
import type { RingConsumer } from '../../native/user-ring.ts'
import { chainLength, isDrained, overtakes, refusals } from './chains.ts'
import { Completions } from './completions.ts'
import { Deadlines } from './deadlines.ts'
import type { DirectDescriptors } from './direct-descriptors.ts'
import type { JobThreads } from './job-threads.ts'
import { singleCalls } from './journal.ts'
import type { Journal } from './journal.ts'
import type { Readiness } from './readiness.ts'
import { RequestState } from './request.ts'
import type { Call, Kit, Request } from './request.ts'
import type { RequestTable } from './request-table.ts'
import { failsChain } from './link-failures.ts'

const EBADF = -9
const EINTR = -4
const EALREADY = -114
const ECANCELED = -125
const EOPNOTSUPP = -95

/** With AT_STATX_DONT_SYNC: a kind never changes, and asking a server for it (NFS, FUSE) would hold up the ring. */
const kindOnly = At.EMPTY_PATH | 0x4000
/** STATX_TYPE, and what stx_mode then says. */
const statxType = 1
const kindMask = 0xf000
const regularFile = 0x8000
const blockDevice = 0x6000

/** Entries taken before those begun are posted, so that the client settles the first while the next are worked on. */
const takeMax = 64

export interface EngineParts {
  readonly consumer: RingConsumer
  readonly requests: RequestTable
  /** For whoever comes after a death of this thread. */
  readonly journal: Journal
  readonly threads: JobThreads
  readonly readiness: Readiness
  readonly direct: DirectDescriptors
  readonly rows: ReadonlyMap<number, Call>
  readonly calls: Readonly<Record<CallName, number>>
  readonly buffer: DataView
  readonly bufferAddress: number
  /** A NUL, for calls that take a descriptor and an empty path. */
  readonly emptyPathAddress: number
  readonly now: Kit['now']
  /** Wakes the client, who sleeps. */
  readonly signalClient: () => void
}

export class Engine implements Kit {
  readonly calls: Kit['calls']
  readonly direct: DirectDescriptors
  readonly buffer: DataView
  readonly bufferAddress: number
  readonly now: Kit['now']
  private readonly parts: EngineParts
  private readonly deadlines: Deadlines
  private readonly readyList: Request[] = []
  /** Chains that have not begun, and how many requests they are. */
  private readonly deferred: Request[] = []
  private deferredCount = 0
  /** Requests under way that everything after them waits for. */
  private barriers = 0
  private readonly completions: Completions
  /** Timeouts that a number of completions ends. */
  private readonly counting = new Set<Request>()

  constructor(parts: EngineParts) {
    this.parts = parts
    this.completions = new Completions(parts.consumer)
    this.calls = parts.calls
    this.direct = parts.direct
    this.buffer = parts.buffer
    this.bufferAddress = parts.bufferAddress
    this.now = parts.now
    this.deadlines = new Deadlines(this, () => this.turn())
  }

  /** Takes what was published, begins it, and posts what is over; true: entries are left. */
  turn(): boolean {
    const { consumer, threads } = this.parts
    this.completions.flush()
    for (let taken = 0; taken < takeMax && this.takeChain(); taken++);
    consumer.release()
    this.beginReady()
    threads.flush()
    if (consumer.publish()) this.parts.signalClient()
    return consumer.available() > 0 && this.parts.requests.available > 0
  }

  /** Whether anything is under way. */
  get busy(): boolean {
    return this.parts.requests.inUse > 0
  }

  private takeChain(): boolean {
    const { consumer, requests } = this.parts
    let head: Request | null = null
    let last: Request | null = null
    while (consumer.available() > 0 && requests.available > 0) {
      const request = requests.claim()
      consumer.take(request.words)
      request.state = RequestState.linked
      this.parts.journal.untouched(request.words[8]!)
      if (last === null) head = request
      else last.next = request
      last = request
      if ((request.sqeFlags & (SqeFlag.IO_LINK | SqeFlag.IO_HARDLINK)) === 0) break
    }
    if (head === null) return false
    if (refusals(head, this.parts.rows).length > 0) this.refuseChain(head)
    else if (overtakes(head)) this.makeReady(head)
    else {
      head.state = RequestState.deferred
      this.deferred.push(head)
      this.deferredCount += chainLength(head)
      this.releaseDeferred()
    }
    return true
  }

  /** A chain with an entry that cannot be begun is not begun at all, as in the kernel. */
  private refuseChain(head: Request): void {
    const results = refusals(head, this.parts.rows)
    let request: Request | null = head
    for (const result of results) {
      const next: Request | null = request?.next ?? null
      if (request !== null) this.close(request, result, 0)
      request = next
    }
  }

  /** Chains begin in their order: one with a drain when all before it are over, and all after it when it is. */
  private releaseDeferred(): void {
    while (this.deferred.length > 0 && this.barriers === 0) {
      const head = this.deferred[0]!
      const drained = isDrained(head)
      if (drained && this.parts.requests.inUse > this.deferredCount) return
      this.deferred.shift()
      this.deferredCount -= chainLength(head)
      if (drained) this.raiseBarrier(head)
      this.makeReady(head)
    }
  }

  private raiseBarrier(head: Request): void {
    for (let request: Request | null = head; request !== null; request = request.next) {
      request.barrier = true
      this.barriers++
    }
  }

  /** Its turn has come: for the first time, or again. */
  makeReady(request: Request): void {
    request.state = RequestState.ready
    this.readyList.push(request)
  }

  private beginReady(): void {
    for (;;) {
      for (let index = 0; index < this.readyList.length; index++) this.begin(this.readyList[index]!)
      this.readyList.length = 0
      this.releaseDeferred()
      if (this.readyList.length === 0) return
    }
  }

  private begin(request: Request): void {
    if (request.state !== RequestState.ready) return // cancelled meanwhile
    if (request.cancelled) {
      this.finish(request, ECANCELED)
      return
    }
    if ((request.sqeFlags & SqeFlag.BUFFER_SELECT) !== 0) {
      this.finish(request, EOPNOTSUPP)
      return
    }
    if (request.fd < 0 && !this.resolveDescriptor(request)) return
    if (request.next?.opcode === Op.LINK_TIMEOUT) this.deadlines.arm(request, request.next)
    if (!singleCalls.has(request.opcode)) this.attempted(request)
    this.parts.rows.get(request.opcode)!(request, this)
  }

  private resolveDescriptor(request: Request): boolean {
    if ((request.sqeFlags & SqeFlag.FIXED_FILE) === 0) {
      request.fd = request.sqeFd
      return true
    }
    request.fd = this.direct.use(request.sqeFd)
    if (request.fd >= 0) {
      request.directIndex = request.sqeFd
      return true
    }
    request.fd = -1
    this.finish(request, EBADF)
    return false
  }

  execute(request: Request, number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): void {
    request.state = RequestState.executing
    // What has moved before would be missing from the result.
    if (request.moved === 0) this.parts.journal.handedOver(request.words[8]!, request.job)
    this.parts.threads.add(request.job, number, a, b, c, d, e, f)
  }

  attempted(request: Request): void {
    this.parts.journal.begun(request.words[8]!)
  }

  /** A thread is done with a request. */
  executed(job: number, result: number): void {
    const request = this.parts.requests.at(job)
    if (request?.state !== RequestState.executing) return
    request.state = RequestState.ready
    // Its result stands in the journal, unless that is only the last of several, or a descriptor that a table takes.
    if (!singleCalls.has(request.opcode) || request.moved > 0 || request.fileIndex !== 0) this.attempted(request)
    if (result === EINTR && !request.cancelled) this.begin(request)
    else request.onDone(request, this, result === EINTR ? ECANCELED : result)
  }

  /** A descriptor is ready that a request waits for. */
  becameReady(job: number): void {
    const request = this.parts.requests.at(job)
    if (request?.state === RequestState.waiting && request.waitFd >= 0) this.makeReady(request)
  }

  wait(request: Request, events: number, edge = false): boolean {
    const { readiness } = this.parts
    const failed = readiness.watch(request, events, edge)
    if (failed === 0) {
      request.state = RequestState.waiting
      if (request.moved === 0) this.parts.journal.untouched(request.words[8]!)
    } else if (failed === readiness.notPollable) return false
    else this.finish(request, failed)
    return true
  }

  ready(fd: number, events: number): number {
    return this.parts.readiness.now(fd, events)
  }

  isDisk(fd: number): boolean {
    const { bufferAddress, emptyPathAddress } = this.parts
    const failed = this.now(this.calls.statx, fd, emptyPathAddress, kindOnly, statxType, bufferAddress)
    const kind = this.buffer.getUint16(Statx.stx_mode, true) & kindMask
    return failed === 0 && (kind === regularFile || kind === blockDevice)
  }

  sleepUntil(request: Request, dueMs: number): void {
    this.parts.journal.untouched(request.words[8]!)
    this.deadlines.sleepUntil(request, dueMs)
  }

  countCompletions(request: Request, count: number): void {
    request.countdown = count
    this.counting.add(request)
  }

  limitUntil(limit: Request, dueMs: number): void {
    this.deadlines.limitUntil(limit, dueMs)
  }

  findLimit(userDataLow: number, userDataHigh: number): Request | null {
    return this.deadlines.find(userDataLow, userDataHigh)
  }

  find(userDataLow: number, userDataHigh: number): Request | null {
    const matches = ({ words }: Request): boolean => words[8] === userDataLow && words[9] === userDataHigh
    return this.begun().find(matches) ?? null
  }

  begun(): Request[] {
    return this.parts.requests.used().filter(({ state }) => state >= RequestState.ready)
  }

  cancel(request: Request): number {
    if (request.state !== RequestState.executing) {
      this.finish(request, ECANCELED)
      return 0
    }
    request.cancelled = true
    this.parts.threads.flush()
    if (this.parts.threads.interrupt(request.job) !== Interrupted.removed) return EALREADY
    request.state = RequestState.ready
    request.onDone(request, this, ECANCELED)
    return 0
  }

  finish(request: Request, result: number, cqeFlags = 0): void {
    const { next } = request
    let rest = this.deadlines.disarm(next, result)
    const goesOn = !failsChain(request, result) || (request.sqeFlags & SqeFlag.IO_HARDLINK) !== 0
    this.close(request, result, cqeFlags)
    if (rest === null) return
    if (goesOn) {
      this.makeReady(rest)
      return
    }
    while (rest !== null) {
      const following: Request | null = rest.next
      this.close(rest, ECANCELED, 0)
      rest = following
    }
  }

  /** Posts the last completion and lets the request go. */
  close(request: Request, result: number, cqeFlags: number): void {
    const { readiness, requests } = this.parts
    readiness.unwatch(request)
    if (request.directIndex >= 0) this.direct.unuse(request.fd)
    clearTimeout(request.timer ?? undefined)
    this.counting.delete(request)
    if (request.barrier) this.barriers--
    this.parts.journal.over(request.words[8]!, result)
    this.post(request, result, cqeFlags)
    requests.release(request)
  }

  shot(request: Request, result: number): void {
    this.post(request, result, CqeFlag.MORE)
  }

  // A number of completions ends some timeouts; those of timeouts do not count.
  private post({ words, opcode }: Request, result: number, cqeFlags: number): void {
    this.completions.post(words[8]!, words[9]!, result, cqeFlags)
    if (opcode === Op.TIMEOUT || this.counting.size === 0) return
    for (const request of [...this.counting]) {
      if (--request.countdown === 0) this.finish(request, 0)
    }
  }
}
