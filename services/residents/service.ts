// Resident services: a module started in every ring worker, one instance each, with a ring of that thread's own. Used by
// Ringmaster.startService(). An instance whose thread was replaced is started in the new one. One that threw is not started again: who
// started it is told, and knows what a half-dead service is worth.
import { isAbsolute } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { RingError, invalidArgType, invalidArgValue, ringErrors } from '../../native/errors.ts'
import { linkControl, unpackError, withPorts } from '../../workers/control.ts'
import type { LiveJob } from '../../metrics/live-protocol.ts'
import type { ControlLink } from '../../workers/control.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { checkInteger, checkOptionNames } from '../arguments.ts'
import type { Clients } from '../clients/clients.ts'
import type { RingsHandle } from '../clients/handle.ts'
import type { ServiceControl, ServiceFailed, ServiceTask } from './protocol.ts'
import { Restarts, endsMax, quietMs } from './restarts.ts'

export interface ServiceOptions {
  /** For every instance, as structured clone copies it. */
  data?: unknown
  /** How long starting may take, in ms. Default 30,000. */
  startLimitMs?: number
  /** How long stop() lets instances drain, and then lets them stop, in ms each. Default 5000. */
  drainLimitMs?: number
  /**
   * Told of what an instance threw and nobody caught: it is stopped then, and not started again. Told of the end of its thread
   * (ERR_RING_WORKER_LOST), too: the thread that replaces it starts another, later and later if that ends as well, until ten have
   * within a second each (ERR_RING_SERVICE_GIVEN_UP). Default: a process warning.
   */
  onFailure?: (error: unknown, ring: number) => void
}

// Workers run compiled code, also when this file runs from source.
const here = import.meta.url
const runnerUrl = new URL(here.endsWith('.ts') ? '../../dist/services/residents/runner.js' : './runner.js', here).href

/** Between two looks whether a worker that could not be started is there after all. */
const workerLookMs = 1000

/** @throws ERR_INVALID_ARG_VALUE */
function moduleUrl(url: string | URL): string {
  if (typeof url === 'string' && isAbsolute(url)) return pathToFileURL(url).href
  if (typeof url === 'string' && !URL.canParse(url))
    throw invalidArgValue(
      'url',
      url,
      "must be a URL, as new URL('./service.mjs', import.meta.url), or an absolute path",
    )
  return new URL(url).href
}

/** Where the worker polls by itself or nobody does, a service enters its ring: it is the same thread. */
const pollerOf = (poller: Poller): Poller =>
  poller === Poller.kernel || poller === Poller.threadpool ? poller : Poller.caller

interface Instance {
  readonly ring: number
  readonly handle: RingsHandle
  readonly link: ControlLink<ServiceControl>
  readonly port: MessagePort
  /** Its end, once that has begun. */
  ending: Promise<void> | null
}

export class ResidentService {
  private readonly clients: Clients
  private readonly url: string
  private readonly options: ServiceOptions
  private readonly startLimitMs: number
  private readonly drainLimitMs: number
  private readonly instances = new Map<number, Instance>()
  /** Ends of instances that failed. */
  private readonly endings = new Set<Promise<void>>()
  private readonly restarts = new Restarts()
  private stopping: Promise<void> | null = null

  /** Made by startService(). */
  constructor(clients: Clients, url: string | URL, options: ServiceOptions) {
    checkOptionNames(options, ['data', 'startLimitMs', 'drainLimitMs', 'onFailure'])
    const { onFailure } = options
    if (onFailure !== undefined && typeof (onFailure as unknown) !== 'function')
      throw invalidArgType('options.onFailure', 'of type function', onFailure)
    this.clients = clients
    this.url = moduleUrl(url)
    this.options = options
    this.startLimitMs = checkInteger(options.startLimitMs ?? 30_000, 'options.startLimitMs', 1, 3_600_000)
    this.drainLimitMs = checkInteger(options.drainLimitMs ?? 5000, 'options.drainLimitMs', 0, 3_600_000)
  }

  /** One port to each instance that runs, by the ring's number. They keep nothing alive. */
  get ports(): ReadonlyMap<number, MessagePort> {
    return new Map([...this.instances].map(([ring, { port }]) => [ring, port]))
  }

  /** Starts an instance in a ring's worker: each at the start, and again after its thread was replaced. @internal */
  async startOn(ring: number): Promise<void> {
    const { handles, workers } = this.clients.open
    await handles[ring]!.workerBack() // it may have ended a moment ago, over the service that was there before
    const handle = this.clients.attach({ ring, poller: pollerOf(handles[ring]!.client.poller) })
    const control = new MessageChannel()
    const user = new MessageChannel()
    const link = linkControl<ServiceControl>(control.port1)
    const ended = new Error(`the worker of ring ${ring} has ended`)
    control.port1.once('close', () => {
      link.lost(ended)
    })
    let instance: Instance | null = null
    let refuse: (reason: unknown) => void = () => undefined
    const refused = new Promise<void>((_, reject) => {
      refuse = reject
    })
    refused.catch(() => undefined)
    control.port1.on('message', (message: unknown) => {
      const failed = (message as Partial<ServiceFailed> | null)?.failed
      if (failed === undefined) return
      if (instance === null) refuse(unpackError(failed))
      else this.fail(instance, unpackError(failed))
    })
    const task: ServiceTask = { url: this.url, data: this.options.data, ring, handle, port: user.port2 }
    try {
      await workers[ring]!.call((remote) => remote.run(runnerUrl, withPorts(control.port2, [control.port2])))
      const started = link.call((remote) => remote.start(withPorts(task, [handle.port, user.port2])))
      await within(Promise.race([started, refused]), 'start', this.startLimitMs)
    } catch (error) {
      link.close()
      user.port1.close()
      await this.clients.detach(handle)
      throw error
    }
    const running: Instance = { ring, handle, link, port: user.port1, ending: null }
    instance = running
    this.instances.set(ring, running)
    this.clients.services.instances++
    this.restarts.started(ring, performance.now())
    control.port1.once('close', () => {
      if (this.fail(running, ringErrors.workerLost(ended))) void this.startAgain(running)
    })
    control.port1.unref()
  }

