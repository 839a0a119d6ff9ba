// SIGHUP: read anew what can change while the daemon runs. Used by file-daemon.ts.

export interface ReloadWatch extends Disposable {
  /** From now on a SIGHUP has `reload` run, and one that came before this has it run now. It must not reject. */
  start(reload: () => Promise<void>): void
}

/**
 * Takes SIGHUP from the first moment, since it ends a process that does not. Any number of signals during a reload are one more
 * afterwards: the last must not be missed, because what it is about may have been read already.
 */
export function watchForReload(): ReloadWatch {
  let reload: (() => Promise<void>) | undefined
  let wanted = false
  let running = false

  const run = async (): Promise<void> => {
    if (running || reload === undefined) return
    running = true
    while (wanted) {
      wanted = false
      await reload()
    }
    running = false
  }
  const onSignal = (): void => {
    wanted = true
    void run()
  }
  process.on('SIGHUP', onSignal)
  return {
    start: (task) => {
      reload = task
      void run()
    },
    [Symbol.dispose]: () => {
      process.off('SIGHUP', onSignal)
    },
  }
}
