// AbortSignal for requests that have been made. Used by the API methods when the caller gave a signal; requests without one
// pay nothing for it.
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { RingTimeoutError, abortError, ringErrors } from '../native/errors.ts'
import type { RequestClient } from '../workers/lane.ts'
import { SlotState } from '../workers/slots.ts'

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

/** Counts a request that is cancelled because its time limit passed. */
export function countTimeout(client: RequestClient, signal: AbortSignal | undefined): void {
  if (signal?.reason instanceof RingTimeoutError) client.counters[ClientCounter.timeouts]! += 1
}

/** The error of a request that was not even submitted when the signal fired. */
function notSubmitted(signal: AbortSignal): Error {
  const { reason } = signal as { reason: unknown }
  return reason instanceof RingTimeoutError ? ringErrors.timeout(reason.timeoutMs, false) : abortError(signal)
}

/**
 * Makes a request when its turn comes, that is when `before` is settled. While it waits, `outcome` rejects as soon as the signal fires; the
 * request, which must look at the signal first, then asks for nothing. `turn` is what the next one has to wait for.
 */
export function inTurn<T>(
  before: Promise<unknown>,
  request: () => Promise<T>,
  signal: AbortSignal | undefined,
): { readonly turn: Promise<T>; readonly outcome: Promise<T> } {
  let begun = false
  const begin = (): Promise<T> => {
    begun = true
    return request()
  }
  const turn = before.then(begin, begin)
  if (signal === undefined) return { turn, outcome: turn }
  const outcome = new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      if (!begun) reject(notSubmitted(signal))
    }
    addAbortListener(signal, onAbort)
    turn.then(resolve, reject).finally(() => {
      removeAbortListener(signal, onAbort)
    })
  })
  return { turn, outcome }
}

/**
 * Asks the kernel to cancel the request when the signal fires. The promise still settles on the request's completion: it
 * rejects with an AbortError if the cancellation came in time and with the request's own outcome if it did not.
 */
export async function abortable<T>(
  client: RequestClient,
  slot: number,
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const generation = client.slots.generation[slot]!
  let waited = false
  const onAbort = (): void => {
    waited = client.slots.holds(slot, generation) && client.slots.state[slot] === SlotState.queued
    countTimeout(client, signal)
    client.cancel(slot, generation)
  }
  addAbortListener(signal, onAbort)
  if (signal.aborted) onAbort() // between two steps of a task: no event comes any more
  try {
    return await promise
  } catch (error) {
    if (signal.aborted && error instanceof Error && 'code' in error && cancelled.has(String(error.code))) {
      throw waited ? notSubmitted(signal) : abortError(signal)
    }
    throw error
  } finally {
    removeAbortListener(signal, onAbort)
  }
}
