// The `threadpool` poller: this thread consumes the SQ and carries entries out with ordinary system calls. Used by the ring worker,
// where io_uring is denied or missing. It sleeps in its event loop: what wakes it are the client (an eventfd), threads that are
// done (another), descriptors that are ready (an epoll descriptor), and timers.
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { kernelError } from '../../native/errors.ts'
import { Control, Stop, leasedDescriptors } from '../../native/layout.ts'
import { isPlain } from '../../native/plain/binding.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { RingConsumer } from '../../native/user-ring.ts'
import { WorkerCounter } from '../../metrics/ring-metrics.ts'
import type { RingMetrics } from '../../metrics/ring-metrics.ts'
import { calls as rows, plainCalls } from './calls/index.ts'
import { DirectDescriptors } from './direct-descriptors.ts'
import { Engine } from './engine.ts'
import { JobThreads } from './job-threads.ts'
import type { Journal } from './journal.ts'
import { Readiness } from './readiness.ts'
import { RequestTable } from './request-table.ts'
import type { Kit } from './request.ts'

/** How long this thread works on before its timers and control calls have their turn. */
const sliceMs = 5
/** Threads for files: as many as libuv has, or as there are CPUs. */
const threadsMin = 4
/** EPOLL_CLOEXEC */
const closeOnExec = 0o2000000
const bufferBytes = 512
const emptyPathAt = 256

export interface ThreadpoolPollerOptions {
  readonly geometry: RingGeometry
  readonly words: Int32Array
  readonly sqes: Int32Array
  readonly control: Int32Array
  /** Direct descriptors besides those of raw operations and leases. */
  readonly directDescriptors: number
  readonly rawDescriptors: number
  readonly metrics: RingMetrics
  /** Outlives this thread. */
  readonly journal: Journal
}

/** Starts polling; the returned function stops it, and what it is doing. @throws SystemError where a descriptor is missing */
export function startThreadpoolPoller(options: ThreadpoolPollerOptions): () => void {
  const addon = binding()
  const { geometry, control, metrics } = options
  const numbers = addon.callNumbers()
  const now: Kit['now'] = (number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) => addon.call(number, a, b, c, d, e, f)
  const closeFd = (fd: number): void => {
    addon.closeFd(fd)
  }
  // Closed by the addon when this thread ends, however it ends: [epoll, done, direct descriptors…, duplicates…]
  const tableSize = options.rawDescriptors + leasedDescriptors + options.directDescriptors
  const requestsMax = geometry.cqEntries + geometry.sqEntries
  const owned = new Int32Array(2 + tableSize + requestsMax).fill(-1)
  const doneFd = (owned[1] = addon.eventfd())
  const epollFd = (owned[0] = now(numbers.epoll_create1, closeOnExec))
  const cpus = addon.affinity().length
  const threadCount = Math.max(threadsMin, cpus)
  const threads = new JobThreads(new addon.Executor(doneFd, threadCount, owned, options.journal.results), threadCount)
  const failed = Math.min(doneFd, epollFd)
  if (failed < 0) {
    threads.close()
    throw kernelError(failed, doneFd < 0 ? 'eventfd' : 'epoll_create1')
  }
  const buffer = new DataView(new ArrayBuffer(bufferBytes))
  const bufferAddress = addressOfView(buffer)
  const consumer = new RingConsumer(geometry, options.words, options.sqes)
  consumer.setOverflow(false) // what waited for room died with the worker before this one
  const readiness = new Readiness({
    epollFd,
    owned: owned.subarray(2 + tableSize),
    calls: numbers,
    now,
    closeFd,
    addressOf: addressOfView,
  })
  const engine = new Engine({
    consumer,
    journal: options.journal,
    requests: new RequestTable(requestsMax, addressOfView),
    threads,
    readiness,
    direct: new DirectDescriptors(owned.subarray(2, 2 + tableSize), options.rawDescriptors, closeFd),
    rows: isPlain() ? plainCalls : rows,
    calls: numbers,
    buffer,
    bufferAddress,
    emptyPathAddress: bufferAddress + emptyPathAt,
    now,
    signalClient: () => {
      addon.signal(Atomics.load(control, Control.event_fd >> 2))
    },
  })

  let stopped = false
  const work = (): void => {
    if (stopped) return
    consumer.awake()
    const startedMs = performance.now()
    // It never spins: the threads that it has set to work need the CPU, and so does the client that settles what they did.
    do {
      while (engine.turn()) {
        if (performance.now() - startedMs < sliceMs) continue
        setImmediate(work)
        return
      }
    } while (!consumer.sleep())
    metrics.worker[WorkerCounter.sleeps]! += 1
  }
  const wake = (): void => {
    if (Atomics.load(control, Control.stop >> 2) === Stop.abandoned) {
      stop() // the client's thread is ending and waits for it: its buffers go with it
      return
    }
    metrics.worker[WorkerCounter.wakeups]! += 1
    work()
  }
  const watchers = [
    new addon.Watcher(Atomics.load(control, Control.wake_fd >> 2), wake),
    new addon.Watcher(doneFd, () => {
      threads.drain((job, result) => {
        engine.executed(job, result)
      })
      work()
    }),
    new addon.Watcher(epollFd, () => {
      readiness.drain((job) => {
        engine.becameReady(job)
      })
      work()
    }),
  ]
  setImmediate(work)
  const stop = (): void => {
    if (stopped) return
    stopped = true
    for (const watcher of watchers) watcher.close()
    threads.close()
    Atomics.store(control, Control.stop >> 2, Stop.stopped)
  }
  return stop
}
