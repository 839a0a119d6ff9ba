// Starts the blob service: one instance in each ring worker, all accepting from one socket, and this thread only coordinates. Used by
// services/cli/ring-files.ts.
import type { AddressInfo } from 'node:net'
import { binding } from '../../native/binding.ts'
import { shutdownSocket } from '../../native/sockets.ts'
import { unpackError } from '../../workers/control.ts'
import type { SentError } from '../../workers/control.ts'
import { registerPlane, type MetricsRegistry } from '../../metrics/exporter.ts'
import type { TrafficReport } from '../../metrics/traffic-report.ts'
import type { ServiceLog } from '../http/exchange.ts'
import { HttpCounters } from '../http/http-counters.ts'
import { httpPlane, type HttpReading } from '../http/http-plane.ts'
import { TrafficSum } from '../http/traffic-sum.ts'
import { nameOf } from '../net/address.ts'
import { openListener } from '../net/listen.ts'
import type { Recording } from '../recording/format.ts'
import { sumOfRecordings } from '../recording/sum.ts'
import type { ResidentService } from '../residents/service.ts'
import type { Ringmaster } from '../ringmaster.ts'
import type { KnownToken } from './access.ts'
import type { DialectName } from './dialects/index.ts'
import { Fence } from './fence.ts'
import { Instances } from './instances.ts'
import { Keeper } from './keeper.ts'
import { defaultBlobLimits, type BlobLimits } from './limits.ts'
import { NameLocks, nameLockMemory } from './name-locks.ts'
import { asLogLine, asRoomAsked, asTraces } from './protocol.ts'
import type { BlobTask } from './protocol.ts'
import type { Durability } from './put.ts'
import type { Candidate } from './room/oldest.ts'
import { RoomOwner } from './room/owner.ts'
import type { Quota, WhenFull } from './room/quota.ts'
import type { ListenAt } from './server-options.ts'
import { clearLevels, readAll, sharedCounters } from './shared-counters.ts'

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
  /** How much may be stored in all, in whole blocks of 4 KiB for each object; default: no limit. */
  readonly sizeBytesMax?: number | null
  /** Then: uploads are refused (507), or the files of ROOT that nobody has read for longest are REMOVED, whoever put them there. Default: 'refuse'. */
  readonly whenFull?: WhenFull
  /** How much may be stored below folders of the root. */
  readonly quotas?: readonly Quota[]
  /** Who may do what; default: everybody everything. */
  readonly tokens?: readonly KnownToken[] | null
  /** Whether who has none may read. Default false. */
  readonly anonymousReads?: boolean
  readonly logsDebug?: boolean
  /** Told of an instance that has ended, as ServiceOptions.onFailure is: where its thread was replaced, another one follows. */
  readonly onFailure?: (error: unknown, ring: number) => void
}

// Workers run compiled code, also when this file runs from source.
const here = import.meta.url
const residentUrl = new URL(here.endsWith('.ts') ? '../../dist/services/blob/resident.js' : './resident.js', here)

interface Made {
  readonly service: ResidentService
  readonly task: ChangingTask
  /** Nobody else has the socket. */
  readonly isOwn: boolean
  /** null where what is stored has no limits. */
  readonly room: RoomOwner | null
  readonly log: ServiceLog
}

/** What an instance that is started anew is given: the tokens are those of that time. */
type ChangingTask = Omit<BlobTask, 'tokens'> & { tokens: BlobTask['tokens'] }

export class BlobService {
  private readonly made: Made
  private readonly fence: Fence
  private readonly instances: Instances
  /** Only the traces of it: numbers are in shared memory. */
  private readonly traced = new HttpCounters()
  private readonly traffic = new TrafficSum()
  /** null where nothing may be changed. */
  private readonly keeper: Keeper | null
  private recordings = 0
  private draining: Promise<number> | null = null

  /** Resolves when connections are accepted. @throws (rejects) EADDRINUSE, EACCES, …; as Ringmaster.startService() */
  static async start(options: BlobServiceOptions): Promise<BlobService> {
    const { rings, root, host, port, fd, log, limits = {} } = options
    const {
      precompressed = false,
      durability = null,
      dialects = ['raw'],
      tokens = null,
      anonymousReads = false,
      logsDebug = false,
    } = options
    const instances = rings.stats().rings.length
    const room = roomOf(options, instances)
    const listener = await openListener(fd === undefined ? { host, port } : { fd })
    if (listener instanceof Error) throw listener
    const memory = sharedCounters(instances)
    const fence = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const locks = nameLockMemory()
    const task: ChangingTask = {
      ...{ root, listenFd: listener.fd, instances, limits: ofEach(limits, instances), memory },
      ...{ precompressed, durability, fence, locks, dialects, tokens, anonymousReads, logsDebug },
      room: room?.task ?? null,
    }
    const onFailure = (error: unknown, ring: number): void => {
      NameLocks.release(locks, ring)
      room?.release(ring)
      log.error({ err: error, ring }, 'an instance of the blob service has ended')
      clearLevels(memory, ring)
      options.onFailure?.(error, ring)
    }
    const isOwn = fd === undefined
    try {
      const service = await rings.startService(residentUrl, { data: task, onFailure })
      return new BlobService({ service, task, isOwn, room, log })
    } catch (error) {
      if (isOwn) binding().closeFd(listener.fd)
      throw error
    }
  }

