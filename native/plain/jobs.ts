// The addon's Executor without the addon: calls go to node:fs, whose threads are libuv's. Used by binding.ts.
//
// libuv does not take back what it was given. So it is given only what its threads need to be busy, and the rest waits here, where it
// can be cancelled. A call that is under way goes on to its end.
import { availableParallelism } from 'node:os'
import { Interrupted, callNumbersEach } from '../binding.ts'
import type { Executor } from '../binding.ts'
import type { Arguments, PlainCall } from './calls.ts'
import { errnoOf } from './errno.ts'

const EINTR = -4
const poolThreadsDefault = 4
/** Calls at libuv for each of its threads: the next one is there when the last is over. */
const callsPerThread = 4
/** How long what waits for somebody else is left alone: longer from time to time, until something moves. */
const retryMsMin = 1
const retryMsMax = 20
/** Of them at a time: the others have their turn next. */
const retriesAtOnce = 64

export interface JobParts {
  readonly callOf: (number: number) => PlainCall
  readonly signal: () => void
  /** Closes a descriptor of the process or an event's. */
  readonly closeFd: (fd: number) => void
  /** A call whose result is a descriptor. */
  readonly opens: (number: number) => boolean
}

interface Job {
  readonly job: number
  readonly number: number
  readonly args: Arguments
  /** It is not to be tried again. */
  interrupted: boolean
}

export class PlainJobs implements Executor {
  private readonly parts: JobParts
  private readonly owned: Int32Array
  private readonly atOnceMax: number
  private waiting: Job[] = []
  /** Jobs that wait for somebody else, and are tried again and again. */
  private notYet: Job[] = []
  private retry: NodeJS.Timeout | null = null
  private retryMs = retryMsMin
  /** At libuv, by number. */
  private readonly under = new Map<number, Job>()
  private readonly over: number[] = []
  private closed = false

  constructor(parts: JobParts, owned: Int32Array) {
    this.parts = parts
    this.owned = owned
    const configured = Number(process.env['UV_THREADPOOL_SIZE'] ?? poolThreadsDefault)
    this.atOnceMax = callsPerThread * Math.max(1, Number.isInteger(configured) ? configured : availableParallelism())
  }

  run(calls: Float64Array, count: number): void {
    for (let index = 0; index < count; index++) {
      const at = index * callNumbersEach
      const args = calls.slice(at + 2, at + callNumbersEach) // the caller uses its memory again
      this.waiting.push({ job: calls[at]!, number: calls[at + 1]!, args, interrupted: false })
    }
    this.fill()
  }

  private fill(): void {
    const begun = Math.min(this.waiting.length, Math.max(0, this.atOnceMax - this.under.size))
    for (const job of this.waiting.splice(0, begun)) this.begin(job)
  }

  private begin(begun: Job): void {
    const { job, number, args } = begun
    this.under.set(job, begun)
    const done = (result: number, notYet = false): void => {
      this.under.delete(job)
      if (notYet && !begun.interrupted && !this.closed) {
        this.notYet.push(begun)
        this.retry ??= setTimeout(this.tryAgain, this.retryMs)
        this.fill()
        return
      }
      this.retryMs = retryMsMin
      if (this.closed) {
        if (result >= 0 && this.parts.opens(number)) this.parts.closeFd(result) // nobody would ever know of it
        return
      }
      this.over.push(job, notYet ? EINTR : result)
      this.parts.signal()
      this.fill()
    }
    try {
      this.parts.callOf(number)(args, done)
    } catch (error) {
      const result = errnoOf(error)
      queueMicrotask(() => {
        done(result)
      })
    }
  }

  private readonly tryAgain = (): void => {
    this.retry = null
    this.retryMs = Math.min(retryMsMax, this.retryMs * 2)
    this.waiting.push(...this.notYet.splice(0, retriesAtOnce))
    if (this.notYet.length > 0) this.retry = setTimeout(this.tryAgain, this.retryMs)
    this.fill()
  }

  finished(results: Float64Array): number {
    const count = Math.min(this.over.length, results.length) >> 1
    results.set(this.over.splice(0, count * 2))
    return count
  }

  interrupt(job: number): number {
    for (const list of [this.waiting, this.notYet]) {
      const index = list.findIndex((waiting) => waiting.job === job)
      if (index < 0) continue
      list.splice(index, 1)
      return Interrupted.removed
    }
    const begun = this.under.get(job)
    if (begun === undefined) return Interrupted.nothing
    begun.interrupted = true
    return Interrupted.signalled
  }

  /** There are as many threads as libuv has. Calls that stand still are asked for by it, and more threads would not move them. */
  grow(): number {
    return 0
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.waiting = []
    this.notYet = []
    clearTimeout(this.retry ?? undefined)
    for (const fd of this.owned) if (fd >= 0) this.parts.closeFd(fd)
    this.owned.fill(-1)
  }
}
