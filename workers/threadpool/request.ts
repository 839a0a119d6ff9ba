// One request of the `threadpool` poller: a copy of its SQE, and how far it has come; and what the calls (calls/*.ts) may ask of
// the poller. Requests are made once and used again and again.
//
//   free ─► linked ─► ready ─► executing (a thread has it) ──► free
//             │         └────► waiting (readiness, time) ─┘
//             └► deferred (behind a drain)
import type { CallName } from '../../native/binding.ts'
import type { DirectDescriptors } from './direct-descriptors.ts'

export const RequestState = { free: 0, linked: 1, deferred: 2, ready: 3, waiting: 4, executing: 5 } as const
export type RequestState = (typeof RequestState)[keyof typeof RequestState]

/** Bytes of memory each request has for structs that its system calls need. */
export const scratchBytes = 64

const number64 = (low: number, high: number): number => high * 4294967296 + (low >>> 0)

export class Request {
  /** Its number, for the executor and for epoll. */
  readonly job: number
  readonly words: Int32Array = new Int32Array(16)
  /** Where its scratch memory is, for the kernel and for us. */
  readonly scratchAddress: number
  readonly scratch: DataView
  state: RequestState = RequestState.free
  /** The next one of its chain. */
  next: Request | null = null
  /** The descriptor that its calls use: the process's own number, also for a direct descriptor. */
  fd = -1
  /** The direct descriptor in use, or -1. */
  directIndex = -1
  /** A duplicate that is watched for readiness, or -1. */
  waitFd = -1
  /** Bytes that moved in earlier attempts. */
  moved = 0
  cancelled = false
  /** What comes after it waits for it (a drain). */
  barrier = false
  /** Events that its duplicate is watched for, while edges count. */
  watchedEvents = 0
  /** How many completions it has still to see or to post; a timeout's. */
  countdown = 0
  /** When it is due, in performance.now() time. */
  dueMs = 0
  timer: NodeJS.Timeout | null = null
  /** The link timeout that limits it, while armed. */
  limit: Request | null = null
  /** What to do when its system call is over. */
  onDone: Done = finishWith

  constructor(job: number, scratch: DataView, scratchAddress: number) {
    this.job = job
    this.scratch = scratch
    this.scratchAddress = scratchAddress
  }

  get opcode(): number {
    return this.words[0]! & 0xff
  }
  get sqeFlags(): number {
    return (this.words[0]! >>> 8) & 0xff
  }
  get ioFlags(): number {
    return this.words[0]! >>> 16
  }
  get sqeFd(): number {
    return this.words[1]!
  }
  /** `off`, `addr2`: exact up to 2^53, -1 as such. */
  get offset(): number {
    return number64(this.words[2]!, this.words[3]!)
  }
  get address(): number {
    return number64(this.words[4]!, this.words[5]!)
  }
  get length(): number {
    return this.words[6]! >>> 0
  }
  get opFlags(): number {
    return this.words[7]!
  }
  get fileIndex(): number {
    return this.words[11]!
  }
  get address3(): number {
    return number64(this.words[12]!, this.words[13]!)
  }
  /** The descriptor for system calls: once it has waited, its duplicate. */
  get callFd(): number {
    return this.waitFd >= 0 ? this.waitFd : this.fd
  }

  reset(): void {
    this.state = RequestState.free
    this.next = this.limit = null
    this.fd = this.directIndex = this.waitFd = -1
    this.moved = this.countdown = this.dueMs = 0
    this.cancelled = this.barrier = false
    this.watchedEvents = 0
    this.timer = null
    this.onDone = finishWith
  }
}

/** What happens with the result of a system call that a thread carried out. */
export type Done = (request: Request, kit: Kit, result: number) => void

/** Begins a request, and begins it again when what it waited for is ready. Ends with finish(), execute() or wait(). */
export type Call = (request: Request, kit: Kit) => void

const finishWith: Done = (request, kit, result) => {
  kit.finish(request, result)
}

/** What the poller offers to calls. */
export interface Kit {
  readonly calls: Readonly<Record<CallName, number>>
  readonly direct: DirectDescriptors
  /** Memory for structs of calls that are over at once. */
  readonly buffer: DataView
  readonly bufferAddress: number
  /** A system call that does not wait, at once. */
  now(number: number, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number): number
  /** From now on nobody knows whether the request was carried out, until it is handed to a thread or over: see Journal. */
  attempted(request: Request): void
  /** A system call on a thread; its result goes to `request.onDone`. */
  execute(
    request: Request,
    number: number,
    a?: number,
    b?: number,
    c?: number,
    d?: number,
    e?: number,
    f?: number,
  ): void
  /** The last completion of a request. */
  finish(request: Request, result: number, cqeFlags?: number): void
  /** A completion that is not the last one. */
  shot(request: Request, result: number): void
  /**
   * Begins the request again when its descriptor is ready for `events`; `edge`: only at changes. False: it has no readiness (a
   * file), and nothing happened; a request that cannot be watched for another reason is finished.
   */
  wait(request: Request, events: number, edge?: boolean): boolean
  /** Which of `events` a descriptor is ready for now. */
  ready(fd: number, events: number): number
  /** Whether a descriptor is a file on a disk or the disk itself: always ready, and slow. */
  isDisk(fd: number): boolean
  /** The request that was submitted with this user_data and is not over. */
  find(userDataLow: number, userDataHigh: number): Request | null
  /** Requests that have begun and are not over. */
  begun(): Request[]
  /** 0: it is over; -EALREADY: a thread is at it and was interrupted. */
  cancel(request: Request): number
  /** Begins a request again when `dueMs` has come (performance.now() time). */
  sleepUntil(request: Request, dueMs: number): void
  /** Finishes a timeout with 0 once `count` more completions were posted. */
  countCompletions(request: Request, count: number): void
  /** The link timeout with this user_data that limits a request, or null. */
  findLimit(userDataLow: number, userDataHigh: number): Request | null
  /** A new time for it. */
  limitUntil(limit: Request, dueMs: number): void
}
