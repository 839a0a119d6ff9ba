// The daemon behind `ringmaster serve`: starts rings, file server and admin server in that order, waits for a reason to
// stop, and stops them in reverse; tells its service manager about all of it. Called by serve.ts.
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { startAdminServer, type AdminServer } from '../../metrics/admin-server.ts'
import { LiveFeed } from '../../metrics/live-feed.ts'
import { livePage } from '../../metrics/live-page.ts'
import { codeOf } from '../http/http-error.ts'
import { HttpServer } from '../http/http-server.ts'
import type { RingAdvice } from '../advice.ts'
import type { ProfileEvent } from '../profile/event.ts'
import { FileRecorder } from '../recording/recorder.ts'
import { Ringmaster } from '../ringmaster.ts'
import type { WorkerEvent } from '../../workers/supervisor.ts'
import { limitConnections } from './connection-limit.ts'
import { daemonMetrics } from './daemon-metrics.ts'
import { CommandError, exitCodes } from './exit.ts'
import { formatAddress, listenError, requireLoopback, type ListenAddress } from './listen-address.ts'
import type { LogLevel } from './log-levels.ts'
import { createLog } from './log.ts'
import { takeManagerEnvironment, type ManagerEnvironment } from './manager-environment.ts'
import { assignPassedSockets, type PassedSocket, type PassedSockets } from './passed-sockets.ts'
import type { pollers, trafficStates } from './serve-values.ts'
import { Probes } from './probes.ts'
import { watchForReload } from './reload.ts'
import { requireRoot, ServedRoot } from './served-root.ts'
import { ServiceManager } from './service-manager.ts'
import { watchForStop, type StopReason } from './stop.ts'
import { traceRoute } from './trace-route.ts'
import { trafficRoute } from './traffic-route.ts'
import { readVersion } from './version.ts'

export interface FileDaemonOptions {
  /** As it was said; undefined: nothing was. */
  readonly root: string | undefined
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly public?: boolean
  readonly rings?: number
  readonly poller: (typeof pollers)[number]
  readonly profile?: string
  readonly adapt?: boolean
  readonly traffic: (typeof trafficStates)[number]
  readonly logLevel: LogLevel
  readonly drainDelaySeconds: number
  readonly drainSeconds: number
  readonly silenceSeconds: number
}

/** With ROOT found. */
type StartOptions = FileDaemonOptions & { readonly root: string }

/** What a crash leaves for requests in flight: the process is not to be trusted with more. */
const drainAfterCrashMs = 1_000
/** Beyond the drain: closing rings takes milliseconds, and a supervisor is waiting. */
const closeMsMax = 5_000
/** After how long a silent worker is replaced: the library's default, less where somebody outside is less patient. */
const heartbeatTimeoutMs = { min: 500, max: 10_000 } as const

