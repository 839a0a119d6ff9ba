// What a service manager (systemd, or who speaks as it does) says in the environment: where to send word, how often, and which sockets it
// has opened. Read once, by file-daemon.ts, before anything is started: threads and child processes must not see it, or they would
// speak, or listen, in the daemon's name. Sources: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).

export interface ManagerEnvironment {
  /** Path, or '@' and a name in the abstract space. */
  readonly notifySocket: string | undefined
  /** The manager acts when it has not heard for so long. */
  readonly watchdogMs: number | undefined
  /** Names of the sockets that were passed, from descriptor 3 on; '' where there is no name. */
  readonly socketNames: readonly string[]
  /** What cannot be understood, for the log: a service does not fail over how it was called. */
  readonly complaints: readonly string[]
}

/** By sd_listen_fds(3). */
export const firstPassedFd = 3
const socketsMax = 64

const names = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'] as const

/** Takes what is there out of `env`. What is meant for another process, by its pid, is taken out and otherwise ignored. */
export function takeManagerEnvironment(env: NodeJS.ProcessEnv, pid: number): ManagerEnvironment {
  const taken: Partial<Record<(typeof names)[number], string>> = {}
  for (const name of names) {
    const value = env[name]
    if (value !== undefined && value !== '') taken[name] = value
    Reflect.deleteProperty(env, name)
  }
  const complaints: string[] = []
  const number = (name: (typeof names)[number], max: number): number | undefined => {
    const text = taken[name]
    if (text === undefined) return undefined
    if (/^\d{1,16}$/.test(text) && Number(text) <= max) return Number(text)
    complaints.push(`${name}=${text} is no number from 0 to ${max}: ignored`)
    return undefined
  }
  const watchdogPid = number('WATCHDOG_PID', Number.MAX_SAFE_INTEGER)
  const watchdogUs = number('WATCHDOG_USEC', Number.MAX_SAFE_INTEGER)
  const watched = watchdogPid === undefined || watchdogPid === pid
  const listenPid = number('LISTEN_PID', Number.MAX_SAFE_INTEGER)
  const listenFds = number('LISTEN_FDS', socketsMax)
  const socketNames = (taken.LISTEN_FDNAMES ?? '').split(':')
  return {
    notifySocket: taken.NOTIFY_SOCKET,
    watchdogMs: watched && watchdogUs !== undefined && watchdogUs > 0 ? watchdogUs / 1000 : undefined,
    // Without LISTEN_PID they are nobody's: sd_listen_fds(3) does not take them either.
    socketNames: Array.from(
      { length: listenPid === pid ? (listenFds ?? 0) : 0 },
      (_, index) => socketNames[index] ?? '',
    ),
    complaints,
  }
}
