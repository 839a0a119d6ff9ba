// How commands end: exit codes and errors meant for people. Used by program.ts and every command.
import { readFileSync } from 'node:fs'

/** Documented in `ringmaster --help`; scripts and service managers rely on them. */
export const exitCodes = {
  ok: 0,
  /** It could not start, or had to stop: a port in use, ROOT not there (yet), no io_uring, an internal error. */
  failure: 1,
  /** The command line is wrong; trying again does not help. */
  usage: 2,
  /** 128 + the number of the signal, when a second one did not want to wait for the first, or there was nothing to finish. */
  interrupted: 130,
  terminated: 143,
} as const

export const exitCodesHelp: string = `
Exit codes:
  0    done; for a service: stopped by a signal, what was in flight finished, or was cut off after --drain-seconds
  1    failed: could not start (a port in use, ROOT that does not exist, or not yet), or had to stop
  2    wrong usage: unknown option, bad value, ROOT that is empty, no directory, or may not be read
  130  stopped at once by a second SIGINT, or by one while there is nothing to finish (at the start; trace)
  143  stopped at once by a second SIGTERM, or by one while there is nothing to finish (at the start; trace)`

/** Of commands that measure. */
export const stoppedEarly = 'ringmaster: stopped before anything was measured; data that was made is removed\n'

/** Node reads the modules of a command at once, each with a descriptor. */
const descriptorsToStart = 300

/** What to say where that is why modules could not be read: those of a command are read when it is carried out. Null where it is something else. */
export function lackOfDescriptors(error: unknown): string | null {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  // Node finds no package whose files it could not open.
  const isHidden = code === 'ERR_MODULE_NOT_FOUND' && descriptorsMax() < descriptorsToStart
  if (code !== 'EMFILE' && code !== 'ENFILE' && !isHidden) return null
  return `too few file descriptors to start (${isHidden ? 'EMFILE' : code}): raise ulimit -n (LimitNOFILE=, --ulimit nofile=) to 1024 or more`
}

function descriptorsMax(): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity)
  } catch {
    return 0
  }
}

/** An end that needs no stack trace: the message says what is wrong and what to do. */
export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}
