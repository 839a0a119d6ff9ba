// What a program's callback throws is the program's: it is an uncaught exception, as from a callback of node:net, and what called goes on.
// Used wherever services/net calls programs from within a completion.

/** Throws `error` when the running code is done. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
