#!/usr/bin/env node
// The command line `ringmaster`. Catches signals first and loads the rest (program.ts) then: as process 1 a signal that nobody catches is lost.
import { endAtOnceOnSignals } from './early-signals.ts'

endAtOnceOnSignals()
const { run } = await import('./program.ts')
await run()
