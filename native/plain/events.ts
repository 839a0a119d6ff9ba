// Eventfds where there are none: numbers that somebody signals and somebody watches, within one thread. Used by binding.ts.
import type { EventWatcher } from '../binding.ts'

/** No process has descriptors as high. */
const firstDescriptor = 2 ** 30
/** A timer that never fires is what keeps a process alive; this is the longest there is. */
const neverMs = 2 ** 31 - 1

interface Event {
  signalled: boolean
  /** Runs in a microtask: whoever signals is in the middle of something. */
  queued: boolean
  callback: (() => void) | null
}

export class PlainEvents {
  private readonly events = new Map<number, Event>()
  private next = firstDescriptor

  create(): number {
    const descriptor = this.next++
    this.events.set(descriptor, { signalled: false, queued: false, callback: null })
    return descriptor
  }

  /** Whether it was one of these. */
  close(descriptor: number): boolean {
    return this.events.delete(descriptor)
  }

  /** 0, or -EBADF. */
  signal(descriptor: number): number {
    const event = this.events.get(descriptor)
    if (event === undefined) return -9
    event.signalled = true
    this.deliver(event)
    return 0
  }

  /** Calls back once for all signals since the last time. The returned function ends that. */
  watch(descriptor: number, callback: () => void): () => void {
    const event = this.events.get(descriptor)
    if (event === undefined) return () => undefined
    event.callback = callback
    this.deliver(event)
    return () => {
      event.callback = null
    }
  }

  private deliver(event: Event): void {
    if (event.queued || !event.signalled || event.callback === null) return
    event.queued = true
    queueMicrotask(() => {
      event.queued = false
      if (event.callback === null) return
      event.signalled = false
      event.callback()
    })
  }
}

/** What NativeBinding's Watcher is here. */
export class PlainWatcher implements EventWatcher {
  private readonly keeper: NodeJS.Timeout
  private readonly stop: () => void

  constructor(events: PlainEvents, descriptor: number, callback: () => void) {
    this.stop = events.watch(descriptor, callback)
    this.keeper = setInterval(() => undefined, neverMs).unref()
  }

  ref(): void {
    this.keeper.ref()
  }

  unref(): void {
    this.keeper.unref()
  }

  close(): void {
    clearInterval(this.keeper)
    this.stop()
  }
}
