// The smoke tests, in the order in which they run. Started by the init of guest-root.ts on the kernel under test, with the beginning of the
// areas that are wanted as argument; it also runs on this machine: `node dist/test/kernels/guest/smoke.js`.
import { release } from 'node:os'
import { statusOfFailures } from '../lines.ts'
import { failureCount, onlyAreas, tell } from './check.ts'
import { checkCapabilities } from './capabilities.ts'
import { checkCoordinator } from './coordinator.ts'
import { checkOperations } from './operations.ts'
import { checkPollers } from './pollers.ts'
import { checkArenas, checkStreams } from './streams.ts'

const [only = ''] = process.argv.slice(2)
onlyAreas(only)
tell({ kind: 'started', release: release(), node: process.versions.node })
await checkCapabilities()
await checkPollers()
await checkOperations()
await checkStreams()
await checkArenas()
await checkCoordinator()
// Where all is well nothing is left that would keep the process; what failed may have left something.
if (failureCount() > 0) process.exit(statusOfFailures)
