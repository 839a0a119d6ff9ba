// Time and turns of the event loop as the simulation decides them: immediates, timers and clocks are taken from Node while a
// run lasts, so that a seed decides what happens before what. Used by run.ts; microtasks remain Node's own.
import { createRequire, syncBuiltinESMExports } from 'node:module'

type Task = () => void

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: Task
}

// Node's own, for the driver: what a run replaces must not be what drives it.
const realImmediate = setImmediate

/** One real turn of the event loop: all microtasks are done after it. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    realImmediate(resolve)
  })
}

const timersPromises = createRequire(import.meta.url)('node:timers/promises') as Record<string, unknown>

export class VirtualTime {
  nowMs = 1000
  private immediates: Task[] = []
  private readonly timers = new Map<object, Timer>()
  private readonly intervals = new Set<object>()
  private order = 0

  /** Replaces the global clocks and timers; returns how to put them back. */
  install(): () => void {
    const undo = [
      replace(globalThis, 'setImmediate', (run: Task) => {
        this.immediates.push(run)
        return {}
      }),
      replace(globalThis, 'setTimeout', (run: Task, afterMs: number) => this.after(afterMs, run)),
      replace(globalThis, 'setInterval', (run: Task, everyMs: number) => this.every(everyMs, run)),
      replace(globalThis, 'clearInterval', (timer: object) => {
        this.timers.delete(timer)
        this.intervals.delete(timer)
      }),
      replace(globalThis, 'clearTimeout', (timer: object | undefined) => {
        if (timer !== undefined) this.timers.delete(timer)
      }),
      // A little passes between any two looks, the same for the same seed.
      replace(performance, 'now', () => (this.nowMs += 0.001)),
      replace(timersPromises, 'setTimeout', (afterMs: number, value: unknown, options?: { signal?: AbortSignal }) =>
        this.sleep(afterMs, value, options?.signal),
      ),
    ]
    syncBuiltinESMExports()
    return () => {
      for (const step of undo) step()
      syncBuiltinESMExports()
    }
  }

  /** Runs `run` after `afterMs`; the returned object is what clearTimeout() takes. */
  after(afterMs: number, run: Task): object {
    const timer = {
      ref: () => timer,
      unref: () => timer,
      [Symbol.toPrimitive]: () => 0,
    }
    this.timers.set(timer, { atMs: this.nowMs + Math.max(1, afterMs), order: this.order++, run })
    return timer
  }

  private every(everyMs: number, run: Task): object {
    const again = (): void => {
      run()
      if (this.intervals.has(timer))
        this.timers.set(timer, { atMs: this.nowMs + everyMs, order: this.order++, run: again })
    }
    const timer = this.after(everyMs, again)
    this.intervals.add(timer)
    return timer
  }

  cancel(timer: object): void {
    this.timers.delete(timer)
  }

  private sleep(afterMs: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = this.after(afterMs, () => {
        resolve(value)
      })
      signal?.addEventListener('abort', () => {
        this.cancel(timer)
        reject(new Error('aborted'))
      })
    })
  }

  get turnsQueued(): boolean {
    return this.immediates.length > 0
  }

  get timersQueued(): boolean {
    return this.timers.size > 0
  }

  /** One turn of the event loop: the immediates that are queued now, and none of those they queue. */
  turn(): void {
    const due = this.immediates
    this.immediates = []
    for (const run of due) run()
  }

  /** Lets time pass to the next timer and runs it. */
  nextTimer(): void {
    let key: object | undefined
    let next: Timer | undefined
    for (const [candidate, timer] of this.timers) {
      if (next !== undefined && (timer.atMs > next.atMs || (timer.atMs === next.atMs && timer.order > next.order)))
        continue
      key = candidate
      next = timer
    }
    if (key === undefined || next === undefined) return
    this.timers.delete(key)
    this.nowMs = Math.max(this.nowMs, next.atMs)
    next.run()
  }
}

/** Gives `target` another property for a while; returns how to take it away. */
export function replace(target: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, name)
    else Object.defineProperty(target, name, before)
  }
}
