// Why the kernel, or somebody in front of it, says no to io_uring: a pure function of what was read (policy.ts) and what was tried
// (trials/calls.ts). Each cause is one that nothing else explains; where two do, it says so. Used by checks/rings.ts and checks/policy.ts.
import { errnoName } from '../../native/errors.ts'
import { shellWord } from '../shell-word.ts'
import type { Cause } from './cause.ts'
import { asRoot } from './commands.ts'
import { descriptorsFix, seccompFix, sysctlFix, withoutFilter } from './fixes.ts'
import { traceMemoryDenial } from './memory-denial.ts'
import { sysctlDenies } from './policy.ts'
import type { Policy } from './policy.ts'
import type { Surroundings } from './surroundings.ts'
import type { CallFacts } from './trials/calls.ts'
import type { TrialOutcome } from './trials/run-child.ts'

/** Everything a verdict about a denial rests on. */
export interface Evidence {
  readonly policy: Policy
  readonly calls: TrialOutcome<CallFacts>
  readonly surroundings: Surroundings
  readonly kernelRelease: string
}

const [EPERM, ENOMEM, EACCES, ENFILE, EMFILE, ENOSYS] = [-1, -12, -13, -23, -24, -38]

export const isDenied = (result: number | undefined): boolean => result === EPERM || result === EACCES
const isMissing = (result: number | undefined): boolean => result === ENOSYS

/** Whether a filter answers io_uring_setup, as was tried with one of our own on top; null where that was not possible. */
const setupIsFiltered = ({ policy, calls }: Evidence): boolean | null => {
  const { filteredSetup = null } = calls.facts
  // A tracer may have answered that, too.
  return filteredSetup === null || policy.tracerPid !== 0 ? null : filteredSetup !== ENOSYS
}

/** An errno for what the kernel would have refused with another one (EFAULT), or that a filter has given. */
const isAnsweredAlike = (evidence: Evidence): boolean => {
  const { setup = 0, bareSetup } = evidence.calls.facts
  return setup < 0 && (setup === bareSetup || setupIsFiltered(evidence) === true)
}

/** For a ring and room beside it. */
const descriptorsAdvised = 1024

/** Security modules that have no say in io_uring: they implement none of its hooks (security/ of Linux 6.18). */
const indifferent = [
  'capability',
  'lockdown',
  'yama',
  'landlock',
  'loadpin',
  'safesetid',
  'integrity',
  'ima',
  'evm',
  'ipe',
  'tomoyo',
]

/** Those that may deny; null where it cannot be told which are active. */
const concernedModules = ({ modules }: Policy): readonly string[] | null =>
  modules?.filter((name) => !indifferent.includes(name)) ?? null

/** Why a ring cannot be made, or not be used. */
export function traceDenial(evidence: Evidence): Cause {
  const { calls, surroundings } = evidence
  const { facts } = calls
  if (calls.end === 'killed' && calls.detail === 'SIGSYS')
    return {
      cause: 'seccomp',
      why: `a seccomp filter kills whoever calls io_uring_${facts.calling ?? 'setup'} (SIGSYS ended the process that tried)`,
      fix: seccompFix(surroundings),
    }
  if (calls.end !== 'done') return unknown(`trying it ended without an answer (${calls.detail})`)
  const { setup, enter, register } = facts
  if (setup !== undefined && isAnsweredAlike(evidence) && !isDenied(setup) && !isMissing(setup))
    return traceInFront(
      evidence,
      `io_uring_setup is answered with ${errnoName(setup)} before the kernel has looked at what is asked`,
    )
  if (setup === ENOMEM) return traceMemoryDenial(facts.memory ?? null, surroundings)
  if (setup === EMFILE || setup === ENFILE)
    return {
      cause: 'descriptors',
      why: `no file descriptor is left (${errnoName(setup)} of io_uring_setup), ${setup === ENFILE ? 'on the whole machine' : 'in this process'}`,
      fix:
        setup === ENFILE
          ? sysctlFix(surroundings, 'fs.file-max=1000000')
          : descriptorsFix(surroundings, descriptorsAdvised),
    }
  if (isMissing(setup) || isMissing(enter) || isMissing(register)) return traceMissing(evidence)
  if (setup !== undefined && isDenied(setup)) return traceSetup(evidence, setup)
  const other = isDenied(enter) ? 'io_uring_enter' : isDenied(register) ? 'io_uring_register' : null
  if (other !== null)
    return traceInFront(evidence, `${other} is denied, which neither the sysctl nor a security module is asked about`)
  if (setup !== undefined && setup < 0)
    return unknown(`io_uring_setup ends with ${errnoName(setup)}, which no policy answers with`)
  return unknown('each of the three system calls is answered as the kernel does, when asked by itself')
}

const unknown = (why: string, fix: string | null = null): Cause => ({ cause: 'unknown', why, fix })

