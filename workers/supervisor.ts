// Sees to it that every ring has a worker: one that ended, or whose heart stopped, is replaced by another, which adopts the ring.
// One per set of rings, made by services' openRings(), which says how a worker is started and what its ring is told.
//
//   well ──ended──► replacing ──adopted──► well        tries again after 10 ms, 20 ms, … 1 s; from the start after a quiet time
//     └─silent─► terminated ─┘  └─ ten failed starts in a row ─► gone ──adopted──► well     tries on, after 2 s, 4 s, 8 s, 10 s, 10 s, …
//
// Deaths are not limited, however many: what is limited is how long others wait for a worker that cannot be started.

/** What is done to a ring and its worker. */
export interface SupervisedRing {
  /** Grows while the worker's event loop turns. */
  heartbeats(): number
  /** The worker has ended, another is to come. */
  died(cause: unknown): void
  /** Starts a worker that adopts the ring. */
  replace(): Promise<void>
  /** Ends a worker that is silent; died() follows when it has. */
  terminate(): void
  /** Looks whether the ring itself is still there. */
  check(): void
  /** There is no other worker for now: nobody is to wait for one. replace() is called now and then, and may succeed yet. */
  gaveUp(cause: unknown): void
}

/** What a ring's worker is: there, to be replaced, or gone: none could be started, which is tried again now and then. */
export type WorkerState = 'well' | 'replacing' | 'gone'

export interface WorkerEvent {
  readonly ring: number
  /**
   * `silent`: it has had no heartbeat for too long, and is being ended, which takes as long as a system call holds it. `replacing`: the worker has
   * ended. `well`: another one has adopted the ring. `gone`: none can be started, for now.
   */
  readonly state: WorkerState | 'silent'
  /** Why it ended, or is to; of `gone` why the last one did not start. */
  readonly cause: unknown
}

export interface SupervisorOptions {
  /** How long a worker may be silent; 0: for ever. */
  readonly heartbeatTimeoutMs: number
  readonly onWorker?: ((event: WorkerEvent) => void) | undefined
}

const backOffMsMin = 10
const backOffMsMax = 1000
/** Between two starts of a worker that is gone. */
const goneBackOffMsMax = 10_000
/** A worker that lived for this long after it had adopted its ring begins a new series. */
const quietMs = 500
const failedStartsMax = 10
/** Looks at the heartbeats within the time a worker may be silent. */
const looksPerTimeout = 5

interface Watch {
  readonly ring: SupervisedRing
  state: WorkerState
  backOffMs: number
  failedStarts: number
  adoptedMs: number
  timer: NodeJS.Timeout | undefined
  heartbeats: number
  silentMs: number
  /** Why it was terminated. */
  silence: Error | null
  cause: unknown
}

const silence = (ms: number): Error => new Error(`it had no heartbeat for ${Math.round(ms)} ms`)

export class Supervisor {
  private readonly watches: Watch[] = []
  private readonly options: SupervisorOptions
  private readonly looking: NodeJS.Timeout | undefined
  private readonly starts = new Set<Promise<void>>()
  private lookedMs = performance.now()
  private closed = false

  constructor(options: SupervisorOptions) {
    this.options = options
    if (options.heartbeatTimeoutMs === 0) return
    this.looking = setInterval(() => {
      this.look()
    }, this.lookMs)
    this.looking.unref()
  }

  private get lookMs(): number {
    return Math.ceil(this.options.heartbeatTimeoutMs / looksPerTimeout)
  }

  /** Watches another ring, whose worker is well. Rings are numbered in this order. */
  add(ring: SupervisedRing): void {
    this.watches.push({
      ring,
      state: 'well',
      backOffMs: backOffMsMin,
      failedStarts: 0,
      adoptedMs: performance.now(),
      timer: undefined,
      heartbeats: ring.heartbeats(),
      silentMs: 0,
      silence: null,
      cause: null,
    })
  }

