// When a service has to stop: signals and errors nobody caught. Used by the commands that run services.
import { constants } from 'node:os'
import { letGoOfSignals } from './early-signals.ts'

export type StopReason =
  | { readonly kind: 'signal'; readonly signal: 'SIGTERM' | 'SIGINT' }
  | { readonly kind: 'crash'; readonly error: unknown }

export interface StopWatch extends Disposable {
  /** Settles once, with the first reason. */
  readonly reason: Promise<StopReason>
}

/**
 * Waits for a reason to stop. After the first one the service drains; whoever sends a second signal does not want to wait
 * for that, and a second crash means that draining is what fails: both end the process at once, after `lastWords`.
 */
export function watchForStop(lastWords: () => Promise<void>): StopWatch {
  let stopping = false
  let settle: (reason: StopReason) => void
  const reason = new Promise<StopReason>((resolve) => (settle = resolve))

  const exitNow = (code: number): void => {
    void lastWords().finally(() => process.exit(code))
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGTERM' && signal !== 'SIGINT') return
    if (stopping) exitNow(128 + constants.signals[signal])
    stopping = true
    settle({ kind: 'signal', signal })
  }
  const onCrash = (error: unknown): void => {
    if (stopping) exitNow(1)
    stopping = true
    settle({ kind: 'crash', error })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  letGoOfSignals()
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', onCrash)
  return {
    reason,
    [Symbol.dispose]: () => {
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
      process.off('uncaughtException', onCrash)
      process.off('unhandledRejection', onCrash)
    },
  }
}
