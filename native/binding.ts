// The addon: its only loader and the declaration of everything it offers. Used by native/ and workers/, never above.
// Functions return the kernel's answer: a value, or -errno. Which file it is, addon-file.ts finds out.
import { loadAddon } from './addon-file.ts'
import type { AddonOrigin } from './addon-file.ts'
import { RingUnavailableError } from './errors.ts'

/** Runs a callback in the event loop of its thread whenever an eventfd is signalled. Starts unref'd. */
export interface EventWatcher {
  ref(): void
  unref(): void
  /** Stops watching and lets the callback go; the descriptor stays open. Safe to repeat. */
  close(): void
}

/** How a slice of the `worker` poller ended; see pollSlice. */
export const PollState = { sliceElapsed: 0, idle: 1, stopped: 2 } as const

/** Carries out system calls on threads of its own; its methods are for one thread, the one that made it. */
export interface Executor {
  /** Takes `count` calls of callNumbersEach numbers: job, number of the system call, six arguments. */
  run(calls: Float64Array, count: number): void
  /** Puts job and result of what is over into `results`, as many as fit; returns how many. */
  finished(results: Float64Array): number
  /** Stops a job: an Interrupted. */
  interrupt(job: number): number
  /** Sets how many threads there may be; returns how many calls wait for one. */
  grow(threadsMax: number): number
  /** Ends the threads, waits for them, and closes what it owns. Safe to repeat. */
  close(): void
}

/** What interrupt() found: a job that will never begin now; one that was under way, which may end with EINTR; or nothing. */
export const Interrupted = { removed: 0, signalled: 1, nothing: 2 } as const

/** Numbers that describe one call to Executor.run(). */
export const callNumbersEach = 8

/** System calls that the addon knows by name; `copy` is memcpy(3). */
export type CallName =
  | 'accept4'
  | 'bind'
  | 'clock_gettime'
  | 'close'
  | 'connect'
  | 'copy'
  | 'epoll_create1'
  | 'epoll_ctl'
  | 'epoll_pwait'
  | 'fadvise64'
  | 'fallocate'
  | 'fcntl'
  | 'fdatasync'
  | 'fgetxattr'
  | 'fsetxattr'
  | 'fsync'
  | 'ftruncate'
  | 'getpeername'
  | 'getsockname'
  | 'getsockopt'
  | 'getxattr'
  | 'ioctl'
  | 'linkat'
  | 'listen'
  | 'madvise'
  | 'mkdirat'
  | 'openat'
  | 'openat2'
  | 'pipe2'
  | 'ppoll'
  | 'preadv2'
  | 'pwritev2'
  | 'recvfrom'
  | 'recvmsg'
  | 'renameat2'
  | 'sendmsg'
  | 'sendto'
  | 'setsockopt'
  | 'setxattr'
  | 'shutdown'
  | 'socket'
  | 'splice'
  | 'statx'
  | 'symlinkat'
  | 'sync_file_range'
  | 'syncfs'
  | 'tee'
  | 'unlinkat'

/** What the addon reads of a client's slot table (workers/slots.ts) where its thread ends. */
export interface SlotColumns {
  readonly credits: Uint16Array
  readonly opcode: Uint8Array
  readonly descriptors: Int32Array
  readonly tag: Int32Array
}

