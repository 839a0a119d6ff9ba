// Ends a batch that was given a signal: each of its requests is cancelled by itself. Used by batch.ts; a batch without a signal has none.
import type { RequestClient } from '../workers/lane.ts'
import { addAbortListener, countTimeout, removeAbortListener } from './abort.ts'

const ECANCELED = -125
const EINTR = -4

export class BatchCancel {
  private readonly client: RequestClient
  private readonly signal: AbortSignal
  private readonly slots: number[] = []
  private readonly generations: number[] = []

  constructor(client: RequestClient, signal: AbortSignal) {
    this.client = client
    this.signal = signal
    addAbortListener(signal, this.onAbort)
  }

  /** One of its requests has been made. */
  add(slot: number): void {
    this.slots.push(slot)
    this.generations.push(this.client.slots.generation[slot]!)
  }

  /** How a request ended, as results say it: one that was interrupted because of the signal was cancelled. */
  resultOf(result: number): number {
    return result === EINTR && this.signal.aborted ? ECANCELED : result
  }

  /** Every request is over. */
  end(): void {
    removeAbortListener(this.signal, this.onAbort)
  }

  private readonly onAbort = (): void => {
    countTimeout(this.client, this.signal)
    // What is over by now is not there any more, and is not cancelled.
    for (const [index, slot] of this.slots.entries()) this.client.cancel(slot, this.generations[index]!)
  }
}
