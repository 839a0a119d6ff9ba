// The daemon behind `ringmaster serve`: starts rings, file server and admin server in that order, waits for a reason to
// stop, and stops them in reverse. Called by serve.ts.
import { constants } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { Registry, collectDefaultMetrics } from 'prom-client'
import { registerPlane } from '../../metrics/exporter.ts'
import { startAdminServer, type AdminServer, type ProbeResult } from '../../metrics/admin-server.ts'
import { codeOf } from '../http/http-error.ts'
import { HttpServer } from '../http/http-server.ts'
import type { Folder } from '../http/storage.ts'
import type { RingAdvice } from '../advice.ts'
import { Ringmaster } from '../ringmaster.ts'
import type { WorkerEvent } from '../../workers/supervisor.ts'
import { daemonPlane, storagePlane, StorageWatch } from './daemon-planes.ts'
import { CommandError, exitCodes } from './exit.ts'
import { formatAddress, listenError, requireLoopback, type ListenAddress } from './listen-address.ts'
import { createLog, type LogLevel } from './log.ts'
import { watchForStop, type StopReason } from './stop.ts'
import { readVersion } from './version.ts'

export const pollers = ['auto', 'kernel', 'worker', 'caller', 'threadpool'] as const

export interface FileDaemonOptions {
  readonly root: string
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly public?: boolean
  readonly rings?: number
  readonly poller: (typeof pollers)[number]
  readonly adapt?: boolean
  readonly logLevel: LogLevel
  readonly drainSeconds: number
}

/** What a crash leaves for requests in flight: the process is not to be trusted with more. */
const drainAfterCrashMs = 1_000
/** A worker is replaced in less: who has none for longer has no prospect of one. */
const graceMs = 5_000
/** Beyond the drain: closing rings takes milliseconds, and a supervisor is waiting. */
const closeMsMax = 5_000

/** Runs until a signal; resolves to the exit code. Throws CommandError when it cannot start. */
export async function runFileDaemon(options: FileDaemonOptions): Promise<number> {
  requireLoopback('--listen', options.listen, options.public === true)
  requireLoopback('--admin', options.admin, options.public === true)
  const root = await requireDirectory(options.root)
  const log = createLog(options.logLevel)
  using stop = watchForStop(log.flush)
  const daemon = new FileDaemon(options, root, log.logger)
  try {
    await daemon.start()
  } catch (error) {
    await daemon.close()
    throw error
  }
  // At once: who reads it has all of it or nothing.
  process.stdout.write(`${daemon.lines().join('\n')}\n`)

  const reason = await stop.reason
  const deadlineMs = drainMs(reason, options) + closeMsMax
  const deadline = setTimeout(() => {
    log.logger.fatal({ deadlineMs }, 'closing took too long')
    void log.flush().finally(() => process.exit(exitCodes.failure))
  }, deadlineMs)
  await daemon.stop(reason, drainMs(reason, options))
  clearTimeout(deadline)
  return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
}

function drainMs(reason: StopReason, { drainSeconds }: FileDaemonOptions): number {
  const wantedMs = drainSeconds * 1000
  return reason.kind === 'signal' ? wantedMs : Math.min(wantedMs, drainAfterCrashMs)
}

class FileDaemon {
  readonly #options: FileDaemonOptions
  readonly #root: string
  readonly #log: Logger
  /** What has been started, to be closed in reverse. */
  readonly #closers: (() => Promise<void>)[] = []
  #rings: Ringmaster | undefined
  #http: HttpServer | undefined
  #admin: AdminServer | undefined
  #notReady: string | undefined = 'starting'

  constructor(options: FileDaemonOptions, root: string, log: Logger) {
    this.#options = options
    this.#root = root
    this.#log = log
  }

  async start(): Promise<void> {
    const { listen, admin, poller, adapt = false, rings: ringCount } = this.#options
    const onAdvice = (advice: RingAdvice): void => {
      if (advice.cause === 'none') this.#log.info(advice, 'the poller suits the load again')
      else if (advice.moved) this.#log.info(advice, `the ring was moved to poller ${advice.poller}`)
      else this.#log.warn(advice, `poller ${advice.poller} would suit the load better`)
    }
    const onWorker = ({ ring, state, cause }: WorkerEvent): void => {
      if (state === 'well') this.#log.info({ ring }, 'another worker has adopted the ring')
      else if (state === 'replacing') this.#log.warn({ ring, err: cause }, 'a ring worker has ended: it is replaced')
      else
        this.#log.error(
          { ring, err: cause },
          'a ring worker has ended, and no other can be started: tried again now and then',
        )
    }
    const options = { poller, adapt, rings: ringCount ?? 'auto', onAdvice, onWorker } as const
    const rings = await Ringmaster.start(options).catch((error: unknown) => {
      throw startError(error)
    })
    this.#rings = rings
    this.#closers.push(() => rings.close())
    const folder = await this.#openRoot(rings)
    const registry = new Registry()

