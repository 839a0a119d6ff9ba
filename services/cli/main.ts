#!/usr/bin/env node
// The command line `ringmaster`. Catches signals first and loads the rest (program.ts) then: as process 1 a signal that nobody catches is lost.
import { endAtOnceOnSignals } from './early-signals.ts'
import { exitCodes, lackOfDescriptors } from './exit.ts'

endAtOnceOnSignals()
const { run } = await import('./program.ts').catch(endWithoutDescriptors)
await run()

/** Node reads some 250 modules at once, each with a descriptor. */
function endWithoutDescriptors(error: unknown): never {
  const message = lackOfDescriptors(error)
  if (message === null) throw error
  process.stderr.write(`ringmaster: ${message}\n`)
  process.exit(exitCodes.failure)
}
