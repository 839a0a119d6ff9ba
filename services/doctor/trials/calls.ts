// Asks the kernel directly, call by call, so that what denies io_uring can be told apart: with arguments that the kernel itself refuses in
// a way of its own, a filter shows by answering first. A trial, run in a process of its own (child.ts). ../denial.ts says what it means.
import { readFileSync } from 'node:fs'
import { Params, SetupFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { controllerFolders } from '../../machine/cgroup.ts'
import { readText } from '../../machine/text.ts'
import { readPolicy } from '../policy.ts'
import type { Tell } from './trial.ts'

/** Results are values of zero and more, or -errno; absent: it was not called, or the caller was killed for it. */
export interface CallFacts {
  /** The call that was made last. */
  readonly calling: 'setup' | 'enter' | 'register'
  /** io_uring_setup without parameters: the kernel says EFAULT, once it is past the sysctl and security modules. */
  readonly bareSetup: number
  /** A ring of four entries, plain and with an SQ thread. */
  readonly setup: number
  readonly sqThreadSetup: number
  /** Of descriptor -1: the kernel says EBADF or EINVAL. Neither the sysctl nor a security module is asked. */
  readonly enter: number
  readonly register: number
  /** Whether the kernel has io_uring, by its symbols; null where it shows none. */
  readonly hasIoUring: boolean | null
  /** Whether its security modules are asked by io_uring_setup (6.15), and about SQ threads (5.16); null where it shows no symbols. */
  readonly asksModules: boolean | null
  readonly asksModulesOfSqThreads: boolean | null
  readonly memory: MemoryFacts | null
  /**
   * What the plain setup is answered with beneath a filter of our own: ENOSYS where every other filter lets it through, otherwise theirs.
   * null: nothing was refused, there is no filter, or none of our own may be put on top.
   */
  readonly filteredSetup: number | null
}

/** What stands behind an ENOMEM of io_uring_setup. */
export interface MemoryFacts {
  /** RLIMIT_MEMLOCK; null for none. */
  readonly softBytes: number | null
  readonly hardBytes: number | null
  /** CAP_IPC_LOCK: the limit is not looked at. */
  readonly mayLock: boolean
  /** The same setup with the soft limit raised to the hard one; null where that is no higher. */
  readonly raisedSetup: number | null
  /** How much more often a memory cgroup has refused memory afterwards. */
  readonly cgroupRefusals: number
}

const ioUringSetup = 425
const [ENOMEM, ENOSYS] = [-12, -38]
/** prlimit64(2) and prctl(2), by architecture. */
const prlimitNumber: Readonly<Record<string, number>> = { x64: 302, arm64: 261 }
const prctlNumber: Readonly<Record<string, number>> = { x64: 157, arm64: 167 }
const RLIMIT_MEMLOCK = 8
const [PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER] = [22, 38, 2]

/** Kept alive by the module: the kernel is given their addresses. */
const params = new DataView(new ArrayBuffer(Params.sizeBytes))
const limits = new BigUint64Array(new ArrayBuffer(16))

/** `if (nr == io_uring_setup) return SECCOMP_RET_TRACE; return SECCOMP_RET_ALLOW`: struct sock_filter is code, jt, jf, k. */
const traceSetup = [
  [0x20, 0, 0, 0],
  [0x15, 0, 1, ioUringSetup],
  [0x06, 0, 0, 0x7ff0_0000],
  [0x06, 0, 0, 0x7fff_0000],
] as const
const instructionBytes = 8
const filter = new DataView(new ArrayBuffer(traceSetup.length * instructionBytes))
/** struct sock_fprog: how many instructions, and where. */
const filterProgram = new DataView(new ArrayBuffer(16))

function setup(flags: number): number {
  const addon = binding()
  for (let at = 0; at < Params.sizeBytes; at++) params.setUint8(at, 0)
  params.setUint32(Params.flags, flags, true)
  const result = addon.call(ioUringSetup, 4, addon.addressOf(params), 0, 0, 0, 0)
  if (result >= 0) addon.closeFd(result)
  return result
}

function symbols(): Pick<CallFacts, 'hasIoUring' | 'asksModules' | 'asksModulesOfSqThreads'> {
  let text: string
  try {
    text = readFileSync('/proc/kallsyms', 'latin1')
  } catch {
    text = ''
  }
  if (!text.includes('sys_read')) return { hasIoUring: null, asksModules: null, asksModulesOfSqThreads: null }
  return {
    hasIoUring: /sys_io_uring_setup$/m.test(text),
    asksModules: / security_uring_allowed$/m.test(text),
    asksModulesOfSqThreads: / security_uring_sqpoll$/m.test(text),
  }
}

/** memory.events of version 2, memory.failcnt of version 1, of all groups on the path. */
function refusals(): number {
  return controllerFolders('/', 'memory')
    .map((folder) => {
      const events = /^max (\d+)$/m.exec(readText('/', `${folder}/memory.events`))?.[1]
      return Number(events ?? (readText('/', `${folder}/memory.failcnt`) || '0'))
    })
    .reduce((sum, count) => sum + count, 0)
}

const limitOf = (text: string | undefined): number | null => (/^\d+$/.test(text ?? '') ? Number(text) : null)

function raiseAndTry(hardBytes: number | null): number | null {
  const number = prlimitNumber[process.arch]
  if (number === undefined) return null
  const addon = binding()
  const unlimited = 2n ** 64n - 1n
  const hard = hardBytes === null ? unlimited : BigInt(hardBytes)
  limits.fill(hard)
  const raised = addon.call(number, 0, RLIMIT_MEMLOCK, addon.addressOf(limits), 0, 0, 0)
  return raised < 0 ? null : setup(0)
}

function traceMemory(before: number): MemoryFacts {
  const [soft, hard] = (/^Max locked memory +(\S+) +(\S+)/m.exec(readText('/', 'proc/self/limits')) ?? []).slice(1)
  const [softBytes, hardBytes] = [limitOf(soft), limitOf(hard)]
  const cgroupRefusals = refusals() - before
  const isHigher = (hardBytes ?? Infinity) > (softBytes ?? Infinity)
  const raisedSetup = isHigher ? raiseAndTry(hardBytes) : null
  return { softBytes, hardBytes, mayLock: readPolicy().mayLock, raisedSetup, cgroupRefusals }
}

/**
 * Whether a filter answers io_uring_setup, for certain: our own leaves the call to a tracer, of which there is none, so that the kernel says
 * ENOSYS without doing it. That an errno or a kill of another filter ranks above it, seccomp(2) promises. Last of all: it stays in force.
 */
function trySetupFiltered(refused: number): number | null {
  const prctl = prctlNumber[process.arch]
  if (prctl === undefined || refused >= 0 || refused === ENOSYS || readPolicy().seccomp !== 2) return null
  const addon = binding()
  for (const [index, [code, whenTrue, whenFalse, value]] of traceSetup.entries()) {
    const at = index * instructionBytes
    filter.setUint16(at, code, true)
    filter.setUint8(at + 2, whenTrue)
    filter.setUint8(at + 3, whenFalse)
    filter.setUint32(at + 4, value, true)
  }
  filterProgram.setUint16(0, traceSetup.length, true)
  filterProgram.setBigUint64(8, BigInt(addon.addressOf(filter)), true)
  // Refused to who may do without: the next call says so.
  addon.call(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
  const put = addon.call(prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addon.addressOf(filterProgram), 0, 0, 0)
  return put < 0 ? null : setup(0)
}

/** Whoever is killed has told before which call it was. */
export function tryCalls(_argument: string, tell: Tell): void {
  const addon = binding()
  tell(symbols())
  tell({ calling: 'enter' })
  tell({ enter: addon.enter(-1, 0, 0, 0) })
  tell({ calling: 'register' })
  tell({ register: addon.register(-1, 2, null, 0) })
  tell({ calling: 'setup' })
  tell({ bareSetup: addon.call(ioUringSetup, 0, 0, 0, 0, 0, 0) })
  const before = refusals()
  const result = setup(0)
  tell({ setup: result, memory: result === ENOMEM ? traceMemory(before) : null })
  tell({ sqThreadSetup: setup(SetupFlag.SQPOLL) })
  tell({ filteredSetup: trySetupFiltered(result) })
}
