// io-wq: the kernel's worker threads, which carry out what would block. How many there may be, and where they run. Used by
// Registrations, and by start() and join() with a profile. The kernel keeps both for each submitting task; see registerAsSubmitter().
import { readFileSync } from 'node:fs'
import { RegisterOp } from '../../../native/abi.ts'
import { invalidArgType } from '../../../native/errors.ts'
import { Poller } from '../../../workers/poller-kind.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { checkInteger } from '../../arguments.ts'
import { checkOptions } from '../checks.ts'
import { registerAsSubmitter } from './call.ts'

const cpusMax = 8192
const countMax = 2 ** 31 - 1

/** CPUs that this machine can have. A mask of others is taken by the kernel, and means none. */
function lastCpu(): number {
  try {
    const last = /(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'latin1'))?.[1]
    return Math.min(cpusMax - 1, Number(last ?? cpusMax - 1))
  } catch {
    return cpusMax - 1
  }
}

/** Worker threads at most, for each NUMA node. */
export interface IowqMaxWorkers {
  /** For what ends in bounded time: files and block devices. */
  readonly bounded: number
  /** For what may take for ever: sockets, pipes, waits. */
  readonly unbounded: number
}

/** Sets what is given (0, or nothing: leaves it) and resolves with what it was before. */
export async function iowqMaxWorkers(handle: RingHandle, limits: Partial<IowqMaxWorkers>): Promise<IowqMaxWorkers> {
  const { bounded = 0, unbounded = 0 } = checkOptions(limits)
  const counts = Uint32Array.of(
    checkInteger(bounded, 'bounded', 0, countMax),
    checkInteger(unbounded, 'unbounded', 0, countMax),
  )
  const argument = new Uint8Array(counts.buffer)
  await registerAsSubmitter(handle, RegisterOp.REGISTER_IOWQ_MAX_WORKERS, argument, 2)
  return { bounded: counts[0]!, unbounded: counts[1]! }
}

/** Limits both kinds, as a profile has it; null: leaves them. A ring without the kernel has no such threads. @throws (rejects) SystemError */
export async function limitIoWorkers(handle: RingHandle, workersMax: number | null): Promise<void> {
  if (workersMax === null || handle.client.poller === Poller.threadpool) return
  await iowqMaxWorkers(handle, { bounded: workersMax, unbounded: workersMax })
}

/** Lets worker threads run on these CPUs only. */
export async function iowqAffinity(handle: RingHandle, cpus: readonly number[]): Promise<void> {
  if (!Array.isArray(cpus)) throw invalidArgType('cpus', 'an array of CPU numbers', cpus)
  checkInteger(cpus.length, 'cpus.length', 1, cpusMax)
  const last = lastCpu()
  const mask = new Uint8Array(cpusMax / 8)
  cpus.forEach((given: unknown, at) => {
    const cpu = checkInteger(given, `cpus[${at}]`, 0, last)
    mask[cpu >> 3]! |= 1 << (cpu & 7)
  })
  await registerAsSubmitter(handle, RegisterOp.REGISTER_IOWQ_AFF, mask, mask.length)
}

/** Lets them run anywhere again. */
export async function unregisterIowqAffinity(handle: RingHandle): Promise<void> {
  await registerAsSubmitter(handle, RegisterOp.UNREGISTER_IOWQ_AFF, null, 0)
}