/** Runs until a signal; resolves to the exit code. Throws CommandError when it cannot start. */
export async function runFileDaemon(options: FileDaemonOptions): Promise<number> {
  const manager = takeManagerEnvironment(process.env, process.pid)
  const passed = assignPassedSockets(manager.socketNames)
  if (passed.http === undefined) requireLoopback('--listen', options.listen, options.public === true)
  if (passed.admin === undefined) requireLoopback('--admin', options.admin, options.public === true)
  const root = await requireRoot(options.root, options.public === true)
  const log = createLog(options.logLevel)
  for (const complaint of manager.complaints) log.logger.warn(complaint)
  using stop = watchForStop(log.flush)
  using reload = watchForReload()
  const daemon = new FileDaemon({ ...options, root }, manager, passed, log.logger)
  try {
    await daemon.start()
  } catch (error) {
    await daemon.close()
    throw error
  }
  // At once: who reads it has all of it or nothing.
  process.stdout.write(`${daemon.lines().join('\n')}\n`)
  reload.start(() => daemon.reload())

  const reason = await stop.reason
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

interface DrainTimes {
  /** Not ready any more, and still accepting. */
  readonly delayMs: number
  /** Not accepting, and finishing what is in flight. */
  readonly drainMs: number
}

function drainTimes(reason: StopReason, { drainDelaySeconds, drainSeconds }: FileDaemonOptions): DrainTimes {
  const drainMs = drainSeconds * 1000
  if (reason.kind === 'crash') return { delayMs: 0, drainMs: Math.min(drainMs, drainAfterCrashMs) }
  return { delayMs: drainDelaySeconds * 1000, drainMs }
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
  #root: ServedRoot | undefined
  #http: HttpServer | undefined
  #admin: AdminServer | undefined
  #service: ServiceManager | undefined
  #notReady: string | undefined = 'starting'

  constructor(options: StartOptions, manager: ManagerEnvironment, passed: PassedSockets, log: Logger) {
    this.#options = options
    this.#manager = manager
    this.#passed = passed
    this.#log = log
    const silentMsMax = options.silenceSeconds * 1000
    this.#probes = new Probes({ rings: () => this.#rings?.health() ?? [], silentMsMax })
    this.#probes.addReadiness('accepting', () => this.#notReady)
  }

  async start(): Promise<void> {
    const { listen, admin, root } = this.#options
    const rings = await this.#startRings()
    this.#rings = rings
    this.#closers.push(() => rings.close())
    const served = await ServedRoot.open(rings, root)
    this.#root = served
    this.#closers.push(() => served.close())
    const folder = new FileRecorder(served)
    const { notifySocket, watchdogMs } = this.#manager
    const problem = (): string | undefined => this.#probes.live().reason
    const service = new ServiceManager({ notifySocket, watchdogMs, rings, problem, log: this.#log })
    this.#service = service
    this.#closers.push(() => service.close())

    const connections = limitConnections(this.#log)
    const limits = { connectionsMax: connections.files }
    const { fd } = this.#passed.http ?? {}
    this.#http = await HttpServer.start({ folder, ...listen, fd, log: this.#log, limits }).catch((error: unknown) => {
      throw startListenError('--listen', listen, this.#passed.http, error)
    })
    this.#checkBound('--listen', listen, this.#passed.http, this.#http.bound)
    const registry = daemonMetrics({ rings, http: this.#http, probes: this.#probes, root })
    const feed = new LiveFeed({ source: rings.live(readVersion()), ready: this.#probes.ready })
    feed.register(registry)
    const tells = this.#options.traffic === 'on'
    this.#admin = await startAdminServer({
      ...admin,
      ...(this.#passed.admin !== undefined && { fd: this.#passed.admin.fd }),
      registry,
      ready: this.#probes.ready,
      live: this.#probes.live,
      describe: () => [`ringmaster ${readVersion()}`, ...this.lines()].join('\n'),
      routes: new Map([
        ['/live', feed.route],
        [
          '/trace',
          traceRoute(rings, () => ({ ringmaster: readVersion(), rings: this.#ringLines() }), tells ? folder : null),
        ],
        ...(tells ? [['/traffic', trafficRoute(this.#http.traffic)] as const] : []),
      ]),
      page: livePage(),
      anyHost: this.#options.public === true,
      connections: connections.admin,
    }).catch((error: unknown) => {
      throw startListenError('--admin', admin, this.#passed.admin, error)
    })
    this.#checkBound('--admin', admin, this.#passed.admin, this.#admin.address)
    this.#notReady = undefined
    const { rings: each, placement } = rings.stats()
    this.#log.info({ root, rings: each, placement: placement.summary, lines: this.lines() }, 'started')
    await service.ready(this.#status())
  }

  /** What was started and why it is as it is, for people. */
  lines(): string[] {
    const unixUrl = (socket: PassedSocket | undefined): string => `unix:${socket?.path ?? ''}:`
    const bound = this.#http?.bound
    const httpUrl = bound
      ? `http://${formatAddress({ host: bound.address, port: bound.port })}`
      : unixUrl(this.#passed.http)
    const adminUrl = this.#admin?.url || unixUrl(this.#passed.admin)
    return [
      ...(this.#http ? [`serving ${this.#options.root} at ${httpUrl}/b/`] : []),
      ...(this.#admin ? [`metrics at ${adminUrl}/metrics`] : []),
      ...this.#ringLines(),
      ...(this.#admin ? [`the rings as they turn: ${adminUrl}/ in a browser`] : []),
    ]
  }

  /** SIGHUP. What cannot be read anew stays as it was, and the log says why. Never rejects. */
  async reload(): Promise<void> {
    if (this.#notReady !== undefined) return // on its way out
    this.#log.info('reloading')
    await this.#service?.reloading()
    let outcome = ''
    try {
      await this.#root?.reopen()
      this.#log.info({ root: this.#options.root }, 'reloaded: ROOT is opened anew')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      outcome = `reload failed: ${reason}, serving the old ROOT; `
      this.#log.error({ err: error }, 'reload failed: serving the old ROOT')
    }
    // A signal to stop may have come meanwhile: who was told that it stops is not to be told that it is ready.
    if (this.#notReady === undefined) await this.#service?.ready(outcome + this.#status())
  }

  /** Orderly: whoever asks /readyz learns first, the admin server goes last. */
  async stop(reason: StopReason, { delayMs, drainMs }: DrainTimes): Promise<void> {
    this.#notReady = 'stopping'
    const inFlight = this.#http?.requestsInFlight
    if (reason.kind === 'signal') this.#log.info({ signal: reason.signal, inFlight, delayMs, drainMs }, 'stopping')
    else this.#log.fatal({ err: reason.error, inFlight }, 'stopping after an error that nobody handled')
    void this.#service?.stopping(delayMs + drainMs + closeMsMax, `stopping: requests in flight: ${inFlight ?? 0}`)
    this.#http?.sendAway()
    await sleep(delayMs)
    const cutOff = await this.#http?.drain(drainMs)
    if (cutOff) this.#log.warn({ cutOff, drainMs }, 'requests in flight were cut off')
    await this.close()
    this.#log.info('stopped')
  }

  /** Everything that was started, in reverse; one failure does not keep the rest open. */
  async close(): Promise<void> {
    await this.#http?.drain(0)
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: unknown) => {
        this.#log.error({ err: error }, 'closing failed')
      })
    }
    await this.#admin?.close()
    this.#probes[Symbol.dispose]()
  }

  async #startRings(): Promise<Ringmaster> {
    const { poller, adapt = false, rings: ringCount, silenceSeconds, profile } = this.#options
    const onAdvice = (advice: RingAdvice): void => {
      if (advice.cause === 'none') this.#log.info(advice, 'the poller suits the load again')
      else if (advice.moved) this.#log.info(advice, `the ring was moved to poller ${advice.poller}`)
      else this.#log.warn(advice, `poller ${advice.poller} would suit the load better`)
    }
    const onProfile = ({ state, path, differences, message }: ProfileEvent): void => {
      this.#log[state === 'loaded' ? 'info' : 'warn']({ profile: path, state, differences }, message)
    }
    const onWorker = ({ ring, state, cause }: WorkerEvent): void => {
      if (state === 'well') this.#log.info({ ring }, 'another worker has adopted the ring')
      else if (state === 'silent')
        this.#log.warn({ ring, err: cause }, 'a ring worker is silent: it is ended, to be replaced')
      else if (state === 'replacing') this.#log.warn({ ring, err: cause }, 'a ring worker has ended: it is replaced')
      else
        this.#log.error(
          { ring, err: cause },
          'a ring worker has ended, and no other can be started: tried again now and then',
        )
    }
    // The library is to have replaced a silent worker before somebody outside ends the process for it.
    const patienceMs = Math.min(silenceSeconds * 1000, this.#manager.watchdogMs ?? Infinity) / 2
    const { min, max } = heartbeatTimeoutMs
    return Ringmaster.start({
      poller,
      adapt,
      rings: ringCount ?? 'auto',
      profile,
      onProfile,
      heartbeatTimeoutMs: Math.round(Math.min(max, Math.max(min, patienceMs))),
      onAdvice,
      onWorker,
    }).catch((error: unknown) => {
      throw startError(error)
    })
  }

  /** A socket that was passed wins over the option, and is held to the same rule. */
  #checkBound(
    option: string,
    wanted: ListenAddress,
    socket: PassedSocket | undefined,
    bound: AddressInfo | null,
  ): void {
    if (socket === undefined) return
    const address = bound && { host: bound.address, port: bound.port }
    if (address !== null) requireLoopback(option, address, this.#options.public === true)
    const passed = address === null ? `unix:${socket.path ?? ''}` : formatAddress(address)
    const asked = formatAddress(wanted)
    if (passed !== asked) {
      this.#log.info({ fd: socket.fd, passed, [option]: asked }, `a socket was passed: ${option} is not used`)
    }
  }

  #ringLines(): string[] {
    const rings = this.#rings?.stats().rings ?? []
    return rings.map(({ ring, poller, reason }) => `ring ${ring}: poller ${poller} — ${reason}`)
  }

  #status(): string {
    return this.lines().join('; ')
  }
}

function startListenError(
  option: string,
  wanted: ListenAddress,
  socket: PassedSocket | undefined,
  cause: unknown,
): CommandError {
  if (socket === undefined) return listenError(option, wanted, cause)
  const problem = `descriptor ${socket.fd}, passed instead of ${option}, cannot be listened on: ${codeOf(cause) ?? String(cause)}`
  return new CommandError(
    `${problem}. It must be a stream socket (ListenStream= in the socket unit).`,
    exitCodes.usage,
    {
      cause,
    },
  )
}

/** Rings that cannot be had, or not as asked for: the library says it well, and its stack helps nobody here. */
function startError(error: unknown): unknown {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === undefined) return error
  const isUsage = ['ERR_OUT_OF_RANGE', 'ERR_RING_PROFILE'].includes(code) || code.startsWith('ERR_INVALID_ARG')
  const exitCode = isUsage ? exitCodes.usage : exitCodes.failure
  return new CommandError(error.message.replace('options.', '--'), exitCode, { cause: error })
}