/** Somebody has answered before the kernel did: a filter, or a tracer; a library in front of libc's syscall(3) looks just the same. */
function traceInFront({ policy, surroundings }: Evidence, what: string): Cause {
  if (policy.tracerPid !== 0 && policy.seccomp === 2)
    return unknown(
      `${what}: by process ${policy.tracerPid}, which traces this one and may answer in the kernel's place, or by the seccomp filter that is in force`,
      `run it without process ${policy.tracerPid}: what is denied then is the filter's`,
    )
  if (policy.tracerPid !== 0)
    return {
      cause: 'tracer',
      why: `${what}: process ${policy.tracerPid} traces this one (strace, a debugger, a sandbox), and may answer in the kernel's place`,
      fix: `run it without process ${policy.tracerPid}`,
    }
  if (policy.seccomp === 2)
    return {
      cause: 'seccomp',
      why: `${what}, and a seccomp filter is in force (Seccomp: 2)`,
      fix: seccompFix(surroundings),
    }
  return unknown(
    `${what}; there is no seccomp filter and no tracer, so something else answers before the kernel (a preloaded library, gVisor)`,
  )
}

/** ENOSYS: the kernel has no io_uring, or somebody says so. */
function traceMissing(evidence: Evidence): Cause {
  const { calls, policy, kernelRelease } = evidence
  const { setup, enter, register, hasIoUring } = calls.facts
  const some = [setup, enter, register].some((result) => result !== undefined && !isMissing(result))
  if (some) return traceInFront(evidence, 'not all of the three system calls are answered with ENOSYS')
  if (policy.disabled !== null || hasIoUring === true) {
    const proof = policy.disabled !== null ? 'the sysctl kernel.io_uring_disabled' : 'the symbols of /proc/kallsyms'
    return traceInFront(evidence, `the kernel has io_uring (${proof}) and the call is answered with ENOSYS`)
  }
  const fix = 'a kernel of 5.13 or later with CONFIG_IO_URING=y'
  if (hasIoUring === false)
    return {
      cause: 'kernel',
      why: `this kernel (${kernelRelease}) has no io_uring: /proc/kallsyms has no such system call`,
      fix,
    }
  if (policy.seccomp === 0 && policy.tracerPid === 0)
    return {
      cause: 'kernel',
      why: `this kernel (${kernelRelease}) has no io_uring: ENOSYS, with no filter and no tracer in front of it`,
      fix,
    }
  return unknown(
    `ENOSYS: this kernel (${kernelRelease}) has no io_uring, or a filter hides it; it shows neither symbols nor the sysctl`,
  )
}

function traceSetup(evidence: Evidence, setup: number): Cause {
  const { calls, policy, surroundings } = evidence
  const { bareSetup, enter, register, asksModules } = calls.facts
  const denied = sysctlDenies(policy)
  const isFiltered = isDenied(enter) || isDenied(register) || setupIsFiltered(evidence) === true
  if (denied === true) {
    const who =
      policy.disabled === '2'
        ? 'to everybody'
        : 'to processes without CAP_SYS_ADMIN outside of the group kernel.io_uring_group'
    const also = isFiltered ? `; and a filter denies it as well: ${seccompFix(surroundings)}` : ''
    const group = policy.disabled === '1' ? ' # or sysctl -w kernel.io_uring_group=GID, of a group of this process' : ''
    return {
      cause: 'sysctl',
      why: `the sysctl kernel.io_uring_disabled=${policy.disabled} denies io_uring ${who}${also}`,
      fix: `${sysctlFix(surroundings, 'kernel.io_uring_disabled=0')}${group}`,
    }
  }
  const name = errnoName(setup)
  if (isDenied(enter) || isDenied(register))
    return traceInFront(
      evidence,
      `${isDenied(enter) ? 'io_uring_enter' : 'io_uring_register'} is denied too, of which the kernel denies nobody`,
    )
  if (isFiltered)
    return traceInFront(
      evidence,
      `io_uring_setup is denied (${name}) before the kernel is asked, as a filter on top shows`,
    )
  if (denied === null)
    return unknown(
      `${name}: kernel.io_uring_disabled=1, and whether this process is in kernel.io_uring_group (${policy.group}) cannot be seen from its user namespace`,
    )
  // Past the sysctl and the modules' first hook: what is denied then is the file of the ring.
  if (!isDenied(bareSetup))
    return traceModule(evidence, `io_uring_setup passes, and the ring's file is denied (${name})`)
  const modules = concernedModules(policy)
  const noModule =
    asksModules === false
      ? 'about which this kernel asks no security module'
      : modules?.length === 0
        ? 'and no security module is active that could'
        : null
  if (noModule !== null) {
    const what = `io_uring_setup is denied (${name}), ${noModule}`
    return setupIsFiltered(evidence) === false
      ? unknown(`${what}; nor is it one of the seccomp filters, so something else answers before the kernel`)
      : traceInFront(evidence, what)
  }
  if ((policy.seccomp === 2 && setupIsFiltered(evidence) === null) || policy.tracerPid !== 0)
    return traceEither(evidence, name, modules)
  return traceModule(evidence, `io_uring_setup is denied (${name}) with the sysctl allowing it and no filter in front`)
}

