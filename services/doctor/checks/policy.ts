// What may deny io_uring, whether it does or not: the sysctl, seccomp, security modules.
import type { Context } from '../context.ts'
import type { Finding, Verdict } from '../finding.ts'
import { seccompFix } from '../fixes.ts'
import { sysctlDenies } from '../policy.ts'

/** Something that denies rings is no fault of who plans without. */
const denying = ({ plan }: Context): Verdict => (plan.poller === 'threadpool' ? 'info' : 'broken')

function checkSysctl(context: Context): Finding {
  const { policy } = context
  const base = { id: 'policy.sysctl', title: 'kernel.io_uring_disabled', need: '0' }
  if (policy.disabled === null)
    return {
      ...base,
      have: 'not there',
      verdict: 'ok',
      why: 'this kernel has no such sysctl, which came with 6.6',
      fix: null,
    }
  const denies = sysctlDenies(policy)
  const have = `${policy.disabled}${policy.disabled === '1' && policy.group >= 0 ? `, group ${policy.group}` : ''}`
  if (denies === false) {
    const pass = policy.isAdmin ? 'this process has CAP_SYS_ADMIN' : 'this process is in kernel.io_uring_group'
    const why = policy.disabled === '0' ? 'io_uring is open to everybody' : `it denies io_uring to others; ${pass}`
    return { ...base, have, verdict: policy.disabled === '0' ? 'ok' : 'info', why, fix: null }
  }
  if (denies === null)
    return {
      ...base,
      have,
      verdict: 'unknown',
      why: 'whether this process is in the group cannot be seen from its user namespace',
      fix: null,
    }
  const why =
    policy.disabled === '2'
      ? 'io_uring is off for everybody'
      : 'io_uring is for CAP_SYS_ADMIN and the group kernel.io_uring_group, and this process is neither'
  return { ...base, have, verdict: denying(context), why, fix: 'sysctl -w kernel.io_uring_disabled=0' }
}

const EPERM = -1
const EACCES = -13
const ENOSYS = -38
const isRefused = (result: number | undefined): boolean => result === EPERM || result === EACCES || result === ENOSYS

function checkSeccomp(context: Context): Finding {
  const { policy, evidence, surroundings } = context
  const base = { id: 'policy.seccomp', title: 'seccomp', need: 'none, or one that allows io_uring' }
  if (policy.seccomp === null)
    return { ...base, have: 'not said', verdict: 'unknown', why: '/proc/self/status has no line Seccomp', fix: null }
  if (policy.seccomp === 0)
    return { ...base, have: 'no filter', verdict: 'ok', why: 'Seccomp: 0 in /proc/self/status', fix: null }
  const have = `${policy.filters ?? 'some'} filter${policy.filters === 1 ? '' : 's'}`
  if (evidence === null)
    return {
      ...base,
      have,
      verdict: 'unknown',
      why: 'whether they allow io_uring cannot be asked without the addon',
      fix: null,
    }
  const { calls } = evidence
  const fix = seccompFix(surroundings)
  if (calls.end === 'killed' && calls.detail === 'SIGSYS') {
    const why = `io_uring_${calls.facts.calling ?? 'setup'} ends whoever calls it (SIGSYS)`
    return { ...base, have: `${have}, killing`, verdict: denying(context), why, fix }
  }
  const { bareSetup, enter, register } = calls.facts
  if (calls.end !== 'done')
    return { ...base, have, verdict: 'unknown', why: `trying it ended without an answer (${calls.detail})`, fix: null }
  // Neither the sysctl nor a security module is asked about these two.
  if (isRefused(enter) || isRefused(register))
    return {
      ...base,
      have: `${have}, denying`,
      verdict: denying(context),
      why: 'io_uring_enter or io_uring_register is not answered by the kernel',
      fix,
    }
  if (!isRefused(bareSetup))
    return { ...base, have, verdict: 'ok', why: 'the kernel itself answers all three system calls', fix: null }
  return {
    ...base,
    have,
    verdict: 'unknown',
    why: 'io_uring_setup is refused; what io_uring says above is all that can be told',
    fix: null,
  }
}

function checkModules({ policy, capabilities }: Context): Finding {
  const { modules, label } = policy
  const isFine = capabilities.rings.ok && capabilities.sqpoll.ok
  const named = modules === null ? 'cannot be read' : modules.join(', ')
  return {
    id: 'policy.modules',
    title: 'security modules',
    need: 'none that denies io_uring',
    have: label === '' ? named : `${named}; this process: ${label}`,
    verdict: isFine ? 'ok' : 'info',
    why: isFine
      ? 'none denies rings or SQ threads to this process'
      : modules === null
        ? 'securityfs is not mounted: mount -t securityfs none /sys/kernel/security'
        : 'what io_uring says above is by one of these, if it says so',
    fix: null,
  }
}

export function checkPolicy(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkSysctl(context), checkSeccomp(context), checkModules(context)])
}
