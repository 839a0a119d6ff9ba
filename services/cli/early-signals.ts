// SIGTERM and SIGINT until a command has something to drain. Installed by main.ts before anything else; let go of by stop.ts.
//
// Only as process 1 (a container without an init): everywhere else the kernel ends a process that does not catch them, at once and even
// while JavaScript is busy. Process 1 has no default action: a signal that nobody catches is lost (pid_namespaces(7)).
import { constants } from 'node:os'

const signals = ['SIGTERM', 'SIGINT'] as const

function endNow(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal])
}

/** From now on a signal ends the process with 128 + its number: nothing runs yet that would have to be finished. */
export function endAtOnceOnSignals(): void {
  if (process.pid !== 1) return
  for (const signal of signals) process.on(signal, endNow)
}

/** Somebody else has caught them. Nothing where endAtOnceOnSignals() was not called. */
export function letGoOfSignals(): void {
  for (const signal of signals) process.off(signal, endNow)
}
