// Whether rings and their workers are alive, for probes and watchdogs. Asked again and again, so nothing is read from files or added up
// for it. Called by Ringmaster.health().
import type { ClientState } from '../workers/submission.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import type { WorkerState } from '../workers/supervisor.ts'

/** One ring and the worker that serves it. */
export interface RingHealth {
  readonly ring: number
  readonly state: ClientState
  /** Why this poller; why it has no worker, where it has none. */
  readonly reason: string
  readonly workerState: WorkerState
  /** For how long there has been no worker, in ms; 0 while there is one. */
  readonly workerMissingMs: number
  /**
   * How often the event loop of the worker's thread has said that it turns: at least every second, four times within
   * `heartbeatTimeoutMs`. What counts is that it changes: another ring in this one's place begins anew.
   */
  readonly heartbeats: number
}

export function ringHealth(handle: RingHandle): RingHealth {
  const { ring, client, reason, workerLoss, workerState, workerLostMs, heartbeats } = handle
  return {
    ring,
    state: client.state,
    reason: workerLoss ?? reason,
    workerState,
    workerMissingMs: workerLostMs < 0 ? 0 : performance.now() - workerLostMs,
    heartbeats,
  }
}
