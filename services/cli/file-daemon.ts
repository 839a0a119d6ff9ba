// The daemon behind `ringmaster serve`: starts rings, file server and admin server in that order, waits for a reason to
// stop, and stops them in reverse; tells its service manager about all of it. Called by serve.ts.
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { startAdminServer, type AdminServer } from '../../metrics/admin-server.ts'
import type { ConnectionLimits } from '../../metrics/connection-limit.ts'
import { LiveFeed } from '../../metrics/live-feed.ts'
import { livePage } from '../../metrics/live-page.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { describeAccess, readAccess, type AccessRules } from './access-rules.ts'
import { limitConnections } from './connection-limit.ts'
import { checkBound, startListenError, type ListenPlace } from './daemon-listen.ts'
import { daemonMetrics } from './daemon-metrics.ts'
import {
  drainTimes,
  requireAdminAt,
  requireFilesAt,
  type DrainTimes,
  type FileDaemonOptions,
} from './daemon-options.ts'
import { startRings } from './daemon-rings.ts'
import { exitCodes } from './exit.ts'
import type { FilePlane } from './file-plane.ts'
import { formatAddress } from './listen-address.ts'
import { createLog } from './log.ts'
import { takeManagerEnvironment, type ManagerEnvironment } from './manager-environment.ts'
import { assignPassedSockets, type PassedSocket, type PassedSockets } from './passed-sockets.ts'
import { Probes } from './probes.ts'
import { watchForReload } from './reload.ts'
import { describeRoom, readRoom, type RoomRules } from './room-rules.ts'
import { requireRoot } from './served-root.ts'
import { ServiceManager } from './service-manager.ts'
import { startFiles } from './start-files.ts'
import { watchForStop, type StopReason } from './stop.ts'
import { traceRoute } from './trace-route.ts'
import { trafficRoute } from './traffic-route.ts'
import { readVersion } from './version.ts'

/** With ROOT found, and tokens read. */
interface StartOptions extends FileDaemonOptions {
  readonly root: string
  readonly access: AccessRules
  readonly room: RoomRules
}

/** Beyond the drain: closing rings takes milliseconds, and a supervisor is waiting. */
const closeMsMax = 5_000

/** Runs until a signal; resolves to the exit code. Throws CommandError when it cannot start. */
export async function runFileDaemon(options: FileDaemonOptions): Promise<number> {
  const manager = takeManagerEnvironment(process.env, process.pid)
  const passed = assignPassedSockets(manager.socketNames)
  if (passed.http === undefined) requireFilesAt(options, options.listen)
  if (passed.admin === undefined) requireAdminAt(options, options.admin)
  const room = readRoom(options)
  const root = await requireRoot(options.root, options.public === true)
  const access = await readAccess(options)
  const log = createLog(options.logLevel)
  for (const complaint of [...manager.complaints, ...(access.complaint === null ? [] : [access.complaint])])
    log.logger.warn(complaint)
  using stop = watchForStop(log.flush)
  using reload = watchForReload()
  const daemon = new FileDaemon({ ...options, root, access, room }, manager, passed, log.logger)
  try {
    await daemon.start()
  } catch (error) {
    await daemon.close()
    throw error
  }
  // At once: who reads it has all of it or nothing.
  process.stdout.write(`${daemon.lines().join('\n')}\n`)
  reload.start(() => daemon.reload())

  const reason = await Promise.race([stop.reason, daemon.failure])
  const times = drainTimes(reason, options)
  const deadlineMs = times.delayMs + times.drainMs + closeMsMax
  const deadline = setTimeout(() => {
    log.logger.fatal({ deadlineMs }, 'closing took too long')
    void log.flush().finally(() => process.exit(exitCodes.failure))
  }, deadlineMs)
  await daemon.stop(reason, times)
  clearTimeout(deadline)
  return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
}