/** Whoever stands in front, or a module: nothing that can be asked from here tells them apart, but somebody can. */
function traceEither({ policy, surroundings }: Evidence, name: string, modules: readonly string[] | null): Cause {
  const isFiltered = policy.seccomp === 2
  const before = [
    ...(isFiltered ? ['a seccomp filter'] : []),
    ...(policy.tracerPid === 0 ? [] : [`process ${policy.tracerPid}, which traces this one`]),
  ].join(' or ')
  const without = policy.tracerPid === 0 ? withoutFilter(surroundings) : `run it without process ${policy.tracerPid}`
  return unknown(
    `io_uring_setup is denied (${name}), and both could be it: ${before}, or a security module (${modules?.join(', ') ?? '/sys/kernel/security/lsm cannot be read'})`,
    `to tell: ${without}; what is denied then is the module's, and ${auditFix(modules ?? [])} says why`,
  )
}

/** What shows by which rule a module denies. */
const auditFix = (modules: readonly string[]): string =>
  modules.includes('selinux')
    ? 'ausearch -m avc -ts recent'
    : modules.includes('bpf') && !modules.includes('apparmor')
      ? 'bpftool prog list | grep lsm'
      : 'journalctl -k | grep -i denied'

/** What has it allow io_uring. */
const moduleFix = (modules: readonly string[]): string =>
  modules.includes('selinux')
    ? 'ausearch -m avc -ts recent | audit2allow -M ringmaster, then semodule -i ringmaster.pp'
    : modules.includes('apparmor')
      ? 'add io_uring, to the AppArmor profile that journalctl -k names, then apparmor_parser -r it'
      : modules.includes('bpf')
        ? 'bpftool prog list | grep lsm shows the program that denies it: end whoever has loaded it'
        : auditFix(modules)

/** A security module has denied it: nothing else is left. */
function traceModule({ policy }: Evidence, what: string): Cause {
  const modules = concernedModules(policy)
  if (modules === null) {
    const why = `${what}: a security module, and which one cannot be told, because /sys/kernel/security/lsm cannot be read`
    return { cause: 'security module', why, fix: asRoot('mount -t securityfs none /sys/kernel/security') }
  }
  if (modules.length === 0) return unknown(`${what}, and no security module is active that could`)
  const as = policy.label === '' ? '' : `, which knows this process as ${policy.label}`
  return {
    cause: 'security module',
    why: `${what}: by a security module (active: ${modules.join(', ')}${as})`,
    fix: moduleFix(modules),
  }
}

/** Whether a seccomp filter refuses io_uring, whoever else does; null where that cannot be told. Never other than traceDenial(). */
export function filterRefuses(evidence: Evidence): boolean | null {
  const { calls, policy } = evidence
  if (policy.seccomp === 0) return false
  const { cause } = traceDenial(evidence)
  if (cause === 'seccomp') return true
  if (calls.end !== 'done') return null
  const { setup, enter, register } = calls.facts
  if (isDenied(enter) || isDenied(register)) return policy.tracerPid === 0 ? true : null
  if (isMissing(setup) || isMissing(enter) || isMissing(register)) return null
  return isDenied(setup) || isAnsweredAlike(evidence) ? setupIsFiltered(evidence) : false
}

/** IORING_FEAT_RSRC_TAGS, of 5.13: the first kernel that gives SQ threads to everybody. */
const since513 = 0x400

/** Why a ring can be made, and none with an SQ thread. A filter cannot tell the two apart: it does not see the flags. */
export function traceSqThreadDenial(evidence: Evidence, features: number): Cause {
  const { calls, policy } = evidence
  const { sqThreadSetup, asksModulesOfSqThreads } = calls.facts
  if (calls.end !== 'done') return unknown(`trying it ended without an answer (${calls.detail})`)
  if (sqThreadSetup === undefined || sqThreadSetup >= 0)
    return unknown('an SQ thread was denied before, and is not any more')
  const what = `a ring with an SQ thread is denied (${errnoName(sqThreadSetup)})`
  if (sqThreadSetup === ENOMEM) return unknown(`${what}: the kernel can start no thread, or has no memory for it`)
  if (!isDenied(sqThreadSetup)) return unknown(what)
  if ((features & since513) === 0)
    return {
      cause: 'capability',
      why: `${what}: kernels before 5.13 want CAP_SYS_NICE for it, before 5.11 CAP_SYS_ADMIN`,
      fix: `${asRoot(`setcap cap_sys_nice+ep ${shellWord(process.execPath)}`)} # or Linux 5.13`,
    }
  // No filter sees the flags, so it is none.
  if (policy.tracerPid !== 0) return traceInFront({ ...evidence, policy: { ...policy, seccomp: 0 } }, what)
  if (asksModulesOfSqThreads === false) return unknown(`${what}, and this kernel asks no security module about it`)
  return traceModule(evidence, what)
}
