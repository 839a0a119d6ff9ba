// The threads that own rings, run by piscina: one dedicated thread per ring, pinned to it by a load balancer of our own, alive
// until the pool closes. Piscina starts and watches the threads, and starts another where one ends; a task lasts only as long as
// it takes to open a ring, or to adopt one.
import { Piscina } from 'piscina'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import type { Worker } from 'node:worker_threads'
import { linkControl, unpackError } from './control.ts'
import type { ControlLink } from './control.ts'
import type { RingWorkerAnswer, RingWorkerStarted, RingWorkerTask } from './ring-worker.ts'

// Workers run compiled code, also when this file runs from source (tests): worker threads of Node 20 load no TypeScript.
const here = import.meta.url
const workerFile = fileURLToPath(
  new URL(here.endsWith('.ts') ? '../dist/workers/ring-worker.js' : './ring-worker.js', here),
)

/** A ring worker that has opened its ring, or adopted it. */
export interface StartedWorker {
  readonly started: RingWorkerStarted
  readonly control: ControlLink
}

type LoadBalancer = NonNullable<NonNullable<ConstructorParameters<typeof Piscina>[0]>['loadBalancer']>
type PiscinaWorker = Parameters<LoadBalancer>[1][number]

export class RingWorkerPool {
  private readonly piscina: Piscina
  private readonly threadOfRing = new Map<number, Worker>()
  /** Of rings whose worker has answered. */
  private readonly controls = new Map<number, ControlLink>()
  private starting = 0
  private lastStart: Promise<unknown> = Promise.resolve()
  /** Of those, and of rings that the same threads had before: they are told when the thread ends. */
  private readonly links = new Map<number, ControlLink[]>()
  private readonly onLost: (ring: number, cause: unknown, served: boolean) => void

  /** `onLost` is called each time the thread of a ring ends while the pool is open; `served`: it had its ring. */
  constructor(threads: number, onLost: (ring: number, cause: unknown, served: boolean) => void) {
    this.onLost = onLost
    this.piscina = new Piscina({
      filename: workerFile,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      // Atomics.wait between tasks would freeze the worker's event loop, and with it heartbeat, control and poller.
      atomics: 'disabled',
      concurrentTasksPerWorker: 1,
      recordTiming: false,
      loadBalancer: (_task, workers) => this.pin(workers),
    })
    this.piscina.on('error', () => undefined) // thread errors arrive on the thread itself
  }

  // Ring i runs on the i-th thread that has no ring yet, and so does the ring that takes its place.
  private pin(workers: readonly PiscinaWorker[]): PiscinaWorker | null {
    const own = this.threadOfRing.get(this.starting)?.threadId
    if (own !== undefined) return workers.find(({ id }) => id === own) ?? null
    const taken = new Set([...this.threadOfRing.values()].map((thread) => thread.threadId))
    const free = workers.find((worker) => !taken.has(worker.id) && worker.currentUsage === 0)
    if (free === undefined) return null
    const thread = this.piscina.threads.find((candidate) => candidate.threadId === free.id)
    if (thread !== undefined) this.watch(this.starting, thread)
    return free
  }

  private watch(ring: number, thread: Worker): void {
    this.threadOfRing.set(ring, thread)
    let thrown: unknown
    thread.once('error', (error) => {
      thrown = error
    })
    thread.once('exit', (exitCode) => {
      if (this.threadOfRing.get(ring) !== thread) return
      this.threadOfRing.delete(ring)
      const cause = thrown ?? new Error(`the thread of ring ${ring} exited with code ${exitCode}`)
      for (const link of this.links.get(ring) ?? []) link.lost(cause)
      this.links.delete(ring)
      const served = this.controls.delete(ring) // else start() says so
      if (!this.closing) this.onLost(ring, cause, served)
    })
  }

  /** Starts a ring's worker and waits until its ring is open. One after the other, whoever asks. */
  start(task: Omit<RingWorkerTask, 'port'>): Promise<StartedWorker> {
    const start = this.lastStart.then(() => this.startNow(task))
    this.lastStart = start.catch(() => undefined)
    return start
  }

  private async startNow(task: Omit<RingWorkerTask, 'port'>): Promise<StartedWorker> {
    const { port1, port2 } = new MessageChannel()
    const control = linkControl(port1)
    this.starting = task.ring
    const had = this.threadOfRing.has(task.ring)
    const nobody = new AbortController()
    const look = (): void => {
      queueMicrotask(() => {
        if (!this.hasThreadFor(task.ring)) nobody.abort()
      })
    }
    this.piscina.on('workerDestroy', look)
    try {
      const options = { transferList: [port2], signal: nobody.signal }
      const answer = (await this.piscina.run({ ...task, port: port2 }, options)) as RingWorkerAnswer
      if ('failed' in answer) throw unpackError(answer.failed)
      this.controls.set(task.ring, control)
      const links = this.links.get(task.ring)
      if (links === undefined) this.links.set(task.ring, [control])
      else links.push(control)
      return { started: answer.started, control }
    } catch (error) {
      if (!had) this.threadOfRing.delete(task.ring) // the thread is free for another attempt
      control.close()
      port2.close()
      if (nobody.signal.aborted) {
        throw new Error(`the thread of ring ${task.ring} ended before it was ready`, { cause: error })
      }
      throw error
    } finally {
      this.piscina.off('workerDestroy', look)
    }
  }

  // Piscina starts no other thread in place of one that ended before it was ready, and a task waits for it for ever: another start
  // brings another thread.
  private hasThreadFor(ring: number): boolean {
    return this.threadOfRing.has(ring) || this.piscina.threads.length > this.threadOfRing.size
  }

  /** The ring is no more: its thread is there for the next one. */
  release(ring: number): void {
    this.controls.get(ring)?.lost(new Error(`ring ${ring} is no more`))
    this.controls.delete(ring)
  }

  /** `control` is whom to call about the ring: what was started after it is not used. */
  keep(ring: number, control: ControlLink): void {
    if (this.controls.has(ring)) this.controls.set(ring, control)
  }

  /** Ends the thread of a ring, whatever it is doing; `onLost` follows. */
  terminate(ring: number): void {
    void this.threadOfRing.get(ring)?.terminate()
  }

  private closing = false

  /** Ends the threads. Their rings must have been closed. */
  async close(): Promise<void> {
    this.closing = true
    await this.piscina.destroy()
  }
}