  /** Returns whether it was not known yet. */
  private fail(instance: Instance, error: unknown): boolean {
    if (this.instances.get(instance.ring) !== instance) return false
    this.instances.delete(instance.ring)
    this.clients.services.instances--
    this.clients.services.failures++
    const ending = this.end(instance).catch(() => undefined) // what it says of its own end adds nothing
    instance.ending = ending
    this.endings.add(ending)
    void ending.then(() => this.endings.delete(ending))
    this.tell(error, instance.ring)
    return true
  }

  private tell(error: unknown, ring: number): void {
    const { onFailure } = this.options
    // Behind this turn: what it throws is its own, and leaves nothing here half done.
    if (onFailure !== undefined) {
      queueMicrotask(() => {
        onFailure(error, ring)
      })
    } else process.emitWarning(`a resident service failed on ring ${ring}: ${String(error)}`)
  }

  /** Its thread has ended. Where that is replaced, so is the instance; its place as a client must be free first. */
  private async startAgain({ ring, ending }: Pick<Instance, 'ring' | 'ending'>): Promise<void> {
    const waitMs = this.restarts.ended(ring, performance.now())
    await ending
    if (waitMs === null) {
      this.tell(ringErrors.serviceGivenUp(endsMax, quietMs), ring)
      return
    }
    await sleep(waitMs, undefined, { ref: false })
    try {
      while (!(await this.clients.open.handles[ring]!.workerBack()) && this.stopping === null)
        await sleep(workerLookMs, undefined, { ref: false })
      if (this.stopping !== null) return
      await this.startOn(ring)
      this.clients.services.restarts++
      if (this.stopping !== null) await this.stopInstances() // it has begun behind the others' end
    } catch (error) {
      if (this.stopping !== null) return
      this.tell(error, ring)
      // The thread has ended once more, perhaps of something else than this service.
      if (error instanceof RingError && error.code === 'ERR_RING_WORKER_LOST')
        await this.startAgain({ ring, ending: null })
    }
  }

  /** For the live page. @internal */
  readonly job = (): LiveJob => {
    const { size } = this.instances
    const rings = this.clients.open.handles.length
    const state = this.stopping !== null ? 'stopping' : size === rings ? 'running' : 'incomplete'
    const name = this.url.slice(this.url.lastIndexOf('/') + 1)
    return { kind: 'service', name, state, detail: `${size} of ${rings} instances`, progress: -1 }
  }

  /** Drains all instances, then stops them, each within the limit. Resolves when all have let go. Safe to repeat. */
  stop(): Promise<void> {
    this.stopping ??= this.stopOnce()
    return this.stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  private async stopOnce(): Promise<void> {
    this.clients.onClosing.delete(this.stopWithRings)
    this.clients.jobs.delete(this.job)
    await this.stopInstances().finally(() => Promise.all(this.endings))
  }

  private async stopInstances(): Promise<void> {
    const ended = await Promise.allSettled(
      [...this.instances.values()].map(async (instance) => {
        const drained = instance.link.call((remote) => remote.drain())
        const outcome = within(drained, 'drain', this.drainLimitMs)
        if (this.instances.delete(instance.ring)) this.clients.services.instances--
        await outcome.finally(() => this.end(instance))
      }),
    )
    const failure = ended.find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }

  /** Closing the rings stops the service, whatever it says of that. */
  readonly stopWithRings = async (): Promise<void> => {
    await this.stop().catch(() => undefined)
  }

  private async end({ handle, link, port }: Instance): Promise<void> {
    try {
      await within(
        link.call((remote) => remote.stop()),
        'stop',
        this.drainLimitMs,
      )
    } finally {
      link.close()
      port.close()
      await this.clients.detach(handle)
    }
  }
}

async function within(work: Promise<void>, what: string, limitMs: number): Promise<void> {
  const timer = new AbortController()
  const limit = sleep(limitMs, true, { signal: timer.signal }).catch(() => false)
  try {
    const stalled = await Promise.race([work.then(() => false), limit])
    if (stalled) throw ringErrors.serviceStalled(what, limitMs)
  } finally {
    timer.abort()
  }
}

/** Starts it in every ring worker; where one instance fails, the others are stopped. @throws what the instance threw */
export async function startService(
  clients: Clients,
  url: string | URL,
  options: ServiceOptions = {},
): Promise<ResidentService> {
  if (!(url instanceof URL) && typeof url !== 'string') throw invalidArgType('url', 'a URL or an absolute path', url)
  const service = new ResidentService(clients, url, options)
  clients.onClosing.add(service.stopWithRings)
  clients.jobs.add(service.job)
  const started = await Promise.allSettled(clients.open.handles.map((_, ring) => service.startOn(ring)))
  const failure = started.find(({ status }) => status === 'rejected')
  if (failure?.status !== 'rejected') return service
  await service.stopWithRings()
  throw failure.reason
}
