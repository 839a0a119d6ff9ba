#!/usr/bin/env node
// The command line `ringmaster`. Catches signals first and loads the rest (program.ts) then: as process 1 a signal that nobody catches is lost.
import { endAtOnceOnSignals } from './early-signals.ts'
import { exitCodes } from './exit.ts'

endAtOnceOnSignals()
const { run } = await import('./program.ts').catch(endWithoutDescriptors)
await run()

/** Node reads some 250 modules at once, each with a descriptor. */
function endWithoutDescriptors(error: unknown): never {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'EMFILE' && code !== 'ENFILE') throw error
  process.stderr.write(
    `ringmaster: too few file descriptors to start (${code}): raise ulimit -n (LimitNOFILE=, --ulimit nofile=) to 1024 or more\n`,
  )
  process.exit(exitCodes.failure)
}