  /** The worker of the `index`th ring has ended. */
  died(index: number, cause: unknown): void {
    const watch = this.watches[index]
    if (watch?.state !== 'well') return
    // For how long by now: ending it may have taken longer than finding out.
    watch.cause = watch.silence === null ? cause : silence(watch.silentMs + performance.now() - this.lookedMs)
    watch.ring.died(watch.cause)
    if (this.closed) {
      this.giveUp(watch, watch.cause)
      return
    }
    this.become(watch, 'replacing')
    const quiet = performance.now() - watch.adoptedMs >= quietMs
    watch.backOffMs = quiet ? backOffMsMin : Math.min(backOffMsMax, watch.backOffMs * 2)
    watch.failedStarts = 0
    this.startLater(watch, cause)
  }

  /** The `index`th ring was made anew, with a worker that is well. */
  renewed(index: number): void {
    const watch = this.watches[index]!
    clearTimeout(watch.timer)
    watch.timer = undefined
    if (watch.state !== 'well') this.become(watch, 'well')
    this.begin(watch)
  }

  private begin(watch: Watch): void {
    watch.adoptedMs = performance.now()
    watch.heartbeats = watch.ring.heartbeats()
    watch.silentMs = 0
    watch.silence = null
  }

  private startLater(watch: Watch, cause: unknown): void {
    watch.timer = setTimeout(() => {
      watch.timer = undefined
      const start = this.start(watch).finally(() => this.starts.delete(start))
      this.starts.add(start)
    }, watch.backOffMs)
    watch.timer.unref() // requests that wait for it keep the process alive themselves
    if (this.closed) this.giveUp(watch, cause)
  }

  private async start(watch: Watch): Promise<void> {
    try {
      await watch.ring.replace()
      if (watch.state === 'well') return // made anew meanwhile, with a worker of its own
      this.become(watch, 'well')
      this.begin(watch)
    } catch (error) {
      if (watch.state === 'well') return
      const gone = ++watch.failedStarts >= failedStartsMax
      watch.backOffMs = Math.min(gone ? goneBackOffMsMax : backOffMsMax, watch.backOffMs * 2)
      if (gone) {
        watch.cause = error
        this.giveUp(watch, error)
      }
      this.startLater(watch, error)
    }
  }

  private giveUp(watch: Watch, cause: unknown): void {
    clearTimeout(watch.timer)
    watch.timer = undefined
    if (watch.state === 'gone') return
    watch.ring.gaveUp(cause)
    if (this.closed) watch.state = 'gone'
    else this.become(watch, 'gone')
  }

  private become(watch: Watch, state: WorkerState): void {
    watch.state = state
    this.options.onWorker?.({ ring: this.watches.indexOf(watch), state, cause: watch.cause })
  }

  // Only time in which this thread could look counts: a process that was stopped, a machine that slept, or this thread's own long
  // turn are no silence of the worker's.
  private look(): void {
    const nowMs = performance.now()
    const elapsedMs = Math.min(nowMs - this.lookedMs, this.lookMs)
    this.lookedMs = nowMs
    for (const watch of this.watches) {
      watch.ring.check()
      const heartbeats = watch.ring.heartbeats()
      const silent = watch.state === 'well' && heartbeats === watch.heartbeats
      watch.heartbeats = heartbeats
      watch.silentMs = silent ? watch.silentMs + elapsedMs : 0
      if (watch.silentMs <= this.options.heartbeatTimeoutMs || watch.silence !== null) continue
      watch.silence = silence(watch.silentMs)
      const { silence: cause } = watch
      this.options.onWorker?.({ ring: this.watches.indexOf(watch), state: 'silent', cause })
      watch.ring.terminate()
    }
  }

  /** No worker is replaced any more: who has none now goes on without. Waits for starts that have begun. */
  async close(): Promise<void> {
    this.closed = true
    clearInterval(this.looking)
    await Promise.all(this.starts)
    for (const watch of this.watches) {
      if (watch.state !== 'well') this.giveUp(watch, new Error('the rings are closing'))
    }
  }
}
