// Starts the blob service: one instance in each ring worker, all accepting from one socket, and this thread only coordinates. Its surface is
// HttpServer's (services/http), for services/cli/file-daemon.ts.
import type { AddressInfo } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import { binding } from '../../native/binding.ts'
import { shutdownSocket } from '../../native/sockets.ts'
import { linkControl, unpackError } from '../../workers/control.ts'
import type { ControlLink, SentError } from '../../workers/control.ts'
import { registerPlane, type MetricsRegistry } from '../../metrics/exporter.ts'
import type { ServiceLog } from '../http/exchange.ts'
import { httpPlane, type HttpReading } from '../http/http-plane.ts'
import { nameOf } from '../net/address.ts'
import { openListener } from '../net/listen.ts'
import type { ResidentService } from '../residents/service.ts'
import type { Ringmaster } from '../ringmaster.ts'
import type { KnownToken } from './access.ts'
import type { DialectName } from './dialects/index.ts'
import { Fence } from './fence.ts'
import { Keeper } from './keeper.ts'
import { defaultBlobLimits, type BlobLimits } from './limits.ts'
import { NameLocks, nameLockMemory } from './name-locks.ts'
import { asLogLine } from './protocol.ts'
import type { BlobControl, BlobTask } from './protocol.ts'
import type { Durability } from './put.ts'
import type { ListenAt } from './server-options.ts'
import { readAll, sharedCounters } from './shared-counters.ts'

export interface BlobServiceOptions extends ListenAt {
  readonly rings: Ringmaster
  readonly root: string
  readonly log: ServiceLog
  /** For all instances together where they are of buffers and connections. */
  readonly limits?: Partial<BlobLimits>
  /** Serve `a.txt.br`, `a.txt.zst` or `a.txt.gz` for `a.txt` to who takes that. Default false. */
  readonly precompressed?: boolean
  /** PUT, DELETE, OPTIONS and lists, and how safe what is written is; default: only files that are there are served. */
  readonly durability?: Durability | null
  /** How objects may be asked for; default: raw. */
  readonly dialects?: readonly DialectName[]
  /** Who may do what; default: everybody everything. */
  readonly tokens?: readonly KnownToken[] | null
  readonly logsDebug?: boolean
}

// Workers run compiled code, also when this file runs from source.
const here = import.meta.url
const residentUrl = new URL(here.endsWith('.ts') ? '../../dist/services/blob/resident.js' : './resident.js', here)

interface Made {
  readonly service: ResidentService
  readonly memory: SharedArrayBuffer
  readonly instances: number
  readonly listenFd: number
  /** Nobody else has the socket. */
  readonly isOwn: boolean
  readonly fence: Fence
  /** null where nothing may be changed. */
  readonly keeper: Keeper | null
  readonly log: ServiceLog
}

export class BlobService {
  private readonly made: Made
  private readonly links = new Map<MessagePort, ControlLink<BlobControl>>()
  private draining: Promise<number> | null = null

  /** Resolves when connections are accepted. @throws (rejects) EADDRINUSE, EACCES, …; as Ringmaster.startService() */
  static async start(options: BlobServiceOptions): Promise<BlobService> {
    const {
      rings,
      root,
      host,
      port,
      fd,
      log,
      limits = {},
      logsDebug = false,
      durability = null,
      dialects = ['raw'],
      tokens = null,
    } = options
    const { precompressed = false } = options
    const listener = await openListener(fd === undefined ? { host, port } : { fd })
    if (listener instanceof Error) throw listener
    const instances = rings.stats().rings.length
    const memory = sharedCounters(instances)
    const fence = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const locks = nameLockMemory()
    const data: BlobTask = {
      ...{ root, listenFd: listener.fd, limits: ofEach(limits, instances), memory },
      ...{ precompressed, durability, fence, locks, dialects, tokens, logsDebug },
    }
    const onFailure = (error: unknown, ring: number): void => {
      NameLocks.release(locks, ring)
      log.error({ err: error, ring }, 'an instance of the blob service has ended')
    }
    try {
      const service = await rings.startService(residentUrl, { data, onFailure })
      const of = { memory, instances, listenFd: listener.fd, isOwn: fd === undefined, fence: new Fence(fence) }
      const keeper = durability === null ? null : new Keeper(root, log)
      return new BlobService({ service, log, keeper, ...of })
    } catch (error) {
      binding().closeFd(listener.fd)
      throw error
    }
  }

