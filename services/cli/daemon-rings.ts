// Starts the rings of `ringmaster serve`, and puts into the log what becomes of them. Called by file-daemon.ts.
import type { Logger } from 'pino'
import type { WorkerEvent } from '../../workers/supervisor.ts'
import type { RingAdvice } from '../advice.ts'
import { codeOf } from '../http/http-error.ts'
import type { ProfileEvent } from '../profile/event.ts'
import { Ringmaster } from '../ringmaster.ts'
import { CommandError, exitCodes } from './exit.ts'
import type { pollers } from './serve-values.ts'

export interface DaemonRingsOptions {
  readonly poller: (typeof pollers)[number]
  readonly adapt?: boolean
  readonly rings?: number
  readonly profile?: string
  readonly silenceSeconds: number
}

/** After how long a silent worker is replaced: the library's default, less where somebody outside is less patient. */
const heartbeatTimeoutMs = { min: 500, max: 10_000 } as const

/** @throws (rejects) CommandError, and what is nobody's mistake as it is */
export function startRings(
  options: DaemonRingsOptions,
  log: Logger,
  watchdogMs: number | undefined,
): Promise<Ringmaster> {
  const { poller, adapt = false, rings = 'auto', silenceSeconds, profile } = options
  const onAdvice = (advice: RingAdvice): void => {
    if (advice.cause === 'none') log.info(advice, 'the poller suits the load again')
    else if (advice.moved) log.info(advice, `the ring was moved to poller ${advice.poller}`)
    else log.warn(advice, `poller ${advice.poller} would suit the load better`)
  }
  const onProfile = ({ state, path, differences, message }: ProfileEvent): void => {
    log[state === 'loaded' ? 'info' : 'warn']({ profile: path, state, differences }, message)
  }
  const onWorker = ({ ring, state, cause }: WorkerEvent): void => {
    if (state === 'well') log.info({ ring }, 'another worker has adopted the ring')
    else if (state === 'silent') log.warn({ ring, err: cause }, 'a ring worker is silent: it is ended, to be replaced')
    else if (state === 'replacing') log.warn({ ring, err: cause }, 'a ring worker has ended: it is replaced')
    else
      log.error({ ring, err: cause }, 'a ring worker has ended, and no other can be started: tried again now and then')
  }
  // The library is to have replaced a silent worker before somebody outside ends the process for it.
  const patienceMs = Math.min(silenceSeconds * 1000, watchdogMs ?? Infinity) / 2
  const { min, max } = heartbeatTimeoutMs
  return Ringmaster.start({
    poller,
    adapt,
    rings,
    profile,
    onProfile,
    heartbeatTimeoutMs: Math.round(Math.min(max, Math.max(min, patienceMs))),
    onAdvice,
    onWorker,
  }).catch((error: unknown) => {
    throw startError(error)
  })
}

/** Rings that cannot be had, or not as asked for: the library says it well, and its stack helps nobody here. */
export function startError(error: unknown): unknown {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === undefined) return error
  const isUsage = ['ERR_OUT_OF_RANGE', 'ERR_RING_PROFILE'].includes(code) || code.startsWith('ERR_INVALID_ARG')
  const exitCode = isUsage ? exitCodes.usage : exitCodes.failure
  return new CommandError(error.message.replace('options.', '--'), exitCode, { cause: error })
}