    this.#http = await HttpServer.start({ folder, ...listen, log: this.#log }).catch((error: unknown) => {
      throw listenError('--listen', listen, error)
    })
    collectDefaultMetrics({ register: registry })
    rings.register(registry)
    this.#http.register(registry)
    const storage = new StorageWatch(this.#root)
    void storage.refresh()
    registerPlane(registry, storagePlane, storage.subjects)
    registerPlane(registry, daemonPlane, () => [
      { labels: [], reading: { ready: this.#ready().ok, live: this.#live().ok } },
    ])

    const adminServer = await startAdminServer({
      ...admin,
      registry,
      ready: () => this.#ready(),
      live: () => this.#live(),
      describe: () => [`ringmaster ${readVersion()}`, ...this.lines()].join('\n'),
    }).catch((error: unknown) => {
      throw listenError('--admin', admin, error)
    })
    this.#admin = adminServer
    this.#notReady = undefined
    const { rings: each, placement } = rings.stats()
    this.#log.info({ root: this.#root, rings: each, placement: placement.summary, lines: this.lines() }, 'started')
  }

  /** What was started and why it is as it is, for people. */
  lines(): string[] {
    const http = this.#http?.address
    const rings = this.#rings?.stats().rings ?? []
    return [
      ...(http ? [`serving ${this.#root} at http://${formatAddress({ host: http.address, port: http.port })}/b/`] : []),
      ...(this.#admin ? [`metrics at ${this.#admin.url}/metrics`] : []),
      ...rings.map(({ ring, poller, reason }) => `ring ${ring}: poller ${poller} — ${reason}`),
    ]
  }

  /** Orderly: whoever asks /readyz learns first, the admin server goes last. */
  async stop(reason: StopReason, drainMsMax: number): Promise<void> {
    this.#notReady = 'stopping'
    const inFlight = this.#http?.requestsInFlight
    if (reason.kind === 'signal') this.#log.info({ signal: reason.signal, inFlight }, 'stopping')
    else this.#log.fatal({ err: reason.error, inFlight }, 'stopping after an error that nobody handled')
    const cutOff = await this.#http?.drain(drainMsMax)
    if (cutOff) this.#log.warn({ cutOff, drainMsMax }, 'requests in flight were cut off')
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
  }

  async #openRoot(rings: Ringmaster): Promise<Folder> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY
    const root = await rings.open(this.#root, flags).catch((error: unknown) => {
      throw rootError(this.#root, error)
    })
    this.#closers.push(() => root.close())
    return { open: (path, flags) => rings.openBeneath(root, path, flags) }
  }

  #ready(): ProbeResult {
    if (this.#notReady !== undefined) return { ok: false, reason: this.#notReady }
    const rings = this.#rings?.stats().rings ?? []
    const closed = rings.find(({ state }) => state !== 'open')
    if (closed !== undefined) return { ok: false, reason: `ring ${closed.ring} is ${closed.state}` }
    const orphan = rings.find(({ workerState, workerMissingMs }) => workerState !== 'well' && workerMissingMs > graceMs)
    return orphan === undefined
      ? { ok: true }
      : { ok: false, reason: `ring ${orphan.ring} has no worker: ${orphan.reason}` }
  }

  /** That it is asked at all proves that the event loop turns; what only a restart repairs is having no ring left. */
  #live(): ProbeResult {
    const rings = this.#rings?.stats().rings ?? []
    const dead = rings.length > 0 && rings.every(({ state }) => state === 'lost')
    return dead ? { ok: false, reason: 'all rings are lost' } : { ok: true }
  }
}

/** Rings that cannot be had, or not as asked for: the library says it well, and its stack helps nobody here. */
function startError(error: unknown): unknown {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === undefined) return error
  const isUsage = code === 'ERR_OUT_OF_RANGE' || code.startsWith('ERR_INVALID_ARG')
  const exitCode = isUsage ? exitCodes.usage : exitCodes.failure
  return new CommandError(error.message.replace('options.', '--'), exitCode, { cause: error })
}

/** The absolute path of a directory that exists, or an error that says which of the two it is not. */
async function requireDirectory(root: string): Promise<string> {
  const path = resolve(root)
  try {
    if ((await stat(path)).isDirectory()) return path
  } catch (error) {
    throw rootError(path, error)
  }
  throw new CommandError(`ROOT ${path} is not a directory`, exitCodes.usage)
}

function rootError(path: string, error: unknown): CommandError {
  const code = codeOf(error)
  const problem = code === 'ENOENT' ? 'does not exist' : `cannot be opened: ${code ?? String(error)}`
  return new CommandError(`ROOT ${path} ${problem}`, exitCodes.usage, { cause: error })
}
