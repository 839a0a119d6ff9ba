// What a model of an operation is, and what the simulated kernel offers it. Implemented by operations/*.ts and by kernel.ts;
// a new operation is a new entry in one of those files, or a new file listed in operations/index.ts.
import type { Memory, Owned } from './memory.ts'
import type { Random } from './random.ts'
import type { VirtualTime } from './virtual-time.ts'
import type { World } from './world.ts'

/** An entry that was consumed, until its last CQE. */
export interface Request {
  readonly slot: number
  readonly generation: number
  readonly opcode: number
  readonly sqeFlags: number
  readonly ioFlags: number
  readonly fd: number
  readonly offset: number
  readonly address: number
  readonly length: number
  readonly opFlags: number
  readonly bufferGroup: number
  readonly fileIndex: number
  /** What it may write. */
  owned: Owned | null
  /** The entry that is linked to this one. */
  next: Request | null
  /** The timeout that limits this one, once it has started. */
  limit: Request | null
  /** linked, deferred: cancellation does not find it. waiting: it can be cancelled. running: perhaps. */
  phase: 'linked' | 'deferred' | 'running' | 'waiting' | 'over'
  /** Takes it away from what it waits for. */
  stopWaiting: () => void
}

/** A request as a set knows it. */
export const nameOf = ({ slot, generation }: Pick<Request, 'slot' | 'generation'>): string => `${slot}:${generation}`

/** How often what goes wrong goes wrong, from 0 to 1; drawn anew for each run. */
export interface Faults {
  readonly short: number
  readonly failed: number
  /** Completed in the same breath as consumed. */
  readonly inline: number
  readonly endedAtShot: number
  readonly enterRefused: number
  readonly duplicate: number
  /** Not found by a cancellation although it is there. */
  readonly transit: number
  /** The CQ is taken for full. */
  readonly overflow: number
}

/** A group of provided buffers, as the kernel sees it. */
export interface BufferGroup {
  /** Takes a buffer and fills it with at most `wantedBytes`; null when there is none. */
  fill(wantedBytes: number, write: (bytes: Uint8Array) => void): { bytes: number; cqeFlags: number } | null
}

export interface Kernel {
  readonly memory: Memory
  readonly random: Random
  readonly faults: Faults
  readonly world: World
  readonly time: VirtualTime
  /** Everything between its entry and its last CQE. */
  readonly live: ReadonlySet<Request>
  group(id: number): BufferGroup | null
  /** Posts the last CQE, lets go of the request's memory, and goes on with what is linked to it. */
  complete(request: Request, result: number, cqeFlags?: number): void
  /** Posts a CQE that others follow. False when there is no room: then this one must be the last. */
  shot(request: Request, result: number, cqeFlags: number): boolean
  /** Posts a CQE that another one follows, come what may. */
  first(request: Request, result: number, cqeFlags: number): void
  /** Posts a CQE with these words of user_data to the ring that `fd` is: to itself, there is no other. 0, or -EBADFD. */
  message(fd: number, low: number, high: number, result: number): number
  /** Has `run` happen at some later step, if the request is not over by then; meanwhile it is `running`. */
  later(request: Request, run: () => void): void
  /** The request waits for something to happen; `stop` takes it away from there. */
  wait(request: Request, stop: () => void): void
  /** As io_try_cancel(): 0, -ENOENT or -EALREADY. */
  tryCancel(request: Request): number
}

export interface OperationModel {
  /** Bytes from `address` that the kernel may write to. */
  writes?(request: Request): { address: number; sizeBytes: number } | null
  /** -errno where the entry is refused as it is read. */
  prepare?(kernel: Kernel, request: Request): number
  issue(kernel: Kernel, request: Request): void
  /** Whether fewer bytes than asked for cut a link. */
  readonly shortFails?: boolean
}

export const Errno = {
  EPERM: -1,
  ENOENT: -2,
  EINTR: -4,
  EIO: -5,
  EBADF: -9,
  EBADFD: -77,
  EAGAIN: -11,
  EBUSY: -16,
  EINVAL: -22,
  EMFILE: -24,
  ENOSPC: -28,
  ETIME: -62,
  ENOBUFS: -105,
  EALREADY: -114,
  ECANCELED: -125,
  EOWNERDEAD: -130,
} as const
