// Runs one instance of a resident service in a ring worker's thread. Loaded there by URL: the layer below does not know this one.
import process from 'node:process'
import type { MessagePort } from 'node:worker_threads'
import { invalidArgValue, ringErrors } from '../../native/errors.ts'
import { expose, packError } from '../../workers/control.ts'
import { Ringmaster } from '../ringmaster.ts'
import type { Resident, ServiceControl, ServiceFailed, ServiceTask } from './protocol.ts'

/** What a service's default export is called with. */
export interface ServiceContext {
  /** A ring of this thread's own, served with the worker's. It is closed when the service has stopped. */
  readonly rings: Ringmaster
  /** What startService() was given; a copy. */
  readonly data: unknown
  /** The number of this worker's ring: there is one instance for each. */
  readonly ring: number
  /** Aborted when stopping begins. */
  readonly signal: AbortSignal
  /** To whoever started it: `service.ports.get(ring)` there. */
  readonly port: MessagePort
}

class Instance implements ServiceControl {
  private readonly stopping = new AbortController()
  private readonly starter: MessagePort
  private port: MessagePort | null = null
  private rings: Ringmaster | null = null
  private resident: Resident = {}

  constructor(starter: MessagePort) {
    this.starter = starter
  }

  // Of which service of this thread it is cannot be told: each says so, and its starter decides.
  private readonly onUncaught = (error: unknown): void => {
    this.starter.postMessage({ failed: packError(error) } satisfies ServiceFailed)
  }

  async start({ url, data, ring, handle, port }: ServiceTask): Promise<void> {
    this.port = port
    process.on('uncaughtException', this.onUncaught)
    try {
      this.rings = await Ringmaster.join(handle)
      const module = (await import(url)) as { default?: unknown }
      if (this.stopping.signal.aborted) throw ringErrors.closed() // nobody waits for it any more
      const begin = module.default
      if (typeof begin !== 'function')
        throw invalidArgValue(
          'url',
          url,
          'has no default export that is a function: async ({ rings, data }) => ({ stop })',
        )
      const context: ServiceContext = { rings: this.rings, data, ring, signal: this.stopping.signal, port }
      const resident = (await Reflect.apply(begin, undefined, [context])) as Resident | undefined
      this.resident = resident ?? {}
    } catch (error) {
      await this.end()
      throw error
    }
  }

  async drain(): Promise<void> {
    await this.resident.drain?.()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    try {
      await this.resident.stop?.()
    } finally {
      await this.end()
    }
  }

  /** Whoever started it waits no more: it did not start, or not stop, in time, or that thread has ended. */
  abandon(): void {
    this.end().catch(() => undefined)
  }

  private async end(): Promise<void> {
    this.stopping.abort()
    await this.rings?.close()
    this.port?.close()
    process.off('uncaughtException', this.onUncaught)
  }
}

/** Called by the ring worker with the port that the service is spoken to over. */
export default function serve(port: MessagePort): void {
  const instance = new Instance(port)
  const control: ServiceControl = {
    start: (task) => instance.start(task),
    drain: () => instance.drain(),
    stop: () => instance.stop(),
  }
  expose(control, port)
  port.once('close', () => {
    instance.abandon()
  })
}
