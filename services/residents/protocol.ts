// What a resident service's runner and the thread that started it say to each other. Calls one way, with comlink; word of failure
// the other, as a plain message. Used by both ends in this folder, and by those who write services.
import type { MessagePort } from 'node:worker_threads'
import type { SentError } from '../../workers/control.ts'
import type { RingsHandle } from '../clients/handle.ts'

/** What the runner answers to. */
export interface ServiceControl {
  start(task: ServiceTask): Promise<void>
  drain(): Promise<void>
  stop(): Promise<void>
}

export interface ServiceTask {
  readonly url: string
  readonly data: unknown
  readonly ring: number
  readonly handle: RingsHandle
  readonly port: MessagePort
}

/** Something was thrown in the service's thread that nobody caught. */
export interface ServiceFailed {
  readonly failed: SentError
}

/** What a service's default export may return: how it ends. Both may be left out. */
export interface Resident {
  /** Accept nothing new, and finish what has begun. There is a time limit. */
  drain?(): void | Promise<void>
  /** Let go of everything. Its rings are closed behind it. */
  stop?(): void | Promise<void>
}