  private constructor(made: Made) {
    const { task, log, room } = made
    this.made = made
    this.fence = new Fence(made.task.fence)
    this.instances = new Instances(made.service, (message) => {
      const line = asLogLine(message)
      if (line !== null) made.log[line.log](unpacked(line.fields), line.message)
      const traces = asTraces(message)
      if (traces !== null) this.traced.takeTraces(traces)
      const asked = asRoomAsked(message)
      if (asked !== null) room?.ask(asked.account)
    })
    const remove = (victims: readonly Candidate[]): Promise<number> =>
      this.instances.askNext((remote) => remote.evict(victims))
    if (task.durability === null) this.keeper = null
    else this.keeper = room?.begin({ root: task.root, log, remove }) ?? new Keeper(task.root, log)
  }

  get address(): AddressInfo {
    const { bound } = this
    if (bound === null) throw new Error('the blob service is not listening on a port')
    return bound
  }

  /** Where it listens; null of a Unix socket, which has no port. */
  get bound(): AddressInfo | null {
    const name = this.draining === null ? nameOf(this.made.task.listenFd, 'local') : null
    return typeof name === 'string' ? null : name
  }

  get requestsInFlight(): number {
    return this.reading.requestsInFlight
  }

  /** A sync has failed: nothing is written any more, and the service is not ready. */
  get isFenced(): boolean {
    return this.fence.isUp
  }

  private get reading(): HttpReading {
    const { task } = this.made
    const reading = readAll(task.memory, task.instances)
    reading.counters.takeTraces(this.traced.traces)
    return reading
  }

  /** Adds this service to a registry; the returned function takes it out again. */
  register(registry: MetricsRegistry): () => void {
    const unregister = registerPlane(registry, httpPlane, () => [{ labels: [], reading: this.reading }])
    const unregisterRoom = this.made.room?.register(registry)
    return () => {
      unregister()
      unregisterRoom?.()
    }
  }

  /** From now on each answer is the last of its connection. */
  sendAway(): void {
    void this.instances.askWhoever((remote) => remote.sendAway())
  }

  /** Whom requests are from, from now on. */
  async changeTokens(tokens: readonly KnownToken[] | null): Promise<void> {
    this.made.task.tokens = tokens
    await this.instances.ask((remote) => remote.changeTokens(tokens))
  }

  /** Each instance opens ROOT anew; one that cannot goes on with the old one. @throws (rejects) why */
  async reopen(): Promise<void> {
    await this.instances.ask((remote) => remote.reopen())
    this.made.room?.recount()
  }

  /** Who asks for which files, over all instances. Asking is what makes it count. */
  async report(): Promise<TrafficReport> {
    return this.traffic.report(await this.instances.askWhoever((remote) => remote.traffic()))
  }

  /** What is done to files for so many seconds, or until `signal` says that it is enough. @throws (rejects) where no instance runs */
  async record(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<Recording> {
    const recording = ++this.recordings
    const end = (): void => {
      void this.instances.askWhoever((remote) => remote.endRecording(recording))
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      const parts = await this.instances.askWhoever((remote) => remote.record(recording, seconds, sampleEvery))
      if (parts.size === 0) throw new Error('no instance of the blob service runs')
      return sumOfRecordings([...parts.values()])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  /** Stops accepting, finishes what is in flight, cuts off what is not done after `msMax`; says how many requests that were. */
  drain(msMax: number): Promise<number> {
    if (this.draining === null || msMax === 0) this.draining = this.drainOnce(msMax, this.draining === null)
    return this.draining
  }

  private async drainOnce(msMax: number, isFirst: boolean): Promise<number> {
    const { service, task, isOwn, room, log } = this.made
    // From this moment on. A socket that others have, too, is only let go of.
    if (isFirst && isOwn) shutdownSocket(task.listenFd)
    const drained = await this.instances.askWhoever((remote) => remote.drain(msMax))
    await Promise.all([this.keeper?.stop(), room?.stop()])
    this.instances.close()
    await service.stop().catch((error: unknown) => {
      log.error({ err: error }, 'stopping the blob service failed')
    })
    if (isFirst) binding().closeFd(task.listenFd)
    return [...drained.values()].reduce((sum, cutOff) => sum + cutOff, 0)
  }
}

/** @throws TypeError, RangeError */
function roomOf(
  { sizeBytesMax = null, whenFull = 'refuse', quotas = [], durability = null }: BlobServiceOptions,
  instances: number,
): RoomOwner | null {
  const ofRoot: Quota[] = sizeBytesMax === null ? [] : [{ folder: '', sizeBytesMax, objectsMax: null, whenFull }]
  const all = [...ofRoot, ...quotas]
  return all.length === 0 || durability === null ? null : new RoomOwner(all, instances)
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