export interface NativeBinding {
  /** Every struct offset, size and constant as compiled, by name. */
  table(): Record<string, number>
  /** The address of a view's first byte. The view's buffer must be kept alive while the address is used. */
  addressOf(view: ArrayBufferView): number
  /**
   * io_uring_setup(2); `params` is a struct io_uring_params, read and written. Returns the descriptor, which the control
   * block owns from the first moment on.
   */
  setup(entries: number, params: Uint8Array, control: Uint8Array): number
  /** io_uring_enter(2). */
  enter(fd: number, toSubmit: number, minComplete: number, flags: number): number
  /** io_uring_register(2) with a view's bytes, or NULL, as argument. */
  register(fd: number, opcode: number, argument: ArrayBufferView | null, count: number): number
  eventfd(): number
  signal(eventFd: number): number
  closeFd(fd: number): number
  /** mmap(2) of a part of a ring's memory (a MapOffset); its address and size are put into the control block. Returns 0. */
  map(control: Uint8Array, sizeBytes: number, offsetBytes: number): number
  /** An external ArrayBuffer over a mapping, which it does not own: detach it before the ring is released. */
  view(address: number, sizeBytes: number): ArrayBuffer
  detach(buffer: ArrayBuffer): void
  /** The CPUs this thread may run on. */
  affinity(): number[]
  setAffinity(cpus: readonly number[]): number
  /** gettid(2). */
  threadId(): number
  /**
   * Counts this thread in as a holder of the ring. A client passes the ring's words and offsets (cqHead, cqTail, cqMask,
   * cqes, sqHead, sqTail), so that its requests can be brought to rest should its environment end, and its slots. Returns the hold.
   */
  hold(
    control: Uint8Array,
    words: Int32Array | null,
    offsets: Int32Array | null,
    sqpoll: boolean,
    slots?: SlotColumns,
  ): number
  /** Lets a hold go; true when it was the last and the descriptors and mappings were closed with it. */
  release(hold: number): boolean
  /** Descriptors to be closed when this thread ends, a byte for each that is not 0; the last view that was given counts. */
  ownDescriptors(owned: Uint8Array): void
  Watcher: new (eventFd: number, callback: () => void) => EventWatcher
  /**
   * Threads for system calls, at first `threads` at most. What finishes signals `eventFd`. `owned`: descriptors closed with it.
   * `journal`: by job, how far it is: NaN while it waits for a thread, Infinity while one has it, then its result.
   */
  Executor: new (eventFd: number, threads: number, owned: Int32Array, journal?: Float64Array) => Executor
  /** Any system call, here and now: for those that do not wait. Numbers are callNumbers()'. Returns a value or -errno. */
  call(number: number, a: number, b: number, c: number, d: number, e: number, f: number): number
  /** System calls by name, as numbered on this architecture. */
  callNumbers(): Record<CallName, number>
  /**
   * One time slice of the `worker` poller. Returns enterCalls * 4 + PollState, or -errno. After `idle` NEED_WAKEUP is set
   * and the next slice clears it.
   */
  pollSlice(
    ringFd: number,
    words: Int32Array,
    sqHead: number,
    sqTail: number,
    sqFlags: number,
    control: Uint8Array,
    sliceNs: number,
    spinNs: number,
  ): number
}

let loaded: NativeBinding | undefined
let failure: RingUnavailableError | undefined
let origin: AddonOrigin | undefined

/**
 * Puts `addon` in the place of the compiled one, for this thread; returns how to undo it. The seam of the simulated kernel
 * (test/simulation): whatever asks for the addon from then on has it, and the hot path, which asks once, pays nothing.
 */
export function substituteBinding(addon: NativeBinding): () => void {
  const before = loaded
  loaded = addon
  return () => {
    loaded = before
  }
}

/**
 * The addon, loaded once per thread (and compiled first where install scripts were skipped).
 * @throws RingUnavailableError with reason `platform` or `addon`, the same one each time; `descriptors` while there are none
 */
export function binding(): NativeBinding {
  if (loaded !== undefined) return loaded
  if (failure !== undefined) throw failure
  try {
    const found = loadAddon()
    origin = found.origin
    loaded = found.exports as NativeBinding
    return loaded
  } catch (error) {
    // What a program is short of it may have later: that is tried again.
    if (error instanceof RingUnavailableError && error.reason !== 'descriptors') failure = error
    throw error
  }
}

/** Why there is no addon, or null; loads it to find out. */
export function addonFailure(): RingUnavailableError | null {
  if (failure !== undefined) return failure
  try {
    binding()
    return null
  } catch (error) {
    if (error instanceof RingUnavailableError) return error
    throw error
  }
}

/** Where this thread's addon came from, and if there is none, why; loads it to find out. */
export function addonOrigin(): AddonOrigin {
  const none = addonFailure()
  // Without a failure and without an origin it was put in place by substituteBinding().
  return origin ?? { origin: 'none', path: '', reason: none?.detail ?? 'something else is in its place' }
}