class FileDaemon {
  readonly #options: StartOptions
  readonly #manager: ManagerEnvironment
  readonly #passed: PassedSockets
  readonly #log: Logger
  /** What has been started, to be closed in reverse. */
  readonly #closers: (() => Promise<void>)[] = []
  readonly #probes: Probes
  #rings: Ringmaster | undefined
  #files: FilePlane | undefined
  /** Where files are served; null: on a Unix socket. */
  #bound: AddressInfo | null = null
  #admin: AdminServer | undefined
  #service: ServiceManager | undefined
  #access: AccessRules
  #notReady: string | undefined = 'starting'
  #fail: (error: unknown) => void = () => undefined
  /** Settles when what serves files has ended by itself. */
  readonly failure: Promise<StopReason> = new Promise((resolve) => {
    this.#fail = (error) => {
      resolve({ kind: 'crash', error })
    }
  })

  constructor(options: StartOptions, manager: ManagerEnvironment, passed: PassedSockets, log: Logger) {
    this.#options = options
    this.#access = options.access
    this.#manager = manager
    this.#passed = passed
    this.#log = log
    const silentMsMax = options.silenceSeconds * 1000
    this.#probes = new Probes({ rings: () => this.#rings?.health() ?? [], silentMsMax })
    this.#probes.addReadiness('accepting', () => this.#notReady)
  }

  async start(): Promise<void> {
    const { root } = this.#options
    const rings = await startRings(this.#options, this.#log, this.#manager.watchdogMs)
    this.#rings = rings
    this.#closers.push(() => rings.close())
    const { notifySocket, watchdogMs } = this.#manager
    const problem = (): string | undefined => this.#probes.live().reason
    const service = new ServiceManager({ notifySocket, watchdogMs, rings, problem, log: this.#log })
    this.#service = service
    this.#closers.push(() => service.close())
    const connections = limitConnections(this.#log, {
      rings: rings.stats().rings.length,
      takesMore: this.#options.write === true || this.#options.precompressed === true,
    })
    const files = await this.#startFiles(rings, connections.files)
    await this.#startAdmin(rings, files, connections.admin)
    this.#notReady = undefined
    const { rings: each, placement } = rings.stats()
    this.#log.info({ root, rings: each, placement: placement.summary, lines: this.lines() }, 'started')
    await service.ready(this.#status())
  }

  async #startFiles(rings: Ringmaster, connectionsMax: number): Promise<FilePlane> {
    const { listen, root, access, room, write, durability, dialects, precompressed = false } = this.#options
    const place: ListenPlace = { option: '--listen', wanted: listen, socket: this.#passed.http }
    const files = await startFiles({
      ...{ rings, root, ...listen, fd: place.socket?.fd, log: this.#log, connectionsMax },
      ...{ access, room, durability: write === true ? durability : null, dialects, precompressed },
      onFailure: this.#fail,
    }).catch((error: unknown) => {
      throw startListenError(place, error)
    })
    this.#files = files
    this.#closers.push(() => files.close())
    this.#bound = files.bound
    checkBound(place, files.bound, (address) => requireFilesAt(this.#options, address), this.#log)
    if (write === true) this.#probes.addReadiness('writing', () => files.problem())
    return files
  }

  async #startAdmin(rings: Ringmaster, files: FilePlane, connections: ConnectionLimits): Promise<void> {
    const { admin, root, traffic } = this.#options
    const place: ListenPlace = { option: '--admin', wanted: admin, socket: this.#passed.admin }
    const registry = daemonMetrics({ rings, files, probes: this.#probes, root })
    const feed = new LiveFeed({ source: rings.live(readVersion()), ready: this.#probes.ready })
    feed.register(registry)
    const about = (): Record<string, unknown> => ({ ringmaster: readVersion(), rings: this.#ringLines() })
    const tells = traffic === 'on'
    this.#admin = await startAdminServer({
      ...admin,
      ...(place.socket !== undefined && { fd: place.socket.fd }),
      registry,
      ready: this.#probes.ready,
      live: this.#probes.live,
      describe: () => [`ringmaster ${readVersion()}`, ...this.lines()].join('\n'),
      routes: new Map([
        ['/live', feed.route],
        ['/trace', traceRoute(rings, about, tells ? files : null)],
        ...(tells ? [['/traffic', trafficRoute(files)] as const] : []),
      ]),
      page: livePage(),
      anyHost: this.#options.public === true,
      connections,
    }).catch((error: unknown) => {
      throw startListenError(place, error)
    })
    checkBound(place, this.#admin.address, (address) => requireAdminAt(this.#options, address), this.#log)
  }

  /** What was started and why it is as it is, for people. */
  lines(): string[] {
    const unixUrl = (socket: PassedSocket | undefined): string => `unix:${socket?.path ?? ''}:`
    const { port, address: host = '' } = this.#bound ?? {}
    const filesUrl = port === undefined ? unixUrl(this.#passed.http) : `http://${formatAddress({ host, port })}`
    const adminUrl = this.#admin?.url || unixUrl(this.#passed.admin)
    const shortcoming = this.#files?.shortcoming ?? null
    const write = this.#options.write === true && shortcoming === null
    const access = describeAccess({ ...this.#options, write }, this.#access)
    const room = write ? describeRoom(this.#options.room) : null
    return [
      ...(this.#files ? [`serving ${this.#options.root} at ${filesUrl}/b/`] : []),
      ...(this.#admin ? [`metrics at ${adminUrl}/metrics`] : []),
      ...(access === null ? [] : [access]),
      ...(room === null ? [] : [room]),
      ...this.#ringLines(),
      ...(shortcoming === null ? [] : [shortcoming]),
      ...(this.#admin ? [`the rings as they turn: ${adminUrl}/ in a browser`] : []),
    ]
  }

  /** SIGHUP. What cannot be read anew stays as it was, and the log says why. Never rejects. */
  async reload(): Promise<void> {
    if (this.#notReady !== undefined) return // on its way out
    this.#log.info('reloading')
    await this.#service?.reloading()
    const problems = [
      await this.#renew('ROOT is opened anew', 'serving the old ROOT', () => this.#files?.reopen()),
      ...(this.#options.tokens === undefined
        ? []
        : [await this.#renew('tokens are read anew', 'the old tokens are known', () => this.#readTokens())]),
    ].filter((problem) => problem !== null)
    const outcome = problems.length === 0 ? '' : `reload failed: ${problems.join('; ')}; `
    // A signal to stop may have come meanwhile: who was told that it stops is not to be told that it is ready.
    if (this.#notReady === undefined) await this.#service?.ready(outcome + this.#status())
  }

  /** What failed, and what is so instead; null: nothing did. */
  async #renew(done: string, otherwise: string, work: () => Promise<void> | undefined): Promise<string | null> {
    try {
      await work()
      this.#log.info({ root: this.#options.root }, `reloaded: ${done}`)
      return null
    } catch (error) {
      this.#log.error({ err: error }, `reload failed: ${otherwise}`)
      return `${error instanceof Error ? error.message : String(error)}, ${otherwise}`
    }
  }

  async #readTokens(): Promise<void> {
    const access = await readAccess(this.#options)
    if (access.complaint !== null) this.#log.warn(access.complaint)
    await this.#files?.changeTokens(access.tokens)
    this.#access = access
  }

  /** Orderly: whoever asks /readyz learns first, the admin server goes last. */
  async stop(reason: StopReason, { delayMs, drainMs }: DrainTimes): Promise<void> {
    this.#notReady = 'stopping'
    const inFlight = this.#files?.requestsInFlight
    if (reason.kind === 'signal') this.#log.info({ signal: reason.signal, inFlight, delayMs, drainMs }, 'stopping')
    else this.#log.fatal({ err: reason.error, inFlight }, 'stopping after an error that nobody handled')
    void this.#service?.stopping(delayMs + drainMs + closeMsMax, `stopping: requests in flight: ${inFlight ?? 0}`)
    this.#files?.sendAway()
    await sleep(delayMs)
    const cutOff = await this.#files?.drain(drainMs)
    if (cutOff) this.#log.warn({ cutOff, drainMs }, 'requests in flight were cut off')
    await this.close()
    this.#log.info('stopped')
  }

  /** Everything that was started, in reverse; one failure does not keep the rest open. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: unknown) => {
        this.#log.error({ err: error }, 'closing failed')
      })
    }
    await this.#admin?.close()
    this.#probes[Symbol.dispose]()
  }

  #ringLines(): string[] {
    const rings = this.#rings?.stats().rings ?? []
    return rings.map(({ ring, poller, reason }) => `ring ${ring}: poller ${poller} — ${reason}`)
  }

  #status(): string {
    return this.lines().join('; ')
  }
}
