// The addon in plain JavaScript, for platforms without io_uring and machines where the addon cannot be had: files by node:fs, and what the
// `threadpool` poller needs to run in the client's own thread. Put in the addon's place by Ringmaster.start(); there is no ring in any kernel.
import { closeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { Statx } from '../abi.ts'
import { substituteBinding } from '../binding.ts'
import type { CallName, EventWatcher, Executor, NativeBinding } from '../binding.ts'
import { Control } from '../layout.ts'
import { PlainCalls } from './calls.ts'
import type { PlainCall } from './calls.ts'
import { errnoOf } from './errno.ts'
import { PlainEvents, PlainWatcher } from './events.ts'
import { PlainJobs } from './jobs.ts'
import { PlainMemory } from './memory.ts'

const EAGAIN = -11
const EFAULT = -14
const ENOSYS = -38
const S_IFREG = 0x8000
const CLOCK_REALTIME = 0

/** Every name that the poller may look up; what node:fs has is in calls.ts, what is over at once in now(). */
const names: readonly CallName[] = [
  ...(['accept4', 'bind', 'clock_gettime', 'close', 'connect', 'copy', 'epoll_create1', 'epoll_ctl'] as const),
  ...(['epoll_pwait', 'fadvise64', 'fallocate', 'fcntl', 'fdatasync', 'fgetxattr', 'fsetxattr', 'fsync'] as const),
  ...(['ftruncate', 'getpeername', 'getsockname', 'getsockopt', 'getxattr', 'ioctl', 'linkat', 'listen'] as const),
  ...(['madvise', 'mkdirat', 'openat', 'openat2', 'pipe2', 'ppoll', 'preadv2', 'pwritev2', 'recvfrom'] as const),
  ...(['recvmsg', 'renameat2', 'sendmsg', 'sendto', 'setsockopt', 'setxattr', 'shutdown', 'socket'] as const),
  ...(['splice', 'statx', 'symlinkat', 'sync_file_range', 'syncfs', 'tee', 'unlinkat'] as const),
]
const numbers = Object.fromEntries(names.map((name, number) => [name, number])) as Record<CallName, number>

const unsupported: PlainCall = (_args, done) => {
  done(ENOSYS)
}

let inUse = false

/** Whether this thread does without the addon. */
export function isPlain(): boolean {
  return inUse
}

/** From now on, for this thread: no addon. */
export function usePlain(): void {
  if (inUse) return
  substituteBinding(plainBinding())
  inUse = true
}

function plainBinding(): NativeBinding {
  const memory = new PlainMemory()
  const events = new PlainEvents()
  const calls = new PlainCalls(memory)
  const byNumber = names.map((name) => calls.byName[name] ?? unsupported)
  const holds = new Map<number, Int32Array>()
  let nextHold = 1

  const closeFd = (fd: number): number => {
    if (events.close(fd)) return 0
    calls.closed(fd)
    try {
      closeSync(fd)
      return 0
    } catch (error) {
      return errnoOf(error)
    }
  }

  /** Calls that the poller makes for itself and that are over at once. */
  const now = (name: CallName | undefined, a: number, b: number, c: number, e: number): number => {
    switch (name) {
      case 'copy': {
        const from = memory.bytes(b, c)
        const to = memory.bytes(a, c)
        if (from === null || to === null) return EFAULT
        from.copy(to)
        return 0
      }
      case 'clock_gettime':
        return putTime(memory.bytes(b, 16), a === CLOCK_REALTIME)
      case 'epoll_create1':
        return events.create() // never ready: everything is treated as a disk
      case 'fcntl':
        return 0
      // Only asked whether a descriptor is a disk: all of them are what libuv's threads can wait for.
      case 'statx':
        memory.bytes(e, Statx.sizeBytes)?.writeUInt16LE(S_IFREG, Statx.stx_mode)
        return 0
      // An attempt that must not wait is one that node:fs cannot make.
      case 'preadv2':
      case 'pwritev2':
        return EAGAIN
      default:
        return ENOSYS
    }
  }

  return {
    Watcher: class implements EventWatcher {
      private readonly watcher: PlainWatcher
      constructor(eventFd: number, callback: () => void) {
        this.watcher = new PlainWatcher(events, eventFd, callback)
      }
      ref(): void {
        this.watcher.ref()
      }
      unref(): void {
        this.watcher.unref()
      }
      close(): void {
        this.watcher.close()
      }
    },
    Executor: class extends PlainJobs implements Executor {
      constructor(eventFd: number, _threads: number, owned: Int32Array) {
        const parts = {
          callOf: (number: number) => byNumber[number] ?? unsupported,
          signal: () => void events.signal(eventFd),
          closeFd: (fd: number) => void closeFd(fd),
          opens: (number: number) => number === numbers.openat || number === numbers.openat2,
        }
        super(parts, owned)
      }
    },
    addressOf: (view) => memory.addressOf(view),
    affinity: () => Array.from({ length: availableParallelism() }, (_, cpu) => cpu),
    call: (number, a, b, c, _d, e) => now(names[number], a, b, c, e),
    callNumbers: () => numbers,
    closeFd,
    detach: () => undefined,
    enter: () => ENOSYS,
    eventfd: () => events.create(),
    hold: (control) => {
      const words = new Int32Array(control.buffer, control.byteOffset, Control.sizeBytes >> 2)
      Atomics.add(words, Control.refs >> 2, 1)
      holds.set(nextHold, words)
      return nextHold++
    },
    map: () => ENOSYS,
    ownDescriptors: () => undefined, // node:fs closes what a thread leaves open
    pollSlice: () => ENOSYS,
    register: () => ENOSYS,
    release: (hold) => {
      const words = holds.get(hold)
      if (words === undefined) return false
      holds.delete(hold)
      if (Atomics.sub(words, Control.refs >> 2, 1) > 1) return false
      for (const field of [Control.event_fd, Control.wake_fd]) events.close(words[field >> 2]!)
      return true
    },
    setAffinity: () => ENOSYS,
    setup: () => ENOSYS,
    signal: (eventFd) => events.signal(eventFd),
    table: () => ({}),
    threadId: () => (isMainThread ? process.pid : 0),
    view: () => new ArrayBuffer(0),
  }
}

/** struct timespec of a clock; without that of the machine's start, which node knows none of, the monotonic one. */
function putTime(bytes: Buffer | null, real: boolean): number {
  if (bytes === null) return EFAULT
  const timeNs = real ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint()
  bytes.writeBigInt64LE(timeNs / 1_000_000_000n, 0)
  bytes.writeBigInt64LE(timeNs % 1_000_000_000n, 8)
  return 0
}
