// The threads that carry out system calls which may wait, and how many there are. Used by the engine of the `threadpool` poller.
//
// A few threads serve files. A queue that does not move for a while has met what may wait for ever (a FIFO, a connection): it gets
// more threads, which end when there is nothing left for them. The kernel's own workers (io-wq) grow in the same way.
import { callNumbersEach } from '../../native/binding.ts'
import type { Executor } from '../../native/binding.ts'

/** Threads at most, however much is stuck. */
const threadsLimit = 512
/** How long a queue may stand still. */
const stuckMs = 5
/** Calls handed over at a time. */
const batchMax = 64
const finishedMax = 64

export class JobThreads {
  private readonly executor: Executor
  private readonly threadsMin: number
  private threadsMax: number
  private readonly batch = new Float64Array(batchMax * callNumbersEach)
  private batched = 0
  private readonly results = new Float64Array(finishedMax * 2)
  private outstanding = 0
  private finishedCount = 0
  private finishedBefore = 0
  private monitor: NodeJS.Timeout | null = null

  /** `executor` was made for `threads`. */
  constructor(executor: Executor, threads: number) {
    this.executor = executor
    this.threadsMin = this.threadsMax = threads
  }

  /** Adds a call to the batch that flush() hands over. */
  add(job: number, number: number, a: number, b: number, c: number, d: number, e: number, f: number): void {
    if (this.batched === batchMax) this.flush()
    const { batch } = this
    const at = this.batched++ * callNumbersEach
    batch[at] = job
    batch[at + 1] = number
    batch[at + 2] = a
    batch[at + 3] = b
    batch[at + 4] = c
    batch[at + 5] = d
    batch[at + 6] = e
    batch[at + 7] = f
  }

  flush(): void {
    if (this.batched === 0) return
    this.executor.run(this.batch, this.batched)
    this.outstanding += this.batched
    this.batched = 0
    this.monitor ??= setTimeout(this.watch, stuckMs)
  }

  /** Hands what is over to `done`. */
  drain(done: (job: number, result: number) => void): void {
    for (;;) {
      const count = this.executor.finished(this.results)
      this.outstanding -= count
      this.finishedCount += count
      // Copied: `done` may come back here.
      const results = this.results.slice(0, count * 2)
      for (let at = 0; at < results.length; at += 2) done(results[at]!, results[at + 1]!)
      if (count < finishedMax) return
    }
  }

  /** Stops a call: an Interrupted. */
  interrupt(job: number): number {
    const found = this.executor.interrupt(job)
    if (found === 0) this.outstanding--
    return found
  }

  close(): void {
    clearTimeout(this.monitor ?? undefined)
    this.executor.close()
  }

  private readonly watch = (): void => {
    this.monitor = null
    const waiting = this.executor.grow(this.threadsMax)
    if (waiting > 0 && this.finishedCount === this.finishedBefore && this.threadsMax < threadsLimit) {
      this.threadsMax = Math.min(threadsLimit, this.threadsMax * 2)
      this.executor.grow(this.threadsMax)
    }
    this.finishedBefore = this.finishedCount
    if (this.outstanding > 0) this.monitor = setTimeout(this.watch, stuckMs)
    else {
      this.threadsMax = this.threadsMin
      this.executor.grow(this.threadsMax)
    }
  }
}
