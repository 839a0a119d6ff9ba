// How a ring's requests come to an end when it closes: finish, then cancel, then give up. Used by RingHandle: drain() where the event
// loop turns, drainSync() where it does not any more ('exit'), and this thread sleeps and looks.
import { sleepSync } from './sleep-sync.ts'

/** Between two requests to cancel what is still there: a step that starts because the one before it was cancelled has missed that. */
const cancelAgainMs = 20
/** Sleeps between two looks grow from the shortest there is to this. */
const sleepMsMax = 2
const sleepMsMin = 0.05

/** What is brought to its end. Implemented by the ring client. */
export interface Ending {
  readonly busy: boolean
  publish(): void
  attend(): void
  reap(): number
  /** Nothing is accepted any more. */
  shut(): void
  /** Fails what waits for a place in the ring. */
  failWaiting(): void
  /** Asks the kernel to cancel all that it has. */
  cancelAll(): void
  /** Settles what did not come back. */
  abandon(): void
  restedWithin(timeoutMs: number): Promise<boolean>
}

/**
 * Finishes what is in flight, for at most `graceMs`; then cancels, and waits for at most `deadlineMs` more. Resolves with
 * whether everything came back: if not, the kernel may still write to the buffers, which are then kept for good.
 */
export async function drain(ring: Ending, graceMs: number, deadlineMs: number): Promise<boolean> {
  ring.shut()
  if (await ring.restedWithin(graceMs)) return true
  ring.failWaiting()
  for (const endMs = performance.now() + deadlineMs; performance.now() < endMs;) {
    ring.cancelAll()
    if (await ring.restedWithin(Math.min(cancelAgainMs, deadlineMs))) return true
  }
  ring.abandon()
  return false
}

/** The same without the event loop, until `graceEndMs` and `endMs` on performance.now()'s clock. What it settles is told when it turns again. */
export function drainSync(ring: Ending, graceEndMs: number, endMs: number): boolean {
  ring.shut()
  if (restSync(ring, graceEndMs)) return true
  ring.failWaiting()
  while (performance.now() < endMs) {
    ring.cancelAll()
    if (restSync(ring, Math.min(endMs, performance.now() + cancelAgainMs))) return true
  }
  ring.abandon()
  return false
}

function restSync(ring: Ending, untilMs: number): boolean {
  for (let sleepMs = sleepMsMin; ; sleepMs = Math.min(sleepMsMax, sleepMs * 2)) {
    ring.attend()
    ring.publish()
    if (ring.reap() > 0) sleepMs = sleepMsMin
    else if (!ring.busy) return true
    else if (performance.now() >= untilMs) return false
    else sleepSync(sleepMs)
  }
}