  private constructor(made: Made) {
    this.made = made
    this.linked()
  }

  get address(): AddressInfo {
    const { bound } = this
    if (bound === null) throw new Error('the blob service is not listening on a port')
    return bound
  }

  /** Where it listens; null of a Unix socket, which has no port. */
  get bound(): AddressInfo | null {
    const name = this.draining === null ? nameOf(this.made.listenFd, 'local') : null
    return typeof name === 'string' ? null : name
  }

  get requestsInFlight(): number {
    return this.reading.requestsInFlight
  }

  /** A sync has failed: nothing is written any more, and the service is not ready. */
  get isFenced(): boolean {
    return this.made.fence.isUp
  }

  private get reading(): HttpReading {
    return readAll(this.made.memory, this.made.instances)
  }

  /** Adds this service to a registry; the returned function takes it out again. */
  register(registry: MetricsRegistry): () => void {
    return registerPlane(registry, httpPlane, () => {
      this.linked() // an instance may have been started anew
      return [{ labels: [], reading: this.reading }]
    })
  }

  /** From now on each answer is the last of its connection. */
  sendAway(): void {
    for (const link of this.linked()) link.call((remote) => remote.sendAway()).catch(() => undefined)
  }

  /** Whom requests are from, from now on. */
  async changeTokens(tokens: readonly KnownToken[] | null): Promise<void> {
    await Promise.all(this.linked().map((link) => link.call((remote) => remote.changeTokens(tokens))))
  }

  /** Each instance opens ROOT anew; one that cannot goes on with the old one. @throws (rejects) why */
  async reopen(): Promise<void> {
    await Promise.all(this.linked().map((link) => link.call((remote) => remote.reopen())))
  }

  /** Stops accepting, finishes what is in flight, cuts off what is not done after `msMax`; says how many requests that were. */
  drain(msMax: number): Promise<number> {
    if (this.draining === null || msMax === 0) this.draining = this.drainOnce(msMax, this.draining === null)
    return this.draining
  }

  private async drainOnce(msMax: number, isFirst: boolean): Promise<number> {
    const { service, listenFd, isOwn, keeper } = this.made
    // From this moment on. A socket that others have, too, is only let go of.
    if (isFirst && isOwn) shutdownSocket(listenFd)
    const drained = await Promise.all(
      this.linked().map((link) => link.call((remote) => remote.drain(msMax)).catch(() => 0)), // it has ended
    )
    await keeper?.stop()
    await service.stop().catch((error: unknown) => {
      this.made.log.error({ err: error }, 'stopping the blob service failed')
    })
    if (isFirst) binding().closeFd(listenFd)
    return drained.reduce((sum, cutOff) => sum + cutOff, 0)
  }

  /** Links to the instances that there are now. */
  private linked(): ControlLink<BlobControl>[] {
    return [...this.made.service.ports.values()].map((port) => {
      const known = this.links.get(port)
      if (known !== undefined) return known
      const link = linkControl<BlobControl>(port)
      port.on('message', (message: unknown) => {
        const line = asLogLine(message)
        if (line !== null) this.made.log[line.log](unpacked(line.fields), line.message)
      })
      port.once('close', () => {
        this.links.delete(port)
        link.lost(new Error('an instance of the blob service has ended'))
      })
      port.unref()
      this.links.set(port, link)
      return link
    })
  }
}

/** Limits that are of all instances together, divided. */
function ofEach(limits: Partial<BlobLimits>, instances: number): Partial<BlobLimits> {
  const all = { ...defaultBlobLimits, ...limits }
  const share = (whole: number): number => Math.max(1, Math.ceil(whole / instances))
  return {
    ...limits,
    smallBuffersMax: share(all.smallBuffersMax),
    chunkBuffersMax: share(all.chunkBuffersMax),
    bufferWaitersMax: share(all.bufferWaitersMax),
    connectionsMax: share(all.connectionsMax),
  }
}

function unpacked(fields: Readonly<Record<string, unknown>>): object {
  const { err } = fields
  return err === undefined ? fields : { ...fields, err: unpackError(err as SentError) }
}
