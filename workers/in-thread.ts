// What RingWorkerPool is, without threads: each ring's worker is this thread itself. Used by openRings() where there is no addon: node:fs
// has threads of its own, and a worker thread would only hand everything on.
import { MessageChannel } from 'node:worker_threads'
import { linkControl, unpackError } from './control.ts'
import type { StartedWorker } from './pool.ts'
import openHere from './ring-worker.ts'
import type { RingWorkerTask } from './ring-worker.ts'

export class InThreadWorkers {
  /** Opens a ring. @throws what opening it throws */
  start(task: Omit<RingWorkerTask, 'port'>): Promise<StartedWorker> {
    const { port1, port2 } = new MessageChannel()
    const control = linkControl(port1)
    const answer = openHere({ ...task, port: port2 })
    if ('started' in answer) return Promise.resolve({ started: answer.started, control })
    control.close()
    port2.close()
    return Promise.reject(unpackError(answer.failed))
  }

  /** There is nothing to end. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
