// What attach() gives and join() takes: plain data and one port, for postMessage() or workerData. Used by both ends in this folder.
import { MessagePort, threadId } from 'node:worker_threads'
import { invalidArgType, invalidArgValue } from '../../native/errors.ts'

/** Version of what the two ends say to each other: they may have been loaded from different places. */
export const handleVersion = 1

/**
 * The right to rings on another thread's pollers: `rings.attach()` makes it, `Ringmaster.join()` takes it in the thread that it was sent
 * to. Plain data: `new Worker(file, { workerData: { rings: handle }, transferList: handle.transferList })`.
 */
export interface RingsHandle {
  readonly version: number
  /** The client's number, as in `stats().clients` and in the metrics' label. */
  readonly client: number
  /** The thread that made it (node:worker_threads). */
  readonly threadId: number
  readonly port: MessagePort
  /** What must be transferred along: the port. */
  readonly transferList: MessagePort[]
}

export function makeHandle(client: number, port: MessagePort): RingsHandle {
  return { version: handleVersion, client, threadId, port, transferList: [port] }
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function checkHandle(value: unknown): RingsHandle {
  if (typeof value !== 'object' || value === null) throw invalidArgType('handle', 'what rings.attach() gave', value)
  const { version, client, port } = value as Partial<RingsHandle>
  if (!(port instanceof MessagePort)) throw invalidArgType('handle.port', 'an instance of MessagePort', port)
  if (version !== handleVersion)
    throw invalidArgValue('handle.version', version, `must be ${handleVersion}: both threads need the same version`)
  if (typeof client !== 'number') throw invalidArgType('handle.client', 'of type number', client)
  return value as RingsHandle
}
