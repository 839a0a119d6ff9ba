// All checks, in the order of the table. A new one: copy a neighbour, and add a line here.
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'
import { checkCpus } from './cpus.ts'
import { checkDevices } from './devices.ts'
import { checkFileSystem } from './filesystem.ts'
import { checkKernel } from './kernel.ts'
import { checkLayout } from './layout.ts'
import { checkMemory } from './memory.ts'
import { checkPolicy } from './policy.ts'
import { checkPorts } from './ports.ts'
import { checkProfile } from './profile.ts'
import { checkRingsHere } from './rings.ts'
import { checkRuntime } from './runtime.ts'
import { checkSurroundings } from './surroundings.ts'

/** Says what it finds; a check does not throw for what is wrong with the machine, and leaves out what there is not. */
export type Check = (context: Context) => Promise<Finding[]>

export const checks: readonly Check[] = [
  checkRuntime,
  checkRingsHere,
  checkPolicy,
  checkKernel,
  checkLayout,
  checkProfile,
  checkMemory,
  checkCpus,
  checkFileSystem,
  checkDevices,
  checkSurroundings,
  checkPorts,
]
