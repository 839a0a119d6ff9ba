// The threads that own rings, run by piscina: a pool of one thread for each ring, alive until it is closed. A thread that ends is
// replaced when its ring can be adopted, by a pool of its own: piscina would start another from within the end of the first, where
// nobody hears that there is no thread to be had. A task lasts only as long as it takes to open a ring, or to adopt one.
import { Piscina } from 'piscina'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import type { Worker } from 'node:worker_threads'
import { RingUnavailableError, ringErrors } from '../native/errors.ts'
import { linkControl, unpackError } from './control.ts'
import type { ControlLink } from './control.ts'
import type { RingWorkerAnswer, RingWorkerStarted, RingWorkerTask } from './ring-worker.ts'

// Workers run compiled code, also when this file runs from source (tests): worker threads of Node 20 load no TypeScript.
const here = import.meta.url
const workerFile = fileURLToPath(
  new URL(here.endsWith('.ts') ? '../dist/workers/ring-worker-start.cjs' : './ring-worker-start.cjs', here),
)

/** A ring worker that has opened its ring, or adopted it. */
export interface StartedWorker {
  readonly started: RingWorkerStarted
  readonly control: ControlLink
}

/** A thread, and whom it serves. */
interface RingThread {
  readonly piscina: Piscina
  readonly worker: Worker
  /** To call about the ring; null until its worker has answered, and when the ring is no more. */
  control: ControlLink | null
  /** Of this ring, and of rings that the same thread had before: they are told when it ends. */
  readonly links: ControlLink[]
  /** Its end, once it is known that it ends. */
  ending: Promise<unknown> | null
}

export class RingWorkerPool {
  private readonly threads = new Map<number, RingThread>()
  private readonly onLost: (ring: number, cause: unknown, served: boolean) => void
  private lastStart: Promise<unknown> = Promise.resolve()
  private closing = false

  /** `onLost` is called each time the thread of a ring ends while the pool is open; `served`: it had its ring. */
  constructor(rings: number, onLost: (ring: number, cause: unknown, served: boolean) => void) {
    this.onLost = onLost
    for (let ring = 0; ring < rings; ring++) this.prepare(ring)
  }

  /** The thread of a ring. */
  thread(ring: number): Worker | undefined {
    return this.threads.get(ring)?.worker
  }

  /** Starts a ring's worker and waits until its ring is open. One after the other, whoever asks. */
  start(task: Omit<RingWorkerTask, 'port'>): Promise<StartedWorker> {
    this.prepare(task.ring)
    const start = this.lastStart.then(() => this.startNow(task))
    this.lastStart = start.catch(() => undefined)
    return start
  }

  private async startNow(task: Omit<RingWorkerTask, 'port'>): Promise<StartedWorker> {
    // Between the error that a thread ends of and its end, piscina has no thread, and would start one that nobody watches.
    await this.threads.get(task.ring)?.ending
    if (this.closing) throw ringErrors.closed()
    const thread = this.threads.get(task.ring) ?? this.startThread(task.ring)
    const { port1, port2 } = new MessageChannel()
    const control = linkControl(port1)
    try {
      const answer = (await thread.piscina.run({ ...task, port: port2 }, { transferList: [port2] })) as RingWorkerAnswer
      if ('failed' in answer) throw unpackError(answer.failed)
      thread.control = control
      thread.links.push(control)
      return { started: answer.started, control }
    } catch (error) {
      control.close()
      port2.close()
      throw error
    }
  }

  /** Has the thread of a ring started while others are: loading it is what takes its time. */
  private prepare(ring: number): void {
    if (this.closing || this.threads.has(ring)) return
    try {
      this.startThread(ring)
    } catch {
      // start() tries again in its turn, and says so
    }
  }

  private startThread(ring: number): RingThread {
    const piscina = onlyThread()
    const worker = piscina.threads[0]!
    const thread: RingThread = { piscina, worker, control: null, links: [], ending: null }
    this.threads.set(ring, thread)
    let thrown: unknown
    worker.once('error', (error) => {
      thrown = error
      thread.ending = new Promise((resolve) => worker.once('exit', resolve))
    })
    worker.once('exit', (exitCode) => {
      if (this.threads.get(ring) === thread) this.threads.delete(ring)
      const cause = thrown ?? new Error(`the thread of ring ${ring} exited with code ${exitCode}`)
      for (const link of thread.links) link.lost(cause)
      if (this.closing) return
      void piscina.destroy()
      this.onLost(ring, cause, thread.control !== null) // if it had none yet, start() says so
    })
    return thread
  }

  /** The ring is no more: its thread is there for the next one. */
  release(ring: number): void {
    const thread = this.threads.get(ring)
    thread?.control?.lost(new Error(`ring ${ring} is no more`))
    if (thread !== undefined) thread.control = null
  }

  /** `control` is whom to call about the ring: what was started after it is not used. */
  keep(ring: number, control: ControlLink): void {
    const thread = this.threads.get(ring)
    if (thread !== undefined && thread.control !== null) thread.control = control
  }

  /** Ends the thread of a ring, whatever it is doing; `onLost` follows. */
  terminate(ring: number): void {
    void this.thread(ring)?.terminate()
  }

  /** Ends the threads. Their rings must have been closed. */
  async close(): Promise<void> {
    this.closing = true
    await Promise.all([...this.threads.values()].map(({ piscina }) => piscina.destroy()))
  }
}

/** @throws ERR_RING_UNAVAILABLE where the system gives no thread */
function onlyThread(): Piscina {
  try {
    const piscina = new Piscina({
      filename: workerFile,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Infinity,
      // Atomics.wait between tasks would freeze the worker's event loop, and with it heartbeat, control and poller.
      atomics: 'disabled',
      concurrentTasksPerWorker: 1,
      recordTiming: false,
    })
    piscina.on('error', () => undefined) // thread errors arrive on the thread itself
    piscina.options.minThreads = 0 // from now on it starts none
    return piscina
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_ACCESS_DENIED') {
      const message = "Node's permission model allows no threads: start node with --allow-worker beside --permission"
      throw new RingUnavailableError('permission', message, { cause: error })
    }
    const message = `no thread can be started (${error instanceof Error ? error.message : String(error)}): raise ulimit -u, or pids.max of the cgroup`
    throw new RingUnavailableError('threads', message, { cause: error })
  }
}
