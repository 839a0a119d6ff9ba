#!/usr/bin/env node
// The command line `ringmaster`. Catches signals first and loads the rest (program.ts) then: as process 1 a signal that nobody catches is lost.
import { endAtOnceOnSignals } from './early-signals.ts'
import { exitCodes, lackOfDescriptors } from './exit.ts'
import { reportFewDescriptors } from './few-descriptors.ts'

endAtOnceOnSignals()
const { run } = await import('./program.ts').catch(endWithoutDescriptors)
await run()

/** Node reads some 250 modules at once, each with a descriptor. */
async function endWithoutDescriptors(error: unknown): Promise<never> {
  const message = lackOfDescriptors(error)
  if (message === null) throw error
  const [command, ...args] = process.argv.slice(2)
  const isDoctor = command === 'doctor'
  const reported = isDoctor ? await reportFewDescriptors(args) : null
  if (reported === null) process.stderr.write(`ringmaster: ${message}\n`)
  process.exit(reported ?? (isDoctor ? exitCodes.usage : exitCodes.failure))
}
