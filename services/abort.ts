// AbortSignal for requests that have been made. Used by the API methods when the caller gave a signal; requests without one
// pay nothing for it.
import { abortError } from '../native/errors.ts'
import type { RingClient } from '../workers/ring-client.ts'

const cancelled = new Set(['ECANCELED', 'EINTR'])

/** Who is told when a signal fires. */
class AbortListeners {
  readonly listeners = new Set<() => void>()
  readonly onAbort = (): void => {
    for (const listener of [...this.listeners]) if (this.listeners.delete(listener)) listener()
  }
}

// One event listener for each signal, however many requests and streams have it: with more than ten of them Node would warn of a leak.
const ofSignals = new WeakMap<AbortSignal, AbortListeners>()

/** Calls `listener` when the signal fires, unless it is taken away before. It must not throw. */
export function addAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal === undefined) return
  let here = ofSignals.get(signal)
  if (here === undefined) {
    here = new AbortListeners()
    ofSignals.set(signal, here)
    signal.addEventListener('abort', here.onAbort, { once: true })
  }
  here.listeners.add(listener)
}

/** Nothing happens where it was not added, or has been called. */
export function removeAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  const here = signal && ofSignals.get(signal)
  if (signal === undefined || here === undefined || !here.listeners.delete(listener) || here.listeners.size > 0) return
  ofSignals.delete(signal)
  signal.removeEventListener('abort', here.onAbort)
}

/** @throws AbortError when the signal has fired already, before anything is started. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal)
}

/**
 * Asks the kernel to cancel the request when the signal fires. The promise still settles on the request's completion: it
 * rejects with an AbortError if the cancellation came in time and with the request's own outcome if it did not.
 */
export async function abortable<T>(
  client: RingClient,
  slot: number,
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const generation = client.slots.generation[slot]!
  const onAbort = (): void => {
    client.cancel(slot, generation)
  }
  addAbortListener(signal, onAbort)
  if (signal.aborted) onAbort() // between two steps of a task: no event comes any more
  try {
    return await promise
  } catch (error) {
    if (signal.aborted && error instanceof Error && 'code' in error && cancelled.has(String(error.code)))
      throw abortError(signal)
    throw error
  } finally {
    removeAbortListener(signal, onAbort)
  }
}
