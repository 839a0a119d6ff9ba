// What waits until a descriptor is ready: pipes, sockets, terminals. Each request watches a duplicate of its own, so that closing
// or reusing the number elsewhere changes nothing for it, as io_uring holds the file and not its number. One epoll descriptor
// for the ring, itself watched by the worker's event loop. Used by the engine of the `threadpool` poller.
import type { CallName } from '../../native/binding.ts'
import type { Kit, Request } from './request.ts'

const EPERM = -1
const F_DUPFD_CLOEXEC = 1030
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3
const EPOLLONESHOT = 1 << 30
const EPOLLET = 1 << 31
/** struct epoll_event is packed on x86-64 and nowhere else. */
const packed = process.arch === 'x64'
const eventBytes = packed ? 12 : 16
const eventDataAt = packed ? 4 : 8
const eventsMax = 64
const signalSetBytes = 8

export interface ReadinessParts {
  readonly epollFd: number
  /** For each request's number its duplicate, closed when this thread ends. */
  readonly owned: Int32Array
  readonly calls: Readonly<Record<CallName, number>>
  readonly now: Kit['now']
  readonly closeFd: (fd: number) => void
  readonly addressOf: (view: ArrayBufferView) => number
}

export class Readiness {
  /** What watch() says of a file, which is always ready and has no readiness. */
  readonly notPollable: number = EPERM
  private readonly parts: ReadinessParts
  /** struct pollfd, a struct timespec of zero, then struct epoll_event[eventsMax]. */
  private readonly memory = new DataView(new ArrayBuffer(24 + eventsMax * eventBytes))
  private readonly address: number

  constructor(parts: ReadinessParts) {
    this.parts = parts
    this.address = parts.addressOf(this.memory)
  }

  /** poll(2) without waiting: which of `events` hold, or -errno. */
  now(fd: number, events: number): number {
    const { calls, now } = this.parts
    this.memory.setInt32(0, fd, true)
    this.memory.setUint16(4, events & 0xffff, true)
    this.memory.setUint16(6, 0, true)
    const count = now(calls.ppoll, this.address, 1, this.address + 8, 0, signalSetBytes)
    return count < 0 ? count : this.memory.getUint16(6, true)
  }

  /** 0, or -errno. */
  watch(request: Request, events: number, edge: boolean): number {
    const { calls, now, owned, epollFd } = this.parts
    const again = request.waitFd >= 0
    if (!again) {
      const duplicate = now(calls.fcntl, request.fd, F_DUPFD_CLOEXEC, 0)
      if (duplicate < 0) return duplicate
      owned[request.job] = request.waitFd = duplicate
    }
    // Telling epoll once more would announce what was announced.
    if (again && edge && request.watchedEvents === events) return 0
    request.watchedEvents = edge ? events : 0
    const event = this.address + 24
    this.memory.setUint32(24, (events | (edge ? EPOLLET : EPOLLONESHOT)) >>> 0, true)
    this.memory.setUint32(24 + eventDataAt, request.job, true)
    this.memory.setUint32(28 + eventDataAt, 0, true)
    const failed = now(calls.epoll_ctl, epollFd, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, request.waitFd, event)
    if (failed < 0) this.unwatch(request)
    return failed
  }

  unwatch(request: Request): void {
    const { waitFd } = request
    if (waitFd < 0) return
    const { calls, now, epollFd } = this.parts
    // Closing is not enough: epoll watches the file until its last descriptor is closed, and others have it too.
    now(calls.epoll_ctl, epollFd, EPOLL_CTL_DEL, waitFd, this.address + 24)
    request.waitFd = -1
    this.parts.owned[request.job] = -1
    this.parts.closeFd(waitFd)
  }

  /** Calls back with the number of each request whose descriptor is ready. */
  drain(ready: (job: number) => void): void {
    const { calls, now, epollFd } = this.parts
    for (;;) {
      const count = now(calls.epoll_pwait, epollFd, this.address + 24, eventsMax, 0, 0, signalSetBytes)
      const jobs = Array.from({ length: Math.max(0, count) }, (_, index) =>
        this.memory.getUint32(24 + index * eventBytes + eventDataAt, true),
      )
      jobs.forEach(ready)
      if (count < eventsMax) return
    }
  }
}
